"""What the text of a refusal says of the gates that failed has a bound."""

from __future__ import annotations

from tradeworthy.promotion.findings import GateStatus
from tradeworthy.promotion.gate import GateResult
from tradeworthy.promotion.gate_lines import refusal_lines


def failed(name: str, reason: str, advice: str | None) -> GateResult:
    return GateResult(name, GateStatus.FAILED, 0.1, 0.5, reason, advice)


def test_passed_gates_are_left_out_and_one_advice_is_said_once() -> None:
    gates = [
        GateResult("fenced", GateStatus.PASSED, True, True, "it is"),
        failed("min_psr", "psr is 0.1, at least 0.5 is required", "wait"),
        failed("aligned", "it is not", None),
        failed("min_dsr", "dsr is 0.1, at least 0.5 is required", "wait"),
    ]
    assert [*refusal_lines(gates)] == [
        "  FAIL  min_psr: psr is 0.1, at least 0.5 is required",
        "  FAIL  min_dsr: dsr is 0.1, at least 0.5 is required",
        "        for these 2: wait",
        "  FAIL  aligned: it is not",
    ]


def test_the_text_has_a_bound_and_no_commands_for_a_terminal() -> None:
    many = [failed(f"gate_{n}", f"{n}\x1b[2J" + "x" * 10_000, "y" * 10_000) for n in range(40)]
    lines = [*refusal_lines(many)]
    assert lines[-1] == "  and 28 more gates: details['verdict'] has them all"
    assert len("\n".join(lines)) < 8_000
    assert all(line.isprintable() for line in lines)
