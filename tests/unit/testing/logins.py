"""A workflow through which secrets travel."""

from __future__ import annotations

from pydantic import BaseModel, SecretStr

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Login(BaseModel):
    user: str
    password: SecretStr


def change(login: Login) -> Login:
    return login.model_copy(update={"password": SecretStr(login.password.get_secret_value() + "2")})


def is_right(login: Login, code: SecretStr) -> list[str]:
    return [login.password.get_secret_value(), code.get_secret_value()]


def note(user: str) -> str:
    return user


class SignIn(WorkflowEntrypoint[Login]):
    async def run(self, event: WorkflowEvent[Login], step: WorkflowStep) -> list[str]:
        await step.do("note", note, event.payload.user)
        changed = await step.do("change", change, event.payload)
        code = await step.wait_for_event("code", type="code", payload=SecretStr)
        return await step.do("is right", is_right, changed, code)
