"""Workflows as state machines: source → program tree → Amazon States Language."""

from durable.compiler.compilation import Compiled, StepUse, compile_workflow
from durable.compiler.source.problems import CompileErrors

__all__ = ["CompileErrors", "Compiled", "StepUse", "compile_workflow"]
