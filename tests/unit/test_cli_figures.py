"""How figures are printed for a person."""

from __future__ import annotations

from tradeworthy.cli.promotion import figure_lines


def test_a_count_is_a_whole_number_and_a_figure_has_four_digits() -> None:
    metrics = {"n_observations": 56600.0, "sharpe": 0.618734, "sortino": None}
    lines = [line.split() for line in figure_lines({"metrics": metrics})]
    assert lines == [["n_observations", "56600"], ["sharpe", "0.6187"], ["sortino", "-"]]
