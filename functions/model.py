"""What all that travels through the uses has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Nothing unknown is taken, nothing changes, and no error holds the input."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
