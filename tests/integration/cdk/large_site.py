"""A worker that shows runs which return large values."""

from __future__ import annotations

from durable import Workflow
from durable.http import Api
from durable.http.statuses import WorkflowStatus


def fetch(made: Workflow[int]) -> Api:
    api = Api("Site")

    @api.get("/made/{id}")
    def show(id: str) -> WorkflowStatus:
        return WorkflowStatus.of(made.get(id))

    return api
