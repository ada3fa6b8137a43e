"""The profile of one feature over some rows: a commutative monoid of counts and moments.

Profiles of disjoint rows merge by adding counts and by Chan's update of the centred moments, so a
scan reads only new rows, in any order and on any machine. The bin edges freeze once per feature;
only profiles with the same edges merge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tradeworthy.base.digests import Json, tagged_digest
from tradeworthy.drift.drift_detection import FloatArray, atom_values, bounded, quantile_edges
from tradeworthy.errors import InvalidInput

BINS = 128
ATOM_SHARE = 0.05
SCHEME = "drift-profile/v1"


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts on frozen edges, centred moments and special values of one feature.

    Parameters
    ----------
    edges
        At most 127 increasing numbers; bin i holds the values in (edges[i-1], edges[i]].
    counts
        Finite values in each of the len(edges) + 1 bins.
    mean, squares
        Mean of the finite values and sum of squared deviations from it; 0 when there are none.
    missing, negative_infinite, positive_infinite
        Counts of NaN, -inf and +inf.
    minimum, maximum
        Of the finite values; None when there are none.
    repeats
        Finite values equal to the one right before them.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float = 0.0
    squares: float = 0.0
    missing: int = 0
    negative_infinite: int = 0
    positive_infinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    repeats: int = 0

    def __post_init__(self) -> None:
        if len(self.edges) >= BINS or len(self.counts) != len(self.edges) + 1:
            raise InvalidInput(f"a profile has at most {BINS - 1} edges and one more count")
        if any(not low < high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise InvalidInput("the edges of a profile increase")
        if not all(math.isfinite(x) for x in (*self.edges, self.mean, self.squares)):
            raise InvalidInput("the edges and moments of a profile are finite")
        specials = (self.missing, self.negative_infinite, self.positive_infinite, self.repeats)
        if min(*self.counts, *specials, self.squares) < 0:
            raise InvalidInput("counts and sums of squares are at least 0")
        if (self.minimum is None) != (self.finite == 0) or (self.maximum is None) != (
            self.finite == 0
        ):
            raise InvalidInput("minimum and maximum stand in exactly the profiles with values")

    @property
    def finite(self) -> int:
        """Number of finite values."""
        return sum(self.counts)

    @property
    def rows(self) -> int:
        """Number of values of any kind."""
        return self.finite + self.missing + self.negative_infinite + self.positive_infinite

    def merge(self, other: Profile) -> Profile:
        """Return the profile of both sets of rows; commutative, and associative up to rounding.

        Raises
        ------
        InvalidInput
            When the edges differ.

        References
        ----------
        Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance.

        Examples
        --------
        >>> edges = freeze_edges([1.0, 2.0, 3.0])
        >>> both = profile([1.0, 2.0], edges).merge(profile([6.0], edges))
        >>> both.mean, both.squares, both.maximum
        (3.0, 14.0, 6.0)
        """
        if self.edges != other.edges:
            raise InvalidInput("profiles merge only on the same edges; profile the rows again")
        mean, squares = self._merged_moments(other)
        return Profile(
            edges=self.edges,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            mean=mean,
            squares=squares,
            missing=self.missing + other.missing,
            negative_infinite=self.negative_infinite + other.negative_infinite,
            positive_infinite=self.positive_infinite + other.positive_infinite,
            minimum=min((x.minimum for x in (self, other) if x.minimum is not None), default=None),
            maximum=max((x.maximum for x in (self, other) if x.maximum is not None), default=None),
            repeats=self.repeats + other.repeats,
        )

    def _merged_moments(self, other: Profile) -> tuple[float, float]:
        n, m = self.finite, other.finite
        if n + m == 0:
            return 0.0, 0.0
        gap = other.mean - self.mean
        mean = (n * self.mean + m * other.mean) / (n + m)  # symmetric, so that merge commutes
        return mean, self.squares + other.squares + gap * gap * n * m / (n + m)

    def to_json(self) -> dict[str, Json]:
        """Return the profile as JSON-ready values; no NaN or infinity occurs in them."""
        return {
            "scheme": SCHEME,
            "edges": list(self.edges),
            "counts": list(self.counts),
            "mean": self.mean,
            "squares": self.squares,
            "missing": self.missing,
            "negative_infinite": self.negative_infinite,
            "positive_infinite": self.positive_infinite,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "repeats": self.repeats,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Profile:
        """Return the profile that ``to_json`` described.

        Raises
        ------
        InvalidInput
            For another scheme, missing or unknown keys, or values that make no profile.

        Examples
        --------
        >>> one = profile([1.0, float("nan")], freeze_edges([1.0, 2.0]))
        >>> Profile.from_json(one.to_json()) == one
        True
        """
        values = dict(data)
        if values.pop("scheme", None) != SCHEME:
            raise InvalidInput(f"not a profile of scheme {SCHEME}; make it again from the rows")
        try:
            values["edges"] = tuple(float(x) for x in values["edges"])
            values["counts"] = tuple(int(x) for x in values["counts"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"not a profile: {error}") from error


def freeze_edges(values: ArrayLike) -> tuple[float, ...]:
    """Return the edges on which a feature's profiles are counted: about 128 quantile bins.

    A value that holds 5% of the finite values or more gets a bin of its own.

    Parameters
    ----------
    values
        The rows to take the quantiles of; NaN and infinities are left out.

    Raises
    ------
    InvalidInput
        When no finite value is left.

    Examples
    --------
    >>> freeze_edges([0.0, 0.0, 1.0])[1:]
    (0.0, 0.9999999999999999, 1.0)
    """
    array = bounded(values)
    finite = np.sort(array[np.isfinite(array)])
    if finite.size == 0:
        raise InvalidInput("edges cannot be frozen without a finite value")
    atoms = atom_values(finite, ATOM_SHARE).size
    edges = quantile_edges(finite, BINS - atoms, ATOM_SHARE)
    return tuple(float(edge) for edge in edges)


def profile(values: ArrayLike, edges: tuple[float, ...]) -> Profile:
    """Return the profile of ``values`` on ``edges``.

    Examples
    --------
    >>> one = profile([1.0, 1.0, 9.0, float("nan"), float("inf")], (1.0, 5.0))
    >>> one.counts, one.missing, one.positive_infinite, one.repeats
    ((2, 0, 1), 1, 1, 1)
    """
    array = bounded(values)
    finite = array[np.isfinite(array)]
    bins = np.searchsorted(np.asarray(edges, dtype=float), finite)
    mean = float(finite.mean()) if finite.size else 0.0
    return Profile(
        edges=edges,
        counts=tuple(np.bincount(bins, minlength=len(edges) + 1).tolist()),
        mean=mean,
        squares=float(np.square(finite - mean).sum()),
        missing=int(np.isnan(array).sum()),
        negative_infinite=int(np.isneginf(array).sum()),
        positive_infinite=int(np.isposinf(array).sum()),
        minimum=float(finite.min()) if finite.size else None,
        maximum=float(finite.max()) if finite.size else None,
        repeats=int(((array[1:] == array[:-1]) & np.isfinite(array[1:])).sum()),
    )


def edges_digest(edges: tuple[float, ...]) -> str:
    """Return the digest that names a set of frozen edges in a report."""
    return tagged_digest("drift-edges/v1", np.asarray(edges, dtype="<f8").tobytes())


def atom_bins(edges: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which of the 128 bins holds a single value, shape (128,)."""
    padded = padded_edges(edges)
    single = np.zeros(BINS, dtype=bool)
    single[1 : BINS - 1] = np.nextafter(padded[1:], -np.inf) == padded[:-1]
    return np.asarray(single & np.isfinite(np.append(padded, np.inf)))


def padded_edges(edges: tuple[float, ...]) -> FloatArray:
    """Return the edges as an array of 127, filled up with +inf: the bins past it stay empty."""
    return np.pad(
        np.asarray(edges, dtype=float), (0, BINS - 1 - len(edges)), constant_values=np.inf
    )
