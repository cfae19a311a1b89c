"""Onboarding: from a sign-up to a user with a profile, settings and a welcome e-mail."""

from __future__ import annotations

import asyncio
from typing import Final

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.onboarding.create_profile import create_profile
from functions.onboarding.initialize_settings import initialize_settings
from functions.onboarding.models import SignUp
from functions.onboarding.send_welcome_email import send_welcome_email
from functions.onboarding.validate_user import validate_user

MAIL_RETRIES: Final = Retries(limit=5, delay="10 seconds", backoff="exponential")


class OnboardingWorkflow(WorkflowEntrypoint[SignUp]):
    """Sign up a user."""

    async def run(self, event: WorkflowEvent[SignUp], step: WorkflowStep) -> dict[str, str]:
        user = await step.do("validate-user", validate_user, event.payload)
        profile = await step.do("create-profile", create_profile, user)
        await asyncio.gather(
            step.do("send-welcome-email", send_welcome_email, profile, retries=MAIL_RETRIES, timeout="1 minute"),
            step.do("initialize-settings", initialize_settings, profile),
        )
        return await step.complete(
            "onboarding-complete", {"userId": profile.user_id, "message": f"Welcome, {profile.name}!"}
        )
