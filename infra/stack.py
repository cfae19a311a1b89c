"""What only this project has on AWS; the translation of app.py is the library's."""

from __future__ import annotations

from durable.cdk import DurableStack


class WebsiteStack(DurableStack):
    """One stage of the website; docs/aws.md shows what can be added here."""
