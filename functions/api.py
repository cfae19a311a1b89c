"""The website's API: start a sign-up, and see how far it is."""

from __future__ import annotations

from durable import Workflow
from durable.http import Api, IdempotencyKey, Reply, RunId, Started, WorkflowStatus, described
from functions.onboarding.models import SignUp


def fetch(onboarding: Workflow[SignUp]) -> Api:
    """Return the API; each parameter is a binding that `app.py` gives the worker."""
    api = Api("Onboarding")

    @api.post("/api/workflow/start", status_code=201, responses=described(200, 409, 503))
    def start(sign_up: SignUp, idempotency_key: IdempotencyKey = None) -> Reply[Started]:
        """Start a sign-up."""
        run = onboarding.create(sign_up, idempotency_key=idempotency_key)
        location = f"/api/workflow/status/{run.id}"
        return Reply(Started(run.id), status=201 if run.new else 200, location=location)

    @api.get("/api/workflow/status/{id}")
    def status(id: RunId) -> WorkflowStatus:
        """Show how far a sign-up is."""
        return WorkflowStatus.of(onboarding.get(id))

    return api
