"""The definitions of a declared function: its logic hashed, one for each member of a family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tradeworthy.errors import FeatureGraphInvalid
from tradeworthy.features.feature_definition import FeatureDeclaration, FeatureDefinition
from tradeworthy.features.feature_family import Value
from tradeworthy.features.logic import (
    EFFECTS,
    Component,
    Logic,
    Project,
    Root,
    make_logic,
    trace_logic,
)
from tradeworthy.features.logic.assembly import default_expressions
from tradeworthy.features.logic.encoder import form, string, value_form
from tradeworthy.features.logic.live_check import check_live
from tradeworthy.features.logic.scopes import FunctionNode, parameters


def definitions_of(
    root: Root,
    declaration: FeatureDeclaration,
    project: Project,
    function: Callable[..., Any] | None = None,
) -> list[FeatureDefinition]:
    """Hash the feature of a function, or each feature of a family.

    Parameters
    ----------
    root
        The function's source.
    declaration
        What its decorator says.
    project
        What the function reaches.
    function
        The live function, which is compared with its source.

    Raises
    ------
    FeatureLogicRefused
        If it cannot be seen through, or is not what its source says.
    FeatureGraphInvalid
        For ``*`` arguments, and for a family over what is no parameter.
    """
    allow = EFFECTS if declaration.impure else frozenset()
    trace = trace_logic(root, project, allow)
    if function is not None:
        check_live(trace, root, project, function)
    _check_family(root, declaration)
    required = required_parameters(root.node)
    return [
        FeatureDefinition(
            member,
            tuple(name for name in required if name not in member.values),
            _with_values(trace.logic, member.values),
            partial(function, **member.values) if function and member.values else function,
            f"{root.module.path}, line {root.node.lineno}",
        )
        for member in declaration.members()
    ]


def _check_family(root: Root, declaration: FeatureDeclaration) -> None:
    arguments = root.node.args
    for each in arguments.posonlyargs:
        if each.arg in declaration.each:
            raise FeatureGraphInvalid(
                f"parameter {each.arg} of feature {root.name} stands before /; a family gives it "
                "by name: put it behind"
            )
    names = [each.arg for each in parameters(arguments)]
    for name in declaration.each:
        if name not in names:
            raise FeatureGraphInvalid(
                f"feature {root.name} has no parameter {name}, which each= names; it has "
                f"{', '.join(names)}"
            )


def _with_values(logic: Logic, values: Mapping[str, Value]) -> Logic:
    """Add the values of a family's parameters to what is hashed."""
    given = [
        Component("value", name, form("value", string(name), value_form(value)), (), repr(value))
        for name, value in sorted(values.items())
    ]
    return make_logic([*logic.components, *given], logic.externals) if given else logic


def required_parameters(node: FunctionNode) -> tuple[str, ...]:
    """List the parameters without a default: a feature's dependencies, and a family's parameters.

    Raises
    ------
    FeatureGraphInvalid
        For ``*args`` and ``**kwargs``: a feature's dependencies have names.
    """
    arguments = node.args
    if arguments.vararg or arguments.kwarg:
        raise FeatureGraphInvalid(
            f"feature {getattr(node, 'name', '<lambda>')} takes * or ** arguments; "
            "name every dependency"
        )
    optional = default_expressions(arguments)
    return tuple(each.arg for each in parameters(arguments) if each.arg not in optional)
