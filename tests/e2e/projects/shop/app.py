"""A project with a graph worth looking at: branches, a wait for somebody, a map, a queue and e-mail."""

from __future__ import annotations

from functions.shop import deliver
from statemachines.refund import RefundWorkflow
from statemachines.restock import RestockWorkflow
from statemachines.shop import OrderWorkflow

from durable import Bucket, Database, KVNamespace, Queue, Retries, Schedule, SendEmail, Workflow

mail = SendEmail("mail", sender="shop@example.com")
parcels = Queue("parcels", consumer=deliver, bindings={"mail": mail}, retries=Retries(limit=0))
orders = Workflow("orders", OrderWorkflow, bindings={"parcels": parcels}, search=["customer"])
refunds = Workflow("refunds", RefundWorkflow)
stock = KVNamespace("stock")
invoices = Bucket("invoices")
ledger = Database("ledger")
restock = Workflow(
    "restock",
    RestockWorkflow,
    bindings={"stock": stock, "invoices": invoices, "ledger": ledger},
    schedules=[Schedule(cron="0 6 * * mon-fri", timezone="Europe/Berlin", params=["apples", "pears"])],
)
