"""Functions that do different things with a workflow, and declarations that name themselves and later ones."""

from __future__ import annotations

from durable import Queue, Worker, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.http import Api


def replace(number: int, jobs: Workflow[int]) -> str:
    """Terminate the run of a number, and start it anew."""
    jobs.terminate(str(number))
    return jobs.create(number).id


def count(number: int, jobs: Workflow[int]) -> int:
    return len(jobs.list(status="errored").runs)


def hand_on(number: int, jobs: Workflow[int]) -> int:
    return _first(jobs)


def _first(jobs: Workflow[int]) -> int:
    return len(jobs.list().runs)


def undo_replace(id: str, jobs: Workflow[int]) -> None:
    jobs.pause(id)


def resend(number: int, numbers: Queue[int], jobs: Workflow[int]) -> None:
    numbers.send(number)
    jobs.delete_batch([str(number)])


class JobWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        await step.do("replace", replace, event.payload, undo=undo_replace)
        await step.do("count", count, event.payload)


class OtherWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        await step.do("hand on", hand_on, event.payload)


def fetch(jobs: Workflow[int]) -> Api:
    api = Api("Jobs")

    @api.post("/jobs/{number}/pause")
    def pause(number: int) -> None:
        jobs.pause(str(number))

    return api


numbers = Queue(
    "numbers", consumer=resend, bindings={"numbers": Queue.named("numbers"), "jobs": Workflow.named("jobs")}
)
other = Workflow("other", OtherWorkflow, bindings={"jobs": Workflow.named("jobs")})
jobs = Workflow("jobs", JobWorkflow, bindings={"jobs": Workflow.named("jobs")})
site = Worker("site", "tests.integration.cdk.operated", bindings={"jobs": jobs})
