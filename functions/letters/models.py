"""What travels to the letters' consumer."""

from __future__ import annotations

from functions.model import Model


class Letter(Model):
    """A letter of plain text; one id, one letter."""

    id: str
    to: str
    subject: str
    text: str
