"""Selection: what is asked often, lately and with good answers is worth learning."""

from dataclasses import replace
from typing import Any

import pytest

from ragcl.catalog.asks import AskRecord
from ragcl.catalog.passage import Passage
from ragcl.consolidation.selection import Selection, select
from ragcl.results import ChunkLeftOut, Trace
from ragcl.settings import SECONDS_A_DAY, ConsolidationSettings

NOW = 1000.0 * SECONDS_A_DAY


def ask(question: str, *hashes: str, days_ago: float = 0, **rest: Any) -> AskRecord:
    """A question that the first of the chunks answered."""
    return AskRecord(
        id=1,
        asked_at=NOW - days_ago * SECONDS_A_DAY,
        question=question,
        mode="auto",
        route="context",
        answer="",
        trace=Trace(support=hashes),
        hits=tuple(map(chunk, hashes)),
        **rest,
    )


def chunk(key: str, *flags: str) -> Passage:
    return Passage(key, 0.5, f"{key}.md", (1, 1), "", key, root="/docs", flags=flags)


def choose(
    log: list[AskRecord],
    *current: Passage | str,
    learned: dict[str, str] | None = None,
    **settings: Any,
) -> Selection:
    chunks = [one if isinstance(one, Passage) else chunk(one) for one in current]
    limits = ConsolidationSettings(**{"min_asks": 1, **settings})
    return select(log, {one.content_hash: one for one in chunks}, learned or {}, limits, NOW)


def heat(selection: Selection) -> dict[str, float]:
    return {one.content_hash: one.heat for one in selection.chunks}


def twice(key: str) -> list[AskRecord]:
    return [ask(f"{key} one?", key), ask(f"{key} two?", key)]


def test_the_heat_of_an_ask_halves_with_every_half_life() -> None:
    found = choose(
        [ask("new?", "x"), ask("old?", "y", days_ago=7), ask("older?", "z", days_ago=21)],
        "x", "y", "z", half_life_days=7,
    )  # fmt: skip

    assert heat(found) == pytest.approx({"x": 1, "y": 1 / 2, "z": 1 / 8})


def test_what_was_only_shown_is_warmed_a_little_by_its_rank() -> None:
    log = [ask("one?", "x", "y", "z"), ask("two?", "y"), ask("three?", "z")]

    assert heat(choose(log, "x", "y", "z")) == pytest.approx(
        {"x": 1, "y": 1 + 0.1 / 2, "z": 1 + 0.1 / 3}
    )


def test_only_what_answered_counts_as_asked_about() -> None:
    log = [ask("one?", "x", "y"), ask("two?", "x", "y"), ask("three?", "x", "y")]

    assert [one.content_hash for one in choose(log, "x", "y").chunks] == ["x"]


def test_one_question_asked_often_is_one_wording() -> None:
    same = [ask("one?", "x")] * 9
    assert choose(same, "x", min_asks=2).chunks == []

    [found] = choose([*same, ask("two?", "x")], "x", min_asks=2).chunks
    assert found.questions == ("one?", "two?")


def test_a_question_that_found_nothing_warms_nothing() -> None:
    unanswered = replace(ask("what?", "x"), route="none", trace=Trace())

    assert choose([unanswered], "x").chunks == []


def test_text_that_is_gone_is_not_learned() -> None:
    assert [one.content_hash for one in choose([*twice("x"), *twice("y")], "y").chunks] == ["y"]


def test_flagged_text_is_left_out_and_reported() -> None:
    found = choose([*twice("x"), *twice("y")], chunk("x", "instructions", "repeated"), "y")

    assert [one.content_hash for one in found.chunks] == ["y"]
    assert found.left_out == (ChunkLeftOut("x.md", "x", "never learned: instructions, repeated"),)


def test_ratings_warm_and_cool() -> None:
    log = [
        ask("good?", "x", ratings=(1,)),
        ask("plain?", "y"),
        ask("mixed?", "z", ratings=(1, -1)),
    ]

    found = heat(choose(log, "x", "y", "z"))

    assert found["x"] > found["y"] == found["z"]


def test_what_users_call_wrong_is_left_out_unless_they_corrected_it() -> None:
    bad = [ask("one?", "x", ratings=(-1,)), ask("two?", "x", ratings=(-1,))]
    corrected = [
        ask("one?", "y", ratings=(-1,), correction="y"),
        ask("two?", "y", ratings=(-1,), correction="y"),
    ]

    found = choose([*bad, *corrected], "x", "y")

    assert [one.content_hash for one in found.chunks] == ["y"]
    assert [one["reason"] for one in found.left_out] == ["users rated its answers badly"]


def test_a_question_whose_answer_was_rated_badly_is_not_learned_from() -> None:
    log = [ask("one?", "x", ratings=(1,)), ask("two?", "x", ratings=(-1,)), ask("three?", "x")]

    [found] = choose(log, "x").chunks

    assert found.questions == ("one?", "three?")


def test_users_vouch_for_what_they_praised_and_for_what_they_corrected() -> None:
    log = [
        replace(ask("good?", "x", ratings=(1,)), answer="a good answer"),
        replace(ask("mixed?", "x", ratings=(1, -1)), answer="so so"),
        replace(ask("wrong?", "x", ratings=(-1,), correction="x"), answer="nonsense"),
        replace(ask("cold?", "gone", ratings=(1,)), answer="of a text that is gone"),
    ]

    assert choose(log, "x").vouched == {"good?": "a good answer", "wrong?": "x"}


def test_users_vouch_for_the_answer_that_they_rated_best() -> None:
    def said(answer: str, rating: int) -> AskRecord:
        return replace(ask("How deep?", "x", ratings=(rating,)), answer=answer)

    for rated in (
        [said("11 m", 1), said("11 metres", 1), said("9 m", -1)],
        [said("9 m", -1), said("11 m", 1), said("11 metres", 1)],
        [said("11 metres", 1), said("9 m", 0)],
    ):
        assert choose(rated, "x").vouched == {"How deep?": "11 metres"}
    assert choose([said("11 m", 1), said("9 m", -1)], "x").vouched == {}


@pytest.mark.parametrize("days", [0.01, 400, 4_000_000])
def test_a_wrong_clock_makes_nothing_hotter_than_what_is_asked_now(days: float) -> None:
    found = heat(choose([ask("one?", "x", days_ago=-days), ask("two?", "y")], "x", "y"))

    assert found["x"] == found["y"]


def test_what_is_dated_in_the_future_cools_with_what_was_asked_after_it() -> None:
    log = [
        ask("then?", "x", days_ago=-4000),
        ask("also then?", "y", days_ago=-4000),
        ask("after?", "z", days_ago=7),
        ask("old?", "w", days_ago=21),
        ask("now?", "v"),
    ]
    found = heat(choose(log, "x", "y", "z", "w", "v", half_life_days=7))

    assert found["x"] == found["y"] == found["z"] == found["v"] / 2
    assert found["w"] == found["v"] / 8


def test_a_correction_belongs_to_the_text_that_bears_it_out() -> None:
    log = [ask("one?", "x", "y", correction="Y!"), ask("two?", "x", "y", correction="y")]

    found = choose(log, "x", "y")

    assert [(one.content_hash, one.questions) for one in found.chunks] == [("y", ("one?", "two?"))]


def test_a_text_with_another_value_bears_no_correction_out() -> None:
    log = [ask("one?", "15 metres", correction="1.5 metres")]

    assert choose(log, "15 metres").vouched == {}


def test_a_correction_that_no_current_text_bears_out_is_reported() -> None:
    log = [ask("one?", "x", correction="12"), ask("two?", "x", correction="12"), *twice("y")]
    flagged = chunk("x", "instructions")

    for current in (chunk("x"), replace(flagged, text="It is 12.")):
        found = choose(log, current, "y")

        assert [one.content_hash for one in found.chunks] == ["y"]
        assert found.vouched == {}
        assert {one["reason"] for one in found.left_out} >= {
            "the correction of answer 1 stands in no current source: edit the document"
        }


def test_the_coolest_make_room() -> None:
    log = [ask(f"{key}{n}?", key) for key, n in (("x", 1), ("y", 1), ("y", 2), ("y", 3))]
    log += [ask("z1?", "z"), ask("z2?", "z")]

    found = choose(log, "x", "y", "z", max_chunks=2)

    assert [one.content_hash for one in found.chunks] == ["y", "z"]
    assert [(one["content_hash"], one["reason"][:7]) for one in found.left_out] == [
        ("x", "no room")
    ]


def test_a_learned_chunk_that_cooled_is_evicted() -> None:
    log = [*twice("new"), ask("old?", "old", days_ago=900)]

    found = choose(log, "new", "old", learned={"old": "s0"}, max_chunks=1)

    assert {one.content_hash for one in found.chunks} == {"new"}


# --- shards


def names(selection: Selection) -> dict[str, set[str]]:
    return {
        name: {one.content_hash for one in members} for name, members in selection.shards.items()
    }


def test_a_knowledge_base_begins_with_one_shard() -> None:
    assert names(choose([*twice("x"), *twice("y")], "x", "y")) == {"s0": {"x", "y"}}
    assert names(choose([], "x")) == {}


def test_what_does_not_fit_in_one_shard_fills_the_next() -> None:
    log = [one for key in "abcde" for one in twice(key)]

    found = names(choose(log, *"abcde", shard_chunks=2))

    assert sorted(len(members) for members in found.values()) == [1, 2, 2]
    assert sorted(found) == ["s0", "s1", "s2"]
    assert set().union(*found.values()) == set("abcde")


def test_a_chunk_stays_in_the_shard_that_holds_it_and_new_ones_leave_others_alone() -> None:
    log = [one for key in "abcde" for one in twice(key)]
    learned = {"a": "s1", "b": "s0", "c": "s1"}

    found = names(choose(log, *"abcde", learned=learned, shard_chunks=2))

    assert found == {"s0": {"b"}, "s1": {"a", "c"}, "s2": {"d", "e"}}


def test_gaps_are_filled_when_there_are_as_many_shards_as_the_capacity_needs() -> None:
    log = [one for key in "abcd" for one in twice(key)]
    learned = {"a": "s1", "b": "s0", "c": "s1"}

    found = names(choose(log, *"abcd", learned=learned, shard_chunks=2, max_chunks=4))

    assert found == {"s0": {"b", "d"}, "s1": {"a", "c"}}


def test_what_an_edit_replaced_keeps_its_place_before_a_new_document_takes_it() -> None:
    log = [one for key in "abcde" for one in twice(key)]
    sources = {"a": "y", "b": "y", "c": "z", "d": "a new one", "e": "a new one"}
    chunks = [replace(chunk(key), source=sources[key]) for key in "abcde"]
    learned = {"a": "s0", "before the edit": "s0", "c": "s1"}

    found = names(choose(log, *chunks, learned=learned, shard_chunks=2))

    assert found == {"s0": {"a", "b"}, "s1": {"c"}, "s2": {"d", "e"}}


def test_what_is_new_goes_where_something_changes_anyway() -> None:
    log = [one for key in "abc" for one in twice(key)]
    learned = {"a": "s0", "b": "s1", "gone": "s1"}

    assert names(choose(log, *"abc", learned=learned, shard_chunks=2))["s1"] == {"b", "c"}


def test_a_shard_whose_members_are_all_gone_is_gone() -> None:
    assert names(choose(twice("a"), "a", learned={"a": "s1", "b": "s0"})) == {"s1": {"a"}}


def test_a_shard_that_is_held_to_fewer_chunks_than_before_sheds_some() -> None:
    log = [one for key in "abc" for one in twice(key)]
    learned = dict.fromkeys("abc", "s0")

    found = names(choose(log, *"abc", learned=learned, shard_chunks=2))

    assert sorted(map(len, found.values())) == [1, 2]
    assert set().union(*found.values()) == set("abc")


def test_what_is_new_goes_where_its_document_is() -> None:
    log = [one for key in "abcd" for one in twice(key)]
    chunks = [
        replace(chunk(key), source=source) for key, source in zip("abcd", "yxxy", strict=True)
    ]

    found = names(choose(log, *chunks, learned={"a": "s0", "b": "s1"}, shard_chunks=3))

    assert found == {"s0": {"a", "d"}, "s1": {"b", "c"}}
