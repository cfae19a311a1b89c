"""The deployment, binding for binding: what `durable dev` and `durable deploy` read."""

from __future__ import annotations

from pathlib import Path

from durable import KVNamespace, Worker, Workflow

from statemachines.order import OrderWorkflow

reservations = KVNamespace("reservations")
order = Workflow("order", OrderWorkflow, bindings={"reservations": reservations})
shop = Worker("shop", "functions.api", url=True, bindings={"order": order})

if __name__ == "__main__":
    from durable.cdk import synthesise

    from infra.stack import ProjectStack

    synthesise(__name__, root=Path(__file__).resolve().parent, stack=ProjectStack)
