"""The steps of onboarding, one module a step."""
