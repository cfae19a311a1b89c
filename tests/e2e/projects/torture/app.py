"""A project whose steps say in a log when they begin and end: what is killed again and again."""

from __future__ import annotations

from functions.log import deliver
from statemachines.double import DoubleWorkflow
from statemachines.torture import TortureWorkflow

from durable import KVNamespace, Queue, Retries, Workflow

stock = KVNamespace[int]("stock")
parcels = Queue("parcels", consumer=deliver, retries=Retries(limit=100, delay="1 second", backoff="constant"))
double = Workflow("double", DoubleWorkflow)
torture = Workflow("torture", TortureWorkflow, bindings={"stock": stock, "parcels": parcels})
