"""Parameters of paths and queries that several routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from tradeworthy.base.text_forms import DIGEST_START, SHA256
from tradeworthy.wire.field_types import MAX_VERSION

Version = Annotated[int, Path(ge=1, le=MAX_VERSION)]
Sha256 = Annotated[str, Path(pattern=SHA256)]
DigestStart = Annotated[
    str,
    Path(pattern=DIGEST_START, description="A digest, or eight or more of its digits."),
]
Limit = Annotated[int, Query(ge=1, le=1000)]
