"""The canonical hash of Python logic, scheme ``canon/v1``.

Source is parsed, never pickled and never compared as bytecode. Locals lose their names, imports
their aliases, literals their notation; whatever of the user's code a function reaches becomes a
named component of it. What cannot be seen through is refused.
"""

from typing import TYPE_CHECKING

__all__ = [
    "EFFECTS",
    "SCHEME",
    "Component",
    "Logic",
    "Module",
    "Project",
    "Root",
    "Trace",
    "component_from_json",
    "logic_digest",
    "make_logic",
    "parse_module",
    "trace_logic",
]

if TYPE_CHECKING:
    from tradeworthy.features.logic.assembly import Root, Trace, trace_logic
    from tradeworthy.features.logic.component import (
        SCHEME,
        Component,
        Logic,
        component_from_json,
        logic_digest,
        make_logic,
    )
    from tradeworthy.features.logic.project import Module, Project, parse_module
    from tradeworthy.features.logic.unsupported_constructs import EFFECTS
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Component": "tradeworthy.features.logic.component",
            "EFFECTS": "tradeworthy.features.logic.unsupported_constructs",
            "Logic": "tradeworthy.features.logic.component",
            "Module": "tradeworthy.features.logic.project",
            "Project": "tradeworthy.features.logic.project",
            "Root": "tradeworthy.features.logic.assembly",
            "SCHEME": "tradeworthy.features.logic.component",
            "Trace": "tradeworthy.features.logic.assembly",
            "component_from_json": "tradeworthy.features.logic.component",
            "logic_digest": "tradeworthy.features.logic.component",
            "make_logic": "tradeworthy.features.logic.component",
            "parse_module": "tradeworthy.features.logic.project",
            "trace_logic": "tradeworthy.features.logic.assembly",
        },
    )
