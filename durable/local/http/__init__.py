"""The HTTP server on one machine."""

from durable.local.http.application import application
from durable.local.http.edge import Limits
from durable.local.http.gateway import Gate
from durable.local.http.holding import Ends
from durable.local.http.server import PortTaken, listen, serve, server

__all__ = ["Ends", "Gate", "Limits", "PortTaken", "application", "listen", "serve", "server"]
