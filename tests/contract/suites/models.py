"""Models, versions, events and commits: what every store has to do alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest

from contract.one_call import commit, position, view
from contract.promotion_commands import (
    APPROVER,
    AUTHOR,
    NOON,
    OPERATOR,
    POLICY,
    VERDICT,
    Story,
    digest,
    keep,
    promote_to,
    recorded,
    story,
)
from tradeworthy.errors import InvalidInput, InvalidTransition, StaleStage, VersionNotFound
from tradeworthy.lifecycle.commands import LiftQuarantine, Quarantine, Retire
from tradeworthy.lifecycle.events import Event, ModelRegistered, VersionDrafted, VersionPromoted
from tradeworthy.lifecycle.evolve import fold
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag, VersionTagged
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.models import ModelRecord, ModelSummary
from tradeworthy.store.ports.trials import LedgerEntry
from tradeworthy.store.ports.versions import MAX_TAGS, VersionQuery
from tradeworthy.store.unit_of_work import Store

EVERYTHING = VersionQuery()


def full_story(name: str = "m", strategy: str = "trend") -> Story:
    """Every kind of event once at least."""
    history = story(Stage.PRODUCTION, Stage.STAGING, Stage.DRAFT, name=name, strategy=strategy)
    history.does(OPERATOR, promote_to(2, Stage.PRODUCTION), "better")
    history.does(AUTHOR, Tag(2, "desk", "rates"))
    history.does(AUTHOR, Tag(2, "desk", "credit"))
    history.does(OPERATOR, Quarantine(2), "wild orders")
    history.does(OPERATOR, LiftQuarantine(2), "limits set")
    history.does(OPERATOR, Retire(3), "withdrawn")
    return history


GOOD = VersionTagged(1, "k", "good")
IMPOSSIBLE = [
    ("another champion", VersionPromoted(2, Stage.STAGING, Stage.PRODUCTION, VERDICT, POLICY)),
    ("a number twice", VersionDrafted(2)),
    ("a gap", VersionDrafted(9)),
    ("no such version", VersionTagged(9, "k", "v")),
    ("from another stage", VersionPromoted(2, Stage.DRAFT, Stage.TRAINED, VERDICT, POLICY)),
    ("registered twice", ModelRegistered("s", "o", "t")),
]


def champion_at(store: Store, moment: datetime) -> int | None:
    """What was in PRODUCTION at a moment."""
    champion = fold("m", [r.event for r in view(store).events.of_model("m", until=moment)]).champion
    return champion.version if champion else None


NAMES = ["B", "Z-1", "a", "a-b", "a.b", "aB", "a_b", "ab", "b"]


class ModelsContract:
    """Models, versions, events and what is written with them."""

    def test_an_empty_store_has_nothing(self, store: Store) -> None:
        assert view(store).models.get("m") is None
        assert view(store).models.page() == ()
        assert view(store).versions.search(EVERYTHING) == ()
        assert view(store).versions.tags("m") == {}
        assert view(store).models.production() == ()
        assert view(store).models.strategies() == frozenset()
        assert view(store).events.of_model("m") == ()
        assert position(store) == (0, 0)

    def test_what_was_committed_is_the_fold_of_its_events(self, store: Store) -> None:
        history = full_story()
        assert commit(store, "m", 0, history.events) == len(history.events)
        found = view(store).models.get("m")
        assert found == ModelRecord(history.state, len(history.events))
        events = view(store).events.of_model("m")
        assert [(r.sequence, r.event) for r in events] == recorded(history.events)
        assert fold("m", [r.event for r in events]) == history.state

    def test_one_commit_or_many_lead_to_the_same(self, store: Store) -> None:
        history = full_story()
        for place, event in enumerate(history.events):
            assert commit(store, "m", place, [event]) == place + 1
            found = view(store).models.get("m")
            assert found == ModelRecord(fold("m", history.events[: place + 1]), place + 1)

    def test_models_do_not_touch_each_other(self, store: Store) -> None:
        one, two = full_story("one"), full_story("two")
        for place, pair in enumerate(zip(one.events, two.events, strict=True)):
            for event in pair:
                commit(store, event.model, place, [event])
        for history in (one, two):
            found = view(store).models.get(history.name)
            assert found is not None
            assert found.state == history.state
            assert [r.event for r in view(store).events.of_model(history.name)] == history.events
        sequences = [
            r.sequence for name in ("one", "two") for r in view(store).events.of_model(name)
        ]
        assert len(set(sequences)) == len(sequences)

    @pytest.mark.parametrize("revision", [0, 1, 5, 7])
    def test_a_commit_names_the_revision_it_was_decided_at(
        self, store: Store, revision: int
    ) -> None:
        history = story(Stage.DRAFT, Stage.DRAFT, Stage.DRAFT)
        history.does(AUTHOR, Tag(1, "k", "v"))
        history.does(AUTHOR, Tag(1, "k", "w"))
        keep(store, history)
        tagged = Event("m", VersionTagged(1, "k", "x"), AUTHOR, history.now)
        with pytest.raises(StaleStage):
            commit(store, "m", revision, [tagged])
        assert view(store).models.get("m") == ModelRecord(history.state, 6)
        assert view(store).versions.tags("m") == {1: {"k": "w"}}
        assert commit(store, "m", 6, [tagged]) == 7

    def test_a_name_is_registered_once(self, store: Store) -> None:
        keep(store, story())
        with pytest.raises(StaleStage):
            commit(store, "m", 0, story(strategy="other").events)
        assert [m.strategy for m in view(store).models.page()] == ["trend"]

    @pytest.mark.parametrize("revision", [0, 3])
    def test_nothing_is_committed_to_an_unknown_model(self, store: Store, revision: int) -> None:
        with pytest.raises((StaleStage, InvalidTransition)):
            commit(store, "ghost", revision, [Event("ghost", VersionDrafted(1), AUTHOR, NOON)])
        assert view(store).models.get("ghost") is None
        assert view(store).models.page() == ()
        assert view(store).events.of_model("ghost") == ()
        assert position(store) == (0, 0)

    @pytest.mark.parametrize("bodies", [[GOOD, body] for _, body in IMPOSSIBLE])
    def test_a_commit_with_an_impossible_event_keeps_nothing(
        self, store: Store, bodies: Sequence[VersionTagged]
    ) -> None:
        history = story(Stage.PRODUCTION, Stage.STAGING)
        keep(store, history)
        before = position(store)
        document = Document(digest("paper"), "manifest", b"paper")
        entry = LedgerEntry("trend", "m", 1, digest("a"), NOON)
        with pytest.raises(InvalidTransition):
            commit(
                store,
                "m",
                len(history.events),
                [Event("m", body, OPERATOR, history.now) for body in bodies],
                documents=[document],
                ledger=[entry],
            )
        assert view(store).models.get("m") == ModelRecord(history.state, len(history.events))
        assert [r.event for r in view(store).events.of_model("m")] == history.events
        assert view(store).versions.tags("m") == {}
        assert view(store).documents.get(document.digest) is None
        assert view(store).trials.of_strategy("trend") == ()
        assert position(store) == before

    def test_events_of_another_model_are_refused(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT), story(Stage.DRAFT, name="other"))
        with pytest.raises(InvalidTransition):
            commit(store, "m", 2, [Event("other", VersionDrafted(2), AUTHOR, NOON)])
        assert len(view(store).events.of_model("other")) == 2

    def test_a_first_commit_that_fails_leaves_no_model(self, store: Store) -> None:
        events = [*story(Stage.DRAFT).events, Event("m", VersionDrafted(1), AUTHOR, NOON)]
        with pytest.raises(InvalidTransition):
            commit(store, "m", 0, events)
        assert view(store).models.get("m") is None
        assert position(store) == (0, 0)
        keep(store, story(Stage.DRAFT))

    @pytest.mark.parametrize(("model", "version"), [("m", 2), ("ghost", 1)])
    def test_a_trial_of_an_unknown_version_undoes_the_whole_commit(
        self, store: Store, model: str, version: int
    ) -> None:
        history = story(Stage.DRAFT)
        entry = LedgerEntry("trend", model, version, digest("a"), NOON)
        document = Document(digest("paper"), "manifest", b"paper")
        with pytest.raises(VersionNotFound):
            commit(store, "m", 0, history.events, ledger=[entry], documents=[document])
        assert view(store).models.get("m") is None
        assert view(store).documents.get(document.digest) is None
        commit(
            store, "m", 0, history.events, ledger=[LedgerEntry("trend", "m", 1, digest("a"), NOON)]
        )
        assert len(view(store).trials.of_strategy("trend")) == 1

    def test_a_commit_keeps_its_documents_and_its_trials(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        documents = [Document(digest(text), "manifest", text.encode()) for text in ("b", "a", "c")]
        entry = LedgerEntry("trend", "m", 1, digest("a"), NOON)
        commit(store, "m", 0, history.events, documents=[*documents, documents[0]], ledger=[entry])
        assert [view(store).documents.get(p.digest) for p in documents] == documents
        assert [e.artifact_digest for e in view(store).trials.of_strategy("trend")] == [digest("a")]

    def test_what_was_in_production_at_a_time(self, store: Store) -> None:
        history = story(Stage.PRODUCTION)
        first = history.now
        history.with_version(Stage.PRODUCTION)
        second = history.now
        history.does(OPERATOR, Retire(2), "withdrawn")
        last = history.now
        keep(store, history)
        instant = timedelta(microseconds=1)
        assert champion_at(store, NOON) is None
        assert champion_at(store, first - instant) is None
        assert champion_at(store, first) == 1
        assert champion_at(store, second - instant) == 1
        assert champion_at(store, second) == 2
        assert champion_at(store, last - instant) == 2
        assert champion_at(store, last) is None

    def test_every_moment_has_a_history_that_folds(self, store: Store) -> None:
        history = full_story()
        keep(store, history)
        for place, event in enumerate(history.events):
            known = [r.event for r in view(store).events.of_model("m", until=event.at)]
            same_time = [e for e in history.events[place + 1 :] if e.at == event.at]
            assert known == history.events[: place + 1 + len(same_time)]
            fold("m", known)

    def test_clocks_that_run_backwards_cut_no_hole_into_the_history(self, store: Store) -> None:
        late, early = NOON + timedelta(seconds=5), NOON + timedelta(seconds=3)
        events = [
            Event("m", ModelRegistered("s", "o", "t"), AUTHOR, NOON),
            Event("m", VersionDrafted(1), AUTHOR, late),
            Event("m", VersionTagged(1, "k", "v"), AUTHOR, early),
        ]
        commit(store, "m", 0, events)
        between = [
            r.event for r in view(store).events.of_model("m", until=NOON + timedelta(seconds=4))
        ]
        assert between == events[:1]
        assert fold("m", between) == fold("m", events[:1])
        assert [r.event for r in view(store).events.of_model("m", until=late)] == events

    def test_times_are_compared_across_zones(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        keep(store, history)
        from_tokyo = history.now.astimezone(timezone(timedelta(hours=9)))
        assert len(view(store).events.of_model("m", until=from_tokyo)) == 2

    def test_events_come_in_pages(self, store: Store) -> None:
        history = full_story()
        keep(store, story(Stage.DRAFT, name="other"), history)
        everything = view(store).events.of_model("m")
        pages, after = [], 0
        while page := view(store).events.of_model("m", after=after, limit=4):
            pages.extend(page)
            after = page[-1].sequence
        assert tuple(pages) == everything
        cut = everything[5].event.at
        assert (
            view(store).events.of_model("m", until=cut, after=everything[2].sequence, limit=2)
            == everything[3:5]
        )
        assert view(store).events.of_model("m", until=cut, after=everything[-1].sequence) == ()

    def test_models_come_in_pages_by_name_bytewise(self, store: Store) -> None:
        keep(store, *(story(name=name) for name in reversed(NAMES)))
        assert [m.name for m in view(store).models.page()] == NAMES
        pages: list[str] = []
        while page := view(store).models.page(after=pages[-1] if pages else "", limit=2):
            assert len(page) <= 2
            pages.extend(m.name for m in page)
        assert pages == NAMES

    def test_a_line_of_the_list_of_models(self, store: Store) -> None:
        keep(store, story(Stage.PRODUCTION, Stage.PRODUCTION, Stage.STAGING), story(name="idle"))
        created = NOON + timedelta(minutes=1)
        common = ("trend", "desk", "high", created, AUTHOR)
        assert view(store).models.page() == (
            ModelSummary("idle", *common, None),
            ModelSummary("m", *common, 2),
        )

    def test_versions_come_in_pages_by_model_and_number(self, store: Store) -> None:
        keep(store, *(story(*[Stage.DRAFT] * 11, name=name) for name in ("a", "B", "c")))
        everything = [(name, number) for name in ("B", "a", "c") for number in range(1, 12)]
        rows = view(store).versions.search(EVERYTHING)
        assert [(r.model, r.version.version) for r in rows] == everything
        pages: list[tuple[str, int]] = []
        while page := view(store).versions.search(
            EVERYTHING, after=pages[-1] if pages else ("", 0), limit=5
        ):
            pages.extend((r.model, r.version.version) for r in page)
        assert pages == everything

    def test_a_row_says_what_the_model_says(self, store: Store) -> None:
        history = full_story()
        keep(store, history)
        rows = view(store).versions.search(EVERYTHING)
        assert {r.version.version: r.version for r in rows} == history.state.versions
        assert [dict(r.tags) for r in rows] == [{}, {"desk": "credit"}, {}]
        assert {r.strategy for r in rows} == {"trend"}
        assert rows[0].version.approvals[0].approver == APPROVER

    def test_searches_combine_their_conditions(self, store: Store) -> None:
        one = story(Stage.PRODUCTION, Stage.STAGING, name="one", strategy="trend")
        two = story(Stage.STAGING, Stage.STAGING, name="two", strategy="carry")
        for history, number, key, value in [
            (one, 1, "desk", "rates"),
            (one, 2, "desk", "rates"),
            (one, 2, "horizon", "day"),
            (two, 1, "desk", "credit"),
            (two, 1, "horizon", "day"),
            (two, 2, "horizon", "desk"),
        ]:
            history.does(AUTHOR, Tag(number, key, value))
        keep(store, one, two)

        def found(query: VersionQuery) -> list[tuple[str, int]]:
            return [(r.model, r.version.version) for r in view(store).versions.search(query)]

        assert found(VersionQuery(strategy="carry")) == [("two", 1), ("two", 2)]
        assert found(VersionQuery(stage=Stage.PRODUCTION)) == [("one", 1)]
        assert found(VersionQuery(tags={"desk": "rates"})) == [("one", 1), ("one", 2)]
        assert found(VersionQuery(tags={"desk": "rates", "horizon": "day"})) == [("one", 2)]
        assert found(VersionQuery(tags={"desk": "day"})) == []
        assert found(VersionQuery("trend", Stage.STAGING, {"horizon": "day"})) == [("one", 2)]
        assert found(VersionQuery("ghost")) == []
        page = view(store).versions.search(VersionQuery(tags={"horizon": "day"}), after=("one", 2))
        assert [(r.model, r.version.version) for r in page] == [("two", 1)]

    def test_a_tag_gets_another_value(self, store: Store) -> None:
        history = story(Stage.DRAFT, Stage.DRAFT)
        history.does(AUTHOR, Tag(1, "desk", "rates"))
        keep(store, history)
        (before, _) = view(store).versions.search(EVERYTHING)
        commit(store, "m", 4, history.does(AUTHOR, Tag(1, "desk", "")))
        assert view(store).versions.tags("m") == {1: {"desk": ""}}
        assert view(store).versions.tags("ghost") == {}
        assert before.tags == {"desk": "rates"}
        assert view(store).versions.search(VersionQuery(tags={"desk": "rates"})) == ()

    def test_production_lists_every_model_with_a_champion(self, store: Store) -> None:
        stories = [
            story(Stage.PRODUCTION, Stage.STAGING, name="b"),
            story(Stage.STAGING, name="idle"),
            story(Stage.PRODUCTION, Stage.PRODUCTION, name="a"),
        ]
        retired = story(Stage.PRODUCTION, name="gone")
        retired.does(OPERATOR, Retire(1), "withdrawn")
        keep(store, *stories, retired)
        assert view(store).models.production() == (stories[2].state, stories[0].state)
        assert view(store).models.strategies() == {each.state.strategy for each in stories}

    def test_the_position_grows_with_every_event(self, store: Store) -> None:
        one, two = full_story("one"), full_story("two")
        seen = [position(store)]
        for place, pair in enumerate(zip(one.events, two.events, strict=True)):
            for event in pair:
                commit(store, event.model, place, [event])
                seen.append(position(store))
        assert seen == [(count, 0) for count in range(len(seen))]

    def test_text_of_any_language_comes_back(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        history.does("zoë", Tag(1, "Größe", "大 \U0001f9ea '; DROP TABLE models; --"))
        history.does(OPERATOR, Quarantine(1), 'line\nbreak\ttab "quoted" \\ %s :name')
        keep(store, history)
        found = view(store).models.get("m")
        assert found is not None
        assert found.state == history.state
        assert [r.event for r in view(store).events.of_model("m")] == history.events
        assert view(store).versions.tags("m") == {
            1: {"Größe": "大 \U0001f9ea '; DROP TABLE models; --"}
        }

    def test_a_store_that_was_read_closes(self, store: Store) -> None:
        assert view(store).models.page() == ()
        store.close()

    def test_a_search_takes_so_many_tags_and_no_more(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        tags = {f"key-{number}": "v" for number in range(MAX_TAGS)}
        for key, value in tags.items():
            history.does(AUTHOR, Tag(1, key, value))
        keep(store, history)
        assert [row.tags for row in view(store).versions.search(VersionQuery(tags=tags))] == [tags]
        assert view(store).versions.search(VersionQuery(tags=tags | {"key-0": "w"})) == ()
        with pytest.raises(InvalidInput, match="at most 50 tags, not 51"):
            VersionQuery(tags=tags | {"one more": "v"})
