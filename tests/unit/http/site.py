"""A small project for these tests: a workflow, a fake of its client, and a worker's module."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from durable import Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.bindings import Created, RunStatus, Sent, StepStatus
from durable.errors import RunExists, RunNotFound
from durable.http import Api, IdempotencyKey, Reply, RunId, Started, WorkflowStatus, described


def _address(text: str) -> str:
    if "@" not in text:
        raise ValueError(f"{text} is no address")
    return text


class Card(BaseModel):
    """How to pay."""

    number: str


class Cash(BaseModel):
    """Pay at the door."""

    currency: str


class SignUp(BaseModel):
    """Somebody who signs up; it does not say that unknown fields are forbidden."""

    email: Annotated[str, AfterValidator(_address)] = Field(examples=["user@example.com"])
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(examples=["John Doe"])
    avatar_url: str | None = Field(default=None, alias="avatarUrl")
    age: int | None = None
    pays: Card | Cash | None = None
    tags: list[Card] = Field(default_factory=list)


class Onboarding(WorkflowEntrypoint[SignUp]):
    async def run(self, event: WorkflowEvent[SignUp], step: WorkflowStep) -> None: ...


EVENTS: Final[Mapping[str, Any]] = {"paid": Card, "seen": None}


class FakeWorkflow(Workflow[Any]):
    """Keeps what it was told to start and sent; `failure` is raised by the next calls."""

    def __init__(self, name: str = "onboarding", events: Mapping[str, Any] = EVENTS) -> None:
        super().__init__(name, Onboarding)
        self._payloads = events
        self.started: dict[str, Any] = {}
        self.sent: dict[str, tuple[str, str, Any]] = {}
        self.failure: Exception | None = None

    def create(
        self, params: Any, *, id: str | None = None, idempotency_key: str | None = None, priority: int = 0
    ) -> Created:
        if self.failure:
            raise self.failure
        if id is None:
            seed = idempotency_key or str(len(self.started))
            id = "run-" + hashlib.sha256(seed.encode()).hexdigest()[:8]
        if id in self.started:
            if self.started[id] != params:
                raise RunExists("secret")
            return Created(id, False)
        self.started[id] = params
        return Created(id, True)

    def get(self, id: str) -> RunStatus:
        if self.failure:
            raise self.failure
        if id not in self.started:
            raise RunNotFound(id)
        at = "2026-01-01T00:00:00.000Z"
        done = StepStatus("validate-user", "complete", 1, at, at)
        failed = StepStatus("create-profile", "errored", 2, at, at, {"name": "Taken", "message": "It is taken."})
        error = {"name": "Taken", "message": "It is taken.", "step": "create-profile"}
        return RunStatus(id, self.name, "errored", at, at, (done, failed), None, error)

    @property
    def events(self) -> Mapping[str, Any]:
        return self._payloads

    def send_event(self, instance: str, type: str, payload: Any = None, *, id: str | None = None) -> Sent:
        if self.failure:
            raise self.failure
        new = id not in self.sent
        self.sent[id or "drawn"] = (instance, type, payload)
        return Sent(id or "drawn", new)


def fetch(onboarding: Workflow[SignUp]) -> Api:
    """Return a worker's API, as functions/api.py does."""
    api = Api("Site")

    @api.post("/api/workflow/start", status_code=201, responses=described(200, 409, 503))
    def start(sign_up: SignUp, idempotency_key: IdempotencyKey = None) -> Reply[Started]:
        """Start a sign-up.

        It can be repeated.
        """
        run = onboarding.create(sign_up, idempotency_key=idempotency_key)
        location = f"/api/workflow/status/{run.id}"
        return Reply(Started(run.id), status=201 if run.new else 200, location=location)

    @api.get("/api/workflow/status/<id>")
    def status(id: RunId) -> WorkflowStatus:
        """Show a sign-up."""
        return WorkflowStatus.of(onboarding.get(id))

    return api
