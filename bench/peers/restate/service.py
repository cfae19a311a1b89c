"""Onboarding as a Restate workflow, on Restate's Python SDK: hypercorn bench.peers.restate.service:app."""

from __future__ import annotations

import restate

from bench.onboarding import Body, complete, create_profile, initialize_settings, send_welcome_email, validate_user

onboarding = restate.Workflow("Onboarding")


@onboarding.main()
async def run(context: restate.WorkflowContext, sign_up: Body) -> Body:
    user = await context.run_typed("validate-user", validate_user, user=sign_up)
    profile = await context.run_typed("create-profile", create_profile, user=user)
    await context.run_typed("send-welcome-email", send_welcome_email, profile=profile)
    await context.run_typed("initialize-settings", initialize_settings, profile=profile)
    return complete(profile)


app = restate.app([onboarding])
