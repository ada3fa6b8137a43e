"""The canonical hash of Python logic, scheme ``canon/v1``.

Source is parsed, never pickled and never compared as bytecode. Locals lose their names, imports
their aliases, literals their notation; whatever of the user's code a function reaches becomes a
named component of it. What cannot be seen through is refused.
"""

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
