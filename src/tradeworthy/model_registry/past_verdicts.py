"""Past verdicts and policies of a model, read by the digests that its history names."""

from __future__ import annotations

from collections.abc import Iterable

from tradeworthy.base.digests import Json
from tradeworthy.errors import RecordNotFound
from tradeworthy.lifecycle.recorded_events import body_to_json
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.unit_of_work import Store, View


def past_verdict(store: Store, model: str, start: str) -> Document:
    """Return the verdict under which a version of the model moved.

    Parameters
    ----------
    store
        Where events and documents are kept.
    model
        Whose verdict; that of another model is not found.
    start
        Its digest, or the beginning of it.

    Raises
    ------
    RecordNotFound
        Unless exactly one begins so. What was only a dry run, or refused, is not kept.
    """
    with store.read() as view:
        return _kept(view, model, "verdict", _named(view, model, "verdict_digest"), start)


def past_policy(store: Store, model: str, start: str) -> Document:
    """Return the policy that a version of the model was judged or approved under.

    Parameters
    ----------
    store, model, start
        As for `past_verdict`.

    Raises
    ------
    RecordNotFound
        Unless exactly one begins so.
    """
    with store.read() as view:
        verdicts = map(view.documents.get, _named(view, model, "verdict_digest"))
        # A request that tightened the policy was judged under one that no event names.
        judged = {str(each.content()["policy_digest"]) for each in verdicts if each is not None}
        known = judged | _named(view, model, "policy_digest")
        return _kept(view, model, "policy", known, start)


def _named(view: View, model: str, field: str) -> set[str]:
    bodies: Iterable[dict[str, Json]] = (
        body_to_json(recorded.event.body) for recorded in view.events.of_model(model)
    )
    return {str(body[field]) for body in bodies if body.get(field) is not None}


def _kept(view: View, model: str, kind: str, known: set[str], start: str) -> Document:
    found = [digest for digest in known if digest.startswith(start)]
    document = view.documents.get(found[0]) if len(found) == 1 else None
    if document is None:
        several = f"more than one {kind} of this model begins with {start}: give more of its digits"
        none = (
            f"no {kind} of this model begins with {start}: `tradeworthy history {model}` lists "
            "them, and a dry run or a refusal is not kept"
        )
        raise RecordNotFound(
            several if len(found) > 1 else none,
            digest=start,
        )
    return document
