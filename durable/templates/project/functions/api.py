"""The shop's API: what there is, place an order, see how far it is."""

from __future__ import annotations

from durable import Workflow
from durable.http import Api, IdempotencyKey, Reply, RunId, Started, WorkflowStatus, described

from functions.orders.models import CENTS, Order


def fetch(order: Workflow[Order]) -> Api:
    """Return the API; each parameter is a binding that `app.py` gives the worker."""
    api = Api("Shop")

    @api.get("/items")
    def items() -> dict[str, int]:
        """List the items with their prices in cents."""
        return CENTS

    @api.post("/orders", status_code=201, responses=described(200, 409, 503))
    def place(wanted: Order, idempotency_key: IdempotencyKey = None) -> Reply[Started]:
        """Place an order."""
        run = order.create(wanted, idempotency_key=idempotency_key)
        return Reply(Started(run.id), status=201 if run.new else 200, location=f"/orders/{run.id}")

    @api.get("/orders/{id}")
    def status(id: RunId) -> WorkflowStatus:
        """Show how far an order is."""
        return WorkflowStatus.of(order.get(id))

    return api
