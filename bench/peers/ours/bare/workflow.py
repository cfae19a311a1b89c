"""Four steps in a row, as every peer runs them; and a run that waits."""

from __future__ import annotations

from bench.peers.ours.bare.steps import SignUp, create_profile, initialize_settings, send_welcome_email, validate_user
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class FourStepsWorkflow(WorkflowEntrypoint[SignUp]):
    """Sign up a user, and store nothing but the steps' results."""

    async def run(self, event: WorkflowEvent[SignUp], step: WorkflowStep) -> dict[str, str]:
        user = await step.do("validate-user", validate_user, event.payload)
        profile = await step.do("create-profile", create_profile, user)
        await step.do("send-welcome-email", send_welcome_email, profile)
        await step.do("initialize-settings", initialize_settings, profile)
        return {"userId": profile.userId, "message": f"Welcome, {profile.name}!"}


class WaitingWorkflow(WorkflowEntrypoint[SignUp]):
    """Wait for an event, as `python -m bench.scale` has many do."""

    async def run(self, event: WorkflowEvent[SignUp], step: WorkflowStep) -> str:
        await step.wait_for_event("go", type="go", timeout="1 day")
        return event.payload.name
