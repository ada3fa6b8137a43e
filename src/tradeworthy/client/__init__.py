"""Speaking to a service, a server by its URL or a home's own in process."""

from tradeworthy.client.client import Client

__all__ = ["Client"]
