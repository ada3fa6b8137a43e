"""Parity: how far answers of a served artifact may lie from those of the model it was made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RELATIVE_TOLERANCE = 1e-5


def parity_tolerance(expected: NDArray[np.float64]) -> float:
    """Return the largest difference that counts as the same answer, in units of the answers.

    Served formats compute in single precision, so the tolerance grows with the largest answer.

    Parameters
    ----------
    expected
        At least one answer of the model itself.

    Examples
    --------
    >>> parity_tolerance(np.array([0.5, -200.0]))
    0.002
    """
    return RELATIVE_TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
