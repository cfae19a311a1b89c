"""The console: a page at `/` of the local server, and what it asks for besides the operations API."""

from durable.local.console.routes import routes

__all__ = ["routes"]
