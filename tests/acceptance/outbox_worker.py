"""A process of its own that delivers messages, and dies between a delivery and its mark.

``URL HOURS DELIVERIES``: takes at so many hours after noon, prints each message's id as its
delivery, and kills itself with SIGKILL just after that many; 0 is to live until nothing is left.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta

from contract.one_call import unit
from contract.promotion_commands import NOON
from tradeworthy.store.sql_store import SqlStore


def main(url: str, hours: int, deliveries: int) -> None:
    """Deliver message after message."""
    store = SqlStore.open(url)
    now = NOON + timedelta(hours=hours)
    left = deliveries
    while messages := unit(store).outbox.take(now, timedelta(minutes=1), limit=3):
        for message in messages:
            print(message.id, flush=True)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            unit(store).outbox.mark_delivered(message.id, now)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
