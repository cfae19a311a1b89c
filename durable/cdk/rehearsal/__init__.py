"""A rehearsal: the real CDK CLI deploys a project to MiniStack, a whole AWS on this machine."""

from durable.cdk.rehearsal.api import Answer, Api
from durable.cdk.rehearsal.rehearsal import Echo, Rehearsal, answers, rehearse
from durable.cdk.rehearsal.server import RehearsalError, pause

__all__ = ["Answer", "Api", "Echo", "Rehearsal", "RehearsalError", "answers", "pause", "rehearse"]
