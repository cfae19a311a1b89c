"""The deployment, binding for binding: what `make run` and `cdk deploy` read."""

from __future__ import annotations

import os
from pathlib import Path

from durable import Bucket, KVNamespace, Queue, Schedule, SendEmail, Throttle, Worker, Workflow
from functions.letters.deliver_letter import deliver_letter
from functions.onboarding.deliver_email import deliver_email
from functions.sync.write_export import write_export
from statemachines.digest import DigestWorkflow
from statemachines.expense import ExpenseWorkflow
from statemachines.onboarding import OnboardingWorkflow
from statemachines.report import ReportWorkflow
from statemachines.source import SourceWorkflow
from statemachines.sync import SyncWorkflow

mail = SendEmail("mail", sender=os.environ.get("MAIL_SENDER", "hello@example.com"))
sent = KVNamespace("sent")
letters = Queue("letters", consumer=deliver_letter, bindings={"mail": mail, "sent": sent})

profiles = KVNamespace("profiles")
addresses = KVNamespace("addresses")
settings = KVNamespace("settings")
emails = Queue("emails", consumer=deliver_email, bindings={"mail": mail, "sent": sent})
onboarding = Workflow(
    "onboarding",
    OnboardingWorkflow,
    bindings={"profiles": profiles, "addresses": addresses, "settings": settings, "emails": emails},
)
website = Worker(
    "website",
    "functions.api",
    url=True,
    bindings={"onboarding": onboarding},
    throttles={"POST /api/workflow/start": Throttle(rate=5, burst=10)},  # each sign-up mails somebody who did not ask
)

expenses = KVNamespace("expenses")
expense = Workflow("expense", ExpenseWorkflow, bindings={"expenses": expenses, "letters": letters})

files = Bucket("files")
report = Workflow("report", ReportWorkflow, bindings={"files": files})

digest = Workflow(
    "digest",
    DigestWorkflow,
    bindings={"profiles": profiles, "letters": letters},
    schedules=[Schedule(cron="0 3 * * *", timezone="Europe/Berlin", params="operator@example.com")],
)

exchange = Bucket("exchange")
records = KVNamespace("records")
replaced = KVNamespace("replaced")
exports = Queue("exports", consumer=write_export, bindings={"exchange": exchange})
source = Workflow(
    "source",
    SourceWorkflow,
    bindings={"exchange": exchange, "exports": exports, "records": records, "replaced": replaced},
)
sync = Workflow("sync", SyncWorkflow)

if __name__ == "__main__":
    from durable.cdk import synthesise
    from infra.stack import WebsiteStack

    synthesise(__name__, root=Path(__file__).parent, stack=WebsiteStack)
