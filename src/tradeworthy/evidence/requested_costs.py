"""Costs that a request names instead of the policy's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestedCosts:
    """Costs that a request names instead of the policy's, in basis points of traded value."""

    commission_bps: float
    slippage_bps: float
