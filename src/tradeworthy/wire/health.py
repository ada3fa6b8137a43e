"""Whether the process lives and is ready."""

from __future__ import annotations

from tradeworthy.wire.bodies import ResponseBody


class Health(ResponseBody):
    """That the process lives, or is ready."""

    status: str
    epoch: int | None = None
