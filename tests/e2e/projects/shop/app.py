"""A project with a graph worth looking at: branches, a wait for somebody, a map, a queue and e-mail."""

from __future__ import annotations

from functions.shop import deliver
from statemachines.refund import RefundWorkflow
from statemachines.shop import OrderWorkflow

from durable import Queue, Retries, SendEmail, Workflow

mail = SendEmail("mail", sender="shop@example.com")
parcels = Queue("parcels", consumer=deliver, bindings={"mail": mail}, retries=Retries(limit=0))
orders = Workflow("orders", OrderWorkflow, bindings={"parcels": parcels}, search=["customer"])
refunds = Workflow("refunds", RefundWorkflow)
