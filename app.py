"""The deployment, binding for binding: what `make run` and `cdk deploy` read."""

from __future__ import annotations

import os

from durable import Bucket, KVNamespace, Queue, Schedule, SendEmail, Worker, Workflow
from functions.letters.deliver_letter import deliver_letter
from functions.onboarding.deliver_email import deliver_email
from functions.sync.write_export import write_export
from statemachines.digest import DigestWorkflow
from statemachines.onboarding import OnboardingWorkflow
from statemachines.source import SourceWorkflow
from statemachines.sync import SyncWorkflow

profiles = KVNamespace("profiles")
addresses = KVNamespace("addresses")
settings = KVNamespace("settings")
sent = KVNamespace("sent")
mail = SendEmail("mail", sender=os.environ.get("MAIL_SENDER", "hello@example.com"))
emails = Queue("emails", consumer=deliver_email, bindings={"mail": mail, "sent": sent})
onboarding = Workflow(
    "onboarding",
    OnboardingWorkflow,
    bindings={"profiles": profiles, "addresses": addresses, "settings": settings, "emails": emails},
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
letters = Queue("letters", consumer=deliver_letter, bindings={"mail": mail, "sent": sent})
digest = Workflow(
    "digest",
    DigestWorkflow,
    bindings={"profiles": profiles, "letters": letters},
    schedules=[Schedule(cron="0 3 * * *", timezone="Europe/Berlin", params="operator@example.com")],
)
website = Worker("website", "functions.api", url=True, bindings={"onboarding": onboarding})

if __name__ == "__main__":
    from infra.app import synthesise

    synthesise(__name__)
