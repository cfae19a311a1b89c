"""What only this project has on AWS; the library translates app.py."""

from __future__ import annotations

from durable.cdk import DurableStack


class ProjectStack(DurableStack):
    """One stage of the project. Add constructs of your own in `__init__`, after `super().__init__`."""
