"""The API of the four-step project: start a run, and see how far it is."""

from __future__ import annotations

from bench.peers.ours.bare.steps import SignUp
from durable import Workflow
from durable.http import Api, IdempotencyKey, Reply, RunId, Started, WorkflowStatus


def fetch(onboarding: Workflow[SignUp]) -> Api:
    """Return the API; its parameter is a binding that `app.py` gives the worker."""
    api = Api("Four steps")

    @api.post("/api/workflow/start", status_code=201)
    def start(sign_up: SignUp, idempotency_key: IdempotencyKey = None) -> Reply[Started]:
        """Start a run."""
        run = onboarding.create(sign_up, idempotency_key=idempotency_key)
        return Reply(Started(run.id), location=f"/api/workflow/status/{run.id}")

    @api.get("/api/workflow/status/{id}")
    def status(id: RunId) -> WorkflowStatus:
        """Show how far a run is."""
        return WorkflowStatus.of(onboarding.get(id))

    return api
