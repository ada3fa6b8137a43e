"""Backtests, promotions and approvals."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradeworthy.cli.context import (
    AsJson,
    Version,
    as_content,
    client_of,
    fields,
    for_errors_too,
    key_values,
    outcome,
    print_aside,
    show,
    working,
)
from tradeworthy.promotion.gate_lines import gate_lines

if TYPE_CHECKING:
    from tradeworthy.client import Client

# In the order in which they are shown.
_MARKS = {"FAILED": "FAIL", "NOT_APPLICABLE": "n/a ", "PASSED": "pass"}

Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Show each gate that passed.", callback=for_errors_too),
]


PLACE = 50


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backtest)
    app.command()(promote)
    app.command()(approve)


def backtest(
    ctx: typer.Context,
    model: str,
    version: Version,
    dataset_hash: Annotated[
        str | None, typer.Option("--dataset", help="A dataset's hash; the manifest's by default.")
    ] = None,
    commission_bps: Annotated[float | None, typer.Option(min=0)] = None,
    slippage_bps: Annotated[float | None, typer.Option(min=0)] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Leave it to a running service and print the job.")
    ] = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate a version out of sample and judge it by its policy.

    The exit code is 0 whatever the gates say: what they refuse is `promote`.
    """
    costs = None
    if commission_bps is not None or slippage_bps is not None:
        costs = {"commission_bps": commission_bps or 0.0, "slippage_bps": slippage_bps or 0.0}
    with client_of(ctx) as client, working("backtesting"):
        start = client.submit_backtest if no_wait else client.backtest
        found = start(model, version, dataset_hash=dataset_hash, costs=costs)
    later = outcome("left to a running service: `tradeworthy jobs show {job}` says what came of it")
    lines = later if no_wait else partial(backtest_lines, verbose=verbose)
    show(found, as_json=as_json, human=lines)


def backtest_lines(found: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    """Lay out what a backtest found."""
    yield f"backtested {found['model']} v{found['version']}: result {found['result_digest']}"
    yield from fields({f"  {name}": value for name, value in found["metrics"].items()})
    yield from verdict_lines(found["verdict"], verbose=verbose)


def promote(
    ctx: typer.Context,
    model: str,
    version: Version,
    target: Annotated[
        str | None, typer.Option("--to", help="The stage; the next one by default.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--override", help="key=value of a threshold to tighten.")
    ] = None,
    reason: str = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge, change nothing.")] = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Move a version one stage forward, if its gates pass.

    The exit code is 3 where a gate refuses it. With --dry-run it is 0 whatever the gates say.
    """
    tightened = key_values("--override", overrides) if overrides else None
    with client_of(ctx) as client:
        found = client.promote(
            model,
            version,
            target and target.upper(),
            overrides=tightened,
            reason=reason,
            dry_run=dry_run,
        )
    show(found, as_json=as_json, human=partial(_plan_lines, verbose=verbose))


def _plan_lines(found: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    what = "done" if found["applied"] else "allowed" if found["allowed"] else "refused"
    yield f"{found['model']} v{found['version']}: {found['source']} -> {found['target']}: {what}"
    yield from verdict_lines(found["verdict"], verbose=verbose)
    if found["applied"]:
        yield f"verdict {found['verdict_digest']}"


def verdict_lines(verdict: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    """Lay a verdict out: what failed first, what passed in one line unless ``verbose``."""
    for status, mark in _MARKS.items():
        gates = [gate for gate in verdict["gates"] if gate["status"] == status]
        if status == "PASSED" and gates and not verbose:
            names = ", ".join(gate["gate"] for gate in gates)
            yield f"  {mark}  {len(gates)} {'gate' if len(gates) == 1 else 'gates'}: {names}"
            continue
        lines = ((gate["gate"], gate["reason"], gate["advice"]) for gate in gates)
        yield from gate_lines(mark, lines)


def approve(
    ctx: typer.Context,
    model: str,
    version: Version,
    content_digest: Annotated[
        str | None,
        typer.Option(
            "--content", help="The content digest you have read; the current one by default."
        ),
    ] = None,
    reason: str = "",
    as_json: AsJson = False,
) -> None:
    """Approve the content of a version for PRODUCTION."""
    from tradeworthy.access.roles import Action
    from tradeworthy.client.requests import check_fields
    from tradeworthy.client.rights import check_right
    from tradeworthy.wire.approvals import ApproveVersion

    with client_of(ctx) as client:
        read = {} if content_digest is None else {"content_digest": content_digest}
        check_fields(ApproveVersion, reason=reason, **read)
        if content_digest is None:
            check_right(client, Action.APPROVE, client.status(model).strategy)
            found = as_content(client.version(model, version))
            content_digest = _ask_to_approve(found, _gates_now(client, model, version))
        found = client.approve(model, version, content_digest, reason=reason)
    show(found, as_json=as_json, human=_approval_lines)


def _approval_lines(found: dict[str, Any]) -> Iterator[str]:
    newest = found["approvals"][-1]
    what = f"{found['model']} v{found['version']} for {newest['target']}"
    yield f"approved {what} as {newest['approver']}"
    yield from fields(found)
    yield from approval_lines(found)


def approval_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Say who approved a version, and when."""
    yield from (f"approved by {each['approver']} at {each['at']}" for each in found["approvals"])


def figure_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Lay out the figures of a version's latest backtest, none before there is one."""
    yield from fields({f"  {name}": value for name, value in (found["metrics"] or {}).items()})


def _gates_now(client: Client, model: str, version: int) -> Iterator[str]:
    """Lay out what the gates of a version's next step say now, if it has a next step."""
    from tradeworthy.errors import InvalidTransition

    try:
        plan = client.promote(model, version, dry_run=True)
    except InvalidTransition:
        return
    yield from _plan_lines(as_content(plan), verbose=False)


def _ask_to_approve(found: dict[str, Any], gates: Iterable[str]) -> str:
    """Show what an approval is of, and return the digest of its content if the answer is yes."""
    from tradeworthy.errors import InvalidInput, ManifestInvalid

    content = found["content_digest"]
    if content is None:
        raise ManifestInvalid(
            f"version {found['version']} has no manifest yet, so there is nothing to approve: "
            f"{found['author']}, who drafted it, uploads one or trains a new version"
        )
    print_aside([*_approved_lines(found), *gates])
    sys.stderr.write(f"Approve content {content}? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not sys.stdin.isatty():
        sys.stderr.write("\n")
    if answer.strip().lower() not in {"y", "yes"}:
        raise InvalidInput(
            f"nothing was approved: answer y, or name what you have read: --content {content}"
        )
    return str(content)


def _approved_lines(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{found['model']} v{found['version']}, {found['stage']}, drafted by {found['author']}, "
        f"trained by {found['trainer'] or 'nobody yet'}"
    )
    yield from approval_lines(found)
    yield "latest backtest:" if found["metrics"] else "no backtest yet"
    yield from figure_lines(found)
