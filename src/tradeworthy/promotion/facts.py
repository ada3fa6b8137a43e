"""What is known about a candidate when its gates judge; unknown never passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TypeVar

from tradeworthy.base.digests import Json

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Basis:
    """What the facts rest on, kept in the verdict.

    Attributes
    ----------
    artifact_digest, manifest_digest, dataset_hash, evidence_digest, result_digest
        Of what was judged.
    training_data_rebuilt
        Whether the backtest's market data gave the training table of the manifest.
    sharpe_per_period, periods_per_year
        The Sharpe ratio before it was annualised, and by how many periods.
    formulas
        The versions of the formulas.
    """

    artifact_digest: str | None
    manifest_digest: str | None
    dataset_hash: str
    evidence_digest: str
    result_digest: str
    training_data_rebuilt: bool
    sharpe_per_period: float | None
    periods_per_year: float
    formulas: str

    def as_dict(self) -> dict[str, Json]:
        """Return the basis as JSON."""
        return asdict(self)


class Facts:
    """What the registry gathered, a value for each concern, from evidence it computed itself.

    Parameters
    ----------
    *known
        Facts of the concerns of which something is known, each of a class of its own.
    ledger_position
        How many trials of the strategy were known.
    basis
        What the facts rest on, None where there is no evidence.
    candidate
        Model and version that the facts are about, for the commands of an advice.

    Examples
    --------
    >>> from tradeworthy.promotion.gates.reason import ReasonFacts
    >>> Facts(ReasonFacts("superseded")).of(ReasonFacts)
    ReasonFacts(reason='superseded')
    >>> Facts().of(ReasonFacts)
    ReasonFacts(reason=None)
    """

    __slots__ = ("_known", "basis", "candidate", "ledger_position")

    def __init__(
        self,
        *known: object,
        ledger_position: int | None = None,
        basis: Basis | None = None,
        candidate: tuple[str, int] | None = None,
    ) -> None:
        self._known: Mapping[type, object] = MappingProxyType({type(f): f for f in known})
        self.ledger_position = ledger_position
        self.basis = basis
        self.candidate = candidate

    def of(self, kind: type[F]) -> F:
        """Return the facts of this class, those of which nothing is known if there are none."""
        found = self._known.get(kind)
        return found if isinstance(found, kind) else kind()
