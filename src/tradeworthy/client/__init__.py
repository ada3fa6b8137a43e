"""Speaking to a service, a server by its URL or a home's own in process."""

from tradeworthy.client.client import Client
from tradeworthy.client.token_file import read_token

__all__ = ["Client", "read_token"]
