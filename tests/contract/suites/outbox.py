"""The outbox in every store: kept with its unit, delivered in order, at least once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from contract.one_call import commit, unit, view
from contract.promotion_commands import AUTHOR, NOON, OPERATOR, keep, story
from tradeworthy.errors import (
    AlreadyExists,
    InvalidInput,
    InvalidTransition,
    ModelNotFound,
    StaleStage,
)
from tradeworthy.lifecycle.commands import Quarantine
from tradeworthy.lifecycle.events import Event, VersionDrafted
from tradeworthy.lifecycle.recorded_events import body_to_json
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.ports.outbox import Message
from tradeworthy.store.unit_of_work import Store

LATER = NOON + timedelta(days=1)
LEASE = timedelta(seconds=30)
TICK = timedelta(microseconds=1)


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [message.id for message in messages]


class OutboxContract:
    """What every store has to do with messages."""

    def test_every_event_leaves_a_message(self, store: Store) -> None:
        history = story(Stage.PRODUCTION, Stage.DRAFT)
        history.does(OPERATOR, Quarantine(1), "wild 'orders' ü")
        commit(store, "m", 0, history.events[:3])
        commit(store, "m", 3, history.events[3:])
        keep(store, story(name="other"))
        assert view(store).outbox.undelivered("m") == tuple(
            Message(
                f"m/{revision}",
                "m",
                event.kind,
                {"actor": event.actor, "reason": event.reason, "event": body_to_json(event.body)},
                event.at,
            )
            for revision, event in enumerate(history.events, 1)
        )
        assert ids(view(store).outbox.undelivered("m", limit=2)) == ["m/1", "m/2"]
        assert ids(view(store).outbox.undelivered("other")) == ["other/1"]
        assert view(store).outbox.undelivered("ghost") == ()

    def test_ids_of_events_are_no_ids_of_other_messages(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        with pytest.raises(InvalidInput), store.begin() as one:
            one.outbox.add(Message("m/9", "m", "Alert", {}, NOON))

    def test_messages_go_with_their_unit(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        before = view(store).outbox.undelivered("m")
        tagged = Event("m", VersionTagged(1, "k", "v"), AUTHOR, LATER)
        with pytest.raises(InvalidTransition):
            commit(store, "m", 2, [tagged, Event("m", VersionDrafted(9), AUTHOR, LATER)])
        with pytest.raises(StaleStage):
            commit(store, "m", 1, [tagged])
        with pytest.raises(RuntimeError, match="thought better of it"), store.begin() as one:
            one.events.append("m", 2, [tagged])
            one.outbox.add(Message("mine", "m", "Note", {}, LATER))
            assert ids(one.outbox.undelivered("m"))[-2:] == ["m/3", "mine"]
            raise RuntimeError("thought better of it")
        assert view(store).outbox.undelivered("m") == before

    def test_others_may_add_messages_of_their_own(self, store: Store) -> None:
        keep(store, story())
        mine = Message("alert-7", "m", "Alert", {"severity": "SEVERE", "psi": 0.1 + 0.2}, LATER)
        unit(store).outbox.add(mine)
        assert view(store).outbox.undelivered("m")[1:] == (mine,)
        with pytest.raises(AlreadyExists):
            unit(store).outbox.add(mine)
        with pytest.raises(ModelNotFound):
            unit(store).outbox.add(Message("alert-8", "ghost", "Alert", {}, LATER))
        assert len(view(store).outbox.undelivered("m")) == 2

    def test_a_consumer_takes_a_models_messages_in_their_order(self, store: Store) -> None:
        keep(store, story(Stage.TRAINED, name="b"), story(Stage.DRAFT, name="a"))
        first = unit(store).outbox.take(LATER, LEASE, limit=3)
        assert first == view(store).outbox.undelivered("b")[:3]
        assert ids(unit(store).outbox.take(LATER, LEASE)) == ["a/1", "a/2"]
        # Both models are somebody's, whatever else waits.
        assert unit(store).outbox.take(LATER + LEASE - TICK, LEASE) == ()
        for message in first:
            assert unit(store).outbox.mark_delivered(message.id, LATER)
        assert ids(unit(store).outbox.take(LATER, LEASE)) == ["b/4", "b/5"]

    def test_what_was_marked_is_never_taken_again(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        for message in unit(store).outbox.take(LATER, LEASE):
            assert unit(store).outbox.mark_delivered(message.id, LATER)
            assert not unit(store).outbox.mark_delivered(message.id, LATER)
        assert not unit(store).outbox.mark_delivered("ghost/1", LATER)
        assert unit(store).outbox.take(LATER + 10 * LEASE, LEASE) == ()
        assert view(store).outbox.undelivered("m") == ()
        commit(store, "m", 2, [Event("m", VersionTagged(1, "k", "v"), AUTHOR, LATER)])
        assert ids(unit(store).outbox.take(LATER, LEASE)) == ["m/3"]

    def test_a_dead_consumers_messages_are_taken_again_under_their_ids(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT, Stage.DRAFT))
        taken = unit(store).outbox.take(LATER, LEASE)
        unit(store).outbox.mark_delivered(taken[0].id, LATER)
        commit(store, "m", 3, [Event("m", VersionTagged(1, "k", "v"), AUTHOR, LATER)])
        # What came in meanwhile does not overtake what the dead one held.
        assert unit(store).outbox.take(LATER + LEASE - TICK, LEASE) == ()
        assert ids(unit(store).outbox.take(LATER + LEASE, LEASE)) == ["m/2", "m/3", "m/4"]

    def test_a_take_that_is_rolled_back_holds_nothing(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        with pytest.raises(RuntimeError), store.begin() as one:
            assert len(one.outbox.take(LATER, LEASE)) == 2
            raise RuntimeError
        assert len(unit(store).outbox.take(LATER, LEASE)) == 2

    def test_racing_consumers_deliver_each_model_in_order(self, store: Store) -> None:
        names = [f"model-{number}" for number in range(5)]
        keep(store, *(story(Stage.TRAINED, Stage.DRAFT, name=name) for name in names))
        sent = {name: ids(view(store).outbox.undelivered(name)) for name in names}
        delivered: dict[str, list[str]] = {name: [] for name in names}
        start = threading.Barrier(6)

        def consume(_: int) -> None:
            start.wait()
            while messages := unit(store).outbox.take(LATER, LEASE, limit=2):
                for message in messages:
                    delivered[message.model].append(message.id)
                    assert unit(store).outbox.mark_delivered(message.id, LATER)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(consume, range(6)))
        # A consumer may have found the last models taken and gone home: the next one ends it.
        consume_rest = unit(store).outbox.take(LATER, LEASE)
        assert consume_rest == ()
        assert delivered == sent
