"""What travels to the letters' consumer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Letter(BaseModel):
    """A letter of plain text; one id, one letter."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str
    to: str
    subject: str
    text: str
