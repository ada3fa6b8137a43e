"""A policy file's text to its sections, strictly: every complaint names the line.

Scalars follow the core schema of YAML 1.2 (``1e-3`` is a number, ``yes`` and ``1:30`` are text).
Aliases, tags and keys that stand twice are refused, so that what is read is what is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import yaml

from tradeworthy.errors import PolicyInvalid
from tradeworthy.promotion.policy.policy_document import PolicyDocument, Section
from tradeworthy.promotion.policy.policy_schema import (
    GROUPS,
    KEYS,
    PolicyValue,
    checked_value,
    unknown_key_message,
)

MAX_CHARACTERS = 262_144
_MAX_DEPTH = 8
_NAMED = ("tiers", "strategies", "models")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_QUOTED = ("'", '"', "|", ">")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_policy(text: str) -> PolicyDocument:
    r"""Read the text of a policy file.

    Raises
    ------
    PolicyInvalid
        For malformed YAML, an empty file, aliases, tags, keys that stand twice, unknown keys and
        sections, and values of another type or out of range; the message names line and, for
        malformed YAML, column.

    Examples
    --------
    >>> document = parse_policy("default: {min_sharpe: 1}\nmodels: {spx: {min_sharpe: 2}}")
    >>> dict(document.default), dict(document.models["spx"])
    ({'min_sharpe': 1.0}, {'min_sharpe': 2.0})
    """
    root = _composed(text)
    sections = _pairs(root, "the policy file")
    for name, node in sections.items():
        if name not in ("default", *_NAMED):
            message = unknown_key_message(name, ("default", *_NAMED), f"line {_line(node)}: ")
            raise PolicyInvalid(message, key=name, line=_line(node))
    if "default" not in sections:
        raise PolicyInvalid("the policy file has no section 'default'; every policy starts there")
    named = {name: _named_sections(sections.get(name), name) for name in _NAMED}
    return PolicyDocument(default=_section(sections["default"], "default"), **named)


def _composed(text: str) -> yaml.Node:
    if len(text) > MAX_CHARACTERS:
        raise PolicyInvalid(f"the policy file has more than {MAX_CHARACTERS} characters; split it")
    try:
        _check_events(text)
        root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise PolicyInvalid(
            f"malformed YAML at line {line}, column {column}: {error.problem or error.context}",
            line=line,
            column=column,
        ) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise PolicyInvalid(f"malformed YAML: {error}") from error
    if root is None:
        raise PolicyInvalid("the policy file is empty; an empty policy lets nothing through")
    return root


def _check_events(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > _MAX_DEPTH:
            raise PolicyInvalid(f"line {line}: nested deeper than any policy is", line=line)
        if isinstance(event, yaml.AliasEvent):
            raise PolicyInvalid(f"line {line}: aliases are not read; write it out", line=line)
        if getattr(event, "tag", None) is not None:
            raise PolicyInvalid(f"line {line}: tags are not read; leave it out", line=line)


def _named_sections(node: yaml.Node | None, kind: str) -> Mapping[str, Section]:
    if node is None:
        return MappingProxyType({})
    pairs = _pairs(node, kind)
    return MappingProxyType(
        {name: _section(item, f"{kind}.{name}") for name, item in pairs.items()}
    )


def _section(node: yaml.Node, where: str) -> Section:
    flat: dict[str, PolicyValue] = {}
    for name, item in _pairs(node, where).items():
        if name in GROUPS:
            inner = _pairs(item, f"{where}.{name}")
            flat |= {f"{name}.{key}": _checked(f"{name}.{key}", inner[key], where) for key in inner}
        else:
            flat[name] = _checked(name, item, where)
    return MappingProxyType(flat)


def _checked(name: str, node: yaml.Node, where: str) -> PolicyValue:
    place = f"line {_line(node)}: {where}: "
    if name not in KEYS:
        raise PolicyInvalid(unknown_key_message(name, KEYS, place), key=name, line=_line(node))
    try:
        return checked_value(name, _scalar(node), place)
    except PolicyInvalid as error:
        raise PolicyInvalid(error.message, key=name, line=_line(node)) from error


def _pairs(node: yaml.Node, where: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise PolicyInvalid(
            f"line {_line(node)}: {where} must be a mapping of names to values", line=_line(node)
        )
    pairs: dict[str, yaml.Node] = {}
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            raise PolicyInvalid(f"line {line}: a key in {where} is not a name", line=line)
        if key.value in pairs:
            raise PolicyInvalid(f"line {line}: {where} has {key.value!r} twice", line=line)
        pairs[key.value] = value
    return pairs


def _scalar(node: yaml.Node) -> object:
    if not isinstance(node, yaml.ScalarNode):
        return [] if isinstance(node, yaml.SequenceNode) else {}
    text: str = node.value
    if node.style in _QUOTED:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) or _NOT_A_NUMBER.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    return text


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
