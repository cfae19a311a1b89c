"""The operator's plane: routes that start, list, show and operate runs of any workflow."""

from durable.operations.routes.plane import Operator, operations

__all__ = ["Operator", "operations"]
