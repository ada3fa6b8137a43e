"""The types of what evidence records: read strictly, so that no text passes for a number."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import ConfigDict, Field, Strict

Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
Whole = Annotated[int, Strict()]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Number: TypeAlias = Whole | Finite
Figure: TypeAlias = Whole | Finite | None
"""A figure that may be undefined, as a Sharpe ratio without a deviation."""


class StrictRecord:
    """Base of every record: unknown keys, NaN and infinities are refused."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
