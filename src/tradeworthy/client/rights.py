"""What a client may do, looked at before work that the registry would refuse in the end."""

from __future__ import annotations

from tradeworthy.access.roles import Action, Actor
from tradeworthy.client.client import Client


def check_right(client: Client, action: Action, strategy: str) -> None:
    """Raise ``Forbidden`` unless the bearer of the client's token may do something.

    Parameters
    ----------
    client
        Whose right it is.
    action, strategy
        What is to be done, and the strategy of the model that it is done to.
    """
    sender = client.whoami()
    scope = None if sender.strategies is None else frozenset(sender.strategies)
    Actor(sender.actor, frozenset(sender.roles), scope).require(action, strategy)
