"""Write the pages of docs/reference that follow from the code, and the OpenAPI document.

Run ``python docs/generate_reference.py`` after a change of the code; the test suite makes the same
pages and compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import getdoc, isclass, isfunction, ismodule
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from openapi_document import openapi_document
from reference_words import ADVICE, BY_REQUEST, FIGURES, MANIFEST, NAMES
from typer.main import get_command

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import ACTION
from tradeworthy.api.http.problems import STATUS
from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import run_backtest
from tradeworthy.base.settings import Settings
from tradeworthy.cli.app import app as command_line
from tradeworthy.cli.exit_codes import MEANINGS, exit_code
from tradeworthy.errors import leaves, title
from tradeworthy.features.logic.public_names import OTHER_PATHS, SEMANTICS
from tradeworthy.lifecycle.recorded_events import event_kinds
from tradeworthy.lifecycle.stages import TRANSITIONS, is_promotion
from tradeworthy.manifest.completeness import (
    REQUIRED_FOR_TRAINED,
    REQUIRED_FOR_VALIDATED,
)
from tradeworthy.manifest.manifest_fields import ManifestFields
from tradeworthy.market_data.bars import BarArrays
from tradeworthy.promotion.concerns import GATES
from tradeworthy.promotion.files.policy_file import default_policy_path, read_policy_file
from tradeworthy.promotion.policy.policy_schema import BUILT_IN, KEYS, Kind, PolicyKey

# Figures that only gates show.
_OF_GATES = ("artifact_sharpe", "dsr", "pbo")
FOLDER = Path(__file__).parent / "reference"
OPENAPI = Path(__file__).parents[1] / "src" / "tradeworthy" / "api" / "openapi.json"
NOTICE = "<!-- Written by docs/generate_reference.py from the code; change that and run it. -->"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out as a Markdown table."""
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(_cell(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("``", "`")


def page(title: str, *parts: str) -> str:
    """Put a page together."""
    return "\n\n".join((f"# {title}", NOTICE, *parts)) + "\n"


def settings_page() -> str:
    """Every setting with its environment variable and default."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        rows.append((f"`{name}`", f"`TRADEWORTHY_{name.upper()}`", default, field.description))
    return page(
        "Settings",
        "Read from the environment when a command or the service starts. An option of the command "
        "line wins over the environment. An empty variable counts as one that is not set; one that "
        "can only be a misspelt setting is refused. The command line itself also reads "
        "`TRADEWORTHY_SERVER`, `TRADEWORTHY_TOKEN_FILE` and `TRADEWORTHY_TOKEN`.",
        table(("Setting", "Environment variable", "Default", "Meaning"), rows),
    )


def routes_page() -> str:
    """Every route and method, who may call it, and what it takes."""
    document = openapi_document()
    rows = []
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {})
            rows.append(
                (
                    f"`{method.upper()} {path}`",
                    operation["description"].splitlines()[0],
                    _callers(method.upper(), path, operation.get(ACTION)),
                    ", ".join(_body(kind, content) for kind, content in body.items()) or "-",
                )
            )
    return page(
        "Routes",
        "`/openapi.json` holds every field. Bodies are JSON unless another type "
        "is named, unknown fields are refused. Errors are `application/problem+json` with a "
        "stable `code` ([errors](errors.md)). Checks answer in the order 401, 403, 404, 413, 415, "
        "422, 423, 409, 503. A token that is scoped to strategies sees and touches only those.",
        "Every POST but predict takes an `Idempotency-Key`: a repeat is answered with the first "
        "reply and `Idempotency-Replayed: true`, the same key with another request is a 409. "
        "Replies that hold a token are never kept; such a repeat is a 409. `promote` takes "
        "`If-Match` with the "
        "ETag of `status` or `versions` and answers 412 when the model has moved on; what "
        "else changes anything refuses an `If-Match`. Predict and every GET change nothing, so "
        "they read neither header. JSON is UTF-8, with no key twice, no NaN and at most 100 "
        "levels. Predict is answered before the framework, only by a running service.",
        table(("Route", "What it does", "Who", "Body"), rows),
    )


def openapi_text() -> str:
    """Return what the service answers as `/openapi.json`."""
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def _callers(method: str, path: str, action: str | None) -> str:
    if action is None:
        return "everybody, without a token"
    allowed = Action(action).roles
    everybody = Action.READ.roles
    callers = "any token" if allowed == everybody else ", ".join(sorted(allowed))
    return BY_REQUEST.get((method, path), callers)


def _body(kind: str, content: Mapping[str, Any]) -> str:
    reference = content["schema"].get("$ref")
    return f"`{reference.rpartition('/')[2]}`" if reference else kind


def commands_page() -> str:
    """Every command with its arguments and options."""
    root = get_command(command_line)
    parts = [
        "Options before the command:",
        _options(root),
        "`--token-file` or `TRADEWORTHY_TOKEN_FILE` says who you are; `TRADEWORTHY_TOKEN` takes "
        "the token itself. Without `--server` the command speaks to the home's own service in "
        "the same process, with the same checks as over HTTP.",
        "With `--json` standard output is one JSON value, also when the answer is an error: then "
        "it has `code`, `detail` and `details`. An error's line for a person is on standard error.",
    ]
    for name, command in _commands(root, "tradeworthy"):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join([name, *(_placeholder(each) for each in arguments)])
        parts += [f"## `{usage}`", command.help or "", _options(command)]
    parts += ["## Exit codes", table(("Code", "Meaning"), list(MEANINGS.items()))]
    return page("Commands", *(part for part in parts if part))


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _placeholder(argument: Any) -> str:
    shown = (argument.metavar or argument.name).upper() + ("..." if argument.nargs == -1 else "")
    return shown if argument.required else f"[{shown}]"


def _options(command: Any) -> str:
    rows = []
    for option in command.params:
        if option.param_type_name == "option" and not option.hidden and option.name != "help":
            flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
            known = isinstance(option.default, str | int | float) and option.default not in {
                "",
                False,
            }
            default = "required" if option.required else f"`{option.default}`" if known else "-"
            rows.append((flags, default, option.help or "-"))
    return table(("Option", "Default", "Meaning"), rows) if rows else ""


def errors_page() -> str:
    """Every error code with its status, its exit code and what to do."""
    known = leaves()
    _same(ADVICE, known, "ADVICE")
    rows = [
        (f"`{code}`", STATUS[code], exit_code(error("")), title(error), ADVICE[code])
        for code, error in sorted(known.items())
    ]
    return page(
        "Error codes",
        "Over HTTP an error is a problem document (RFC 9457): `type`, `title`, `status`, `code`, "
        "`detail`, `instance` and, where there are facts to tell, `details`. On the command line "
        "it is one line, `code: message`, and an exit code. Programs match on the code; it never "
        "changes once released.",
        table(("Code", "HTTP", "Exit", "What it is", "What to do"), rows),
    )


def policy_page() -> str:
    """Every policy key, and every gate."""
    meanings = _policy_meanings(default_policy_path().read_text(encoding="utf-8"))
    default = read_policy_file().default
    keys = [
        (
            f"`{key.name}`",
            _kind(key),
            key.tighter or "-",
            f"`{default[key.name]}`" if key.name in default else "-",
            f"`{BUILT_IN[key.name]}`" if key.name in BUILT_IN else "-",
            meanings[key.name],
        )
        for key in KEYS.values()
    ]
    gates = [
        (
            f"`{gate.name}`",
            ", ".join(stage for stage in TRANSITIONS if stage in gate.targets),
            gate.advice,
        )
        for gate in GATES
    ]
    return page(
        "Policy keys and gates",
        "The policy file is YAML with the sections `default`, `tiers`, `strategies` and `models`. "
        "One model's policy is put together key by key: a promote request's overrides > "
        "`models.NAME` > `strategies.NAME` > `tiers.NAME` > `default` > built in. Dotted keys "
        "stand in a group of that name. A request may override keys with a tighter direction; "
        "with `overrides: tighten_only` only in that direction.",
        table(("Key", "Type", "Tighter", "Shipped file", "Built in", "Meaning"), keys),
        "## Gates",
        "A gate passes, fails, or is not applicable with a reason; a figure that is missing fails.",
        table(("Gate", "Judged before", "What to do when it fails"), gates),
    )


def _kind(key: PolicyKey) -> str:
    if key.choices:
        return ", ".join(key.choices)
    if key.kind in {Kind.FLAG, Kind.INTERVAL}:
        return str(key.kind)
    left, right = "(" if key.low_open else "[", ")" if key.high_open else "]"
    return f"{key.kind} in {left}{key.low:g}, {key.high:g}{right}"


def _policy_meanings(text: str) -> dict[str, str]:
    """Return the first sentence of the comment above each key of the shipped file's default."""
    found: dict[str, str] = {}
    comment: list[str] = []
    group = ""
    for line in text.partition("default:\n")[2].partition("\ntiers:")[0].splitlines():
        said = re.fullmatch(r" +# (?!---)(.*)", line)
        key = re.fullmatch(r"( +)(\w+):.*", line)
        if said:
            comment.append(said[1])
        elif key and key[2] in {"evaluation", "drift"}:
            group, comment = key[2] + ".", []
        elif key:
            name = (group if len(key[1]) == 4 else "") + key[2]
            found[name] = re.split(r"(?<=[.;:])\s", " ".join(comment) + " ", maxsplit=1)[0]
            comment = []
    return {name: text.rstrip(".;: ") + "." for name, text in found.items()}


def figures_page() -> str:
    """Every figure of a backtest, with its unit, its direction and its definition."""
    prices = np.array([[100.0], [101.0], [103.0], [102.0]])
    dates = np.arange(4).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(dates, ("A",), prices, prices, prices, prices)
    metrics = run_backtest(bars, [1.0] * 4, costs=Costs()).metrics
    _same(FIGURES, (*metrics, *_OF_GATES), "FIGURES")
    rows = [(f"`{name}`", *FIGURES[name]) for name in FIGURES]
    return page(
        "Figures of a backtest",
        "What `tradeworthy backtest` prints: net of costs, out of sample, over the walk-forward "
        "folds together. A return is the change of equity over one bar as a share (0.01 is 1%). "
        "A figure that is undefined, as a Sharpe ratio without variation, is null (`-`), and its "
        "gate fails.",
        table(("Figure", "Unit", "Better", "What it is"), rows),
    )


def manifest_page() -> str:
    """Every field of a manifest."""
    found = dict(_manifest_fields(ManifestFields, ""))
    _same(MANIFEST, found, "MANIFEST")
    needed = dict.fromkeys(REQUIRED_FOR_TRAINED, "TRAINED") | dict.fromkeys(
        REQUIRED_FOR_VALIDATED, "VALIDATED"
    )
    rows = [(f"`{name}`", needed.get(name, "-"), text) for name, text in MANIFEST.items()]
    return page(
        "Manifest fields",
        "A manifest is JSON, read strictly: unknown keys, keys that stand twice, NaN and hashes "
        "that do not fit what stands beside them are refused. What was not recorded is null, and "
        "the gates say so. Its digest is of canonical JSON with sorted keys that keeps 1 and 1.0 "
        "apart; the JSON Schema is `src/tradeworthy/manifest/manifest.schema.json`.",
        table(("Field", "Needed for", "Meaning"), rows),
    )


def _manifest_fields(record: type, prefix: str) -> Iterator[tuple[str, None]]:
    hints = get_type_hints(record)
    for field in fields(record):
        name = prefix + field.name
        inner, listed = _record_in(hints[field.name])
        if inner is None:
            yield name, None
            continue
        if listed or prefix or inner.__name__ == "EntryPoint":
            yield name, None
        yield from _manifest_fields(inner, name + ("[]." if listed else "."))


def _record_in(hint: Any) -> tuple[type | None, bool]:
    if is_dataclass(hint):
        return cast("type", hint), False
    listed = get_origin(hint) is tuple
    if listed or get_origin(hint) in {Union, UnionType}:
        for part in get_args(hint):
            if part not in {NoneType, Ellipsis}:
                inner, deeper = _record_in(part)
                if inner is not None:
                    return inner, listed or deeper
    return None, listed


def lifecycle_page() -> str:
    """The stages, the moves between them, and the events."""
    bodies = event_kinds().values()
    moves = [
        (source, target, *_move(source, target))
        for source, targets in TRANSITIONS.items()
        for target in sorted(targets, key=list(TRANSITIONS).index)
    ]
    kinds = [
        (
            f"`{body.__name__}`",
            ", ".join(f"`{f.name}`" for f in fields(body)),
            (getdoc(body) or "").splitlines()[0],
        )
        for body in bodies
    ]
    roles = [
        (f"`{action}`", ", ".join(sorted(allowed)))
        for action, allowed in ((each, each.roles) for each in Action)
        if allowed != Action.READ.roles
    ]
    return page(
        "Lifecycle, events and roles",
        "A model has at most one version in PRODUCTION. A quarantined version keeps its stage and "
        "does not predict.",
        table(("From", "To", "How", "Role"), moves),
        "## Events",
        "A version's state is the fold of its model's events; nothing recorded is changed.",
        table(("Event", "Holds", "Meaning"), kinds),
        "## Roles",
        "Every token may read, predict and dry-run a promotion. What else takes which role:",
        table(("Action", "Roles"), roles),
    )


def _move(source: Any, target: Any) -> tuple[str, str]:
    if is_promotion(source, target):
        (role,) = Action[f"PROMOTE_{target}"].roles
        return "promote", role
    if target == "RETIRED":
        (role,) = Action.RETIRE.roles
        return "retire, with a reason", role
    return "a new champion takes over; stands by for a rollback", "-"


def names_page() -> str:
    """Every public name of Python, where to import it from and its semantics number."""
    rows = []
    named = set()
    for name, number in sorted(SEMANTICS.items(), key=lambda item: item[0].lower()):
        home, _, last = name.rpartition(".")
        value = getattr(import_module(home), last)
        if isfunction(value) or isclass(value) or ismodule(value):
            meaning = (getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")
        else:
            meaning = NAMES[name]
            named.add(name)
        rows.append((f"`{last}`", f"`{home}`", meaning, number))
    _same(NAMES, named, "NAMES")
    others: dict[str, list[str]] = {}
    for path in OTHER_PATHS:
        home, _, last = path.rpartition(".")
        others.setdefault(home, []).append(f"`{last}`")
    paths = [f"`{home}` ({', '.join(sorted(names))})" for home, names in sorted(others.items())]
    return page(
        "Public names",
        "What users import; every other path may change. The canonical hash of a feature or recipe "
        "holds the public name of what it uses and its semantics number, which is raised when "
        "what the name does changes. A name that is not here is refused in hashed logic.",
        table(("Name", "Import it from", "What it is", "Semantics"), rows),
        f"The same names stand in {', '.join(paths)}; the hash is the same.",
    )


def _same(words: Mapping[str, str], known: Any, name: str) -> None:
    missing, gone = sorted(set(known) - set(words)), sorted(set(words) - set(known))
    if missing or gone:
        raise SystemExit(f"reference_words.{name}: missing {missing}, no longer there {gone}")


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "routes.md": routes_page,
    "commands.md": commands_page,
    "errors.md": errors_page,
    "policy.md": policy_page,
    "figures.md": figures_page,
    "manifest.md": manifest_page,
    "lifecycle.md": lifecycle_page,
    "public-names.md": names_page,
}


if __name__ == "__main__":
    for file, make in PAGES.items():
        (FOLDER / file).write_text(make(), encoding="utf-8")
    OPENAPI.write_text(openapi_text(), encoding="utf-8")
