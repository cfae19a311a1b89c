"""What all that travels through the uses has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Nothing unknown is taken, `true` is no number and "5" neither, nothing changes, and no error holds the input."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
