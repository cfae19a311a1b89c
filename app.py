"""The deployment, binding for binding: what `make run` and `cdk deploy` read."""

from __future__ import annotations

import os

from durable import Bucket, KVNamespace, Queue, SendEmail, Worker, Workflow
from functions.letters.deliver_letter import deliver_letter
from functions.onboarding.deliver_email import deliver_email
from statemachines.expense import ExpenseWorkflow
from statemachines.onboarding import OnboardingWorkflow
from statemachines.report import ReportWorkflow

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
letters = Queue("letters", consumer=deliver_letter, bindings={"mail": mail, "sent": sent})

expenses = KVNamespace("expenses")
expense = Workflow("expense", ExpenseWorkflow, bindings={"expenses": expenses, "letters": letters})

files = Bucket("files")
report = Workflow("report", ReportWorkflow, bindings={"files": files})

website = Worker("website", "functions.api", url=True, bindings={"onboarding": onboarding})

if __name__ == "__main__":
    from infra.app import synthesise

    synthesise(__name__)
