"""Rounds, adapters and the active set: one row says what answers from the weights."""

from dataclasses import replace

import numpy as np
import pytest

from ragcl.catalog import Catalog, forgotten, learning
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.catalog.stored_reading import StoredReading, StoredSentence
from ragcl.results import ChunkLeftOut, ConsolidationReport, TrainedChunk

PROMOTED = ConsolidationReport(1, "promoted", "")
VECTOR = np.array([0.6, 0.8], np.float32)


def adapter(name: str, round_id: int, *hashes: str) -> AdapterRecord:
    return AdapterRecord(
        id=name,
        round_id=round_id,
        created_at=50.0,
        thresholds={"score": 0.5},
        chunks=tuple(LearnedChunk(key, VECTOR) for key in hashes),
        questions=tuple(
            LearnedQuestion(key, f"{key}?", f"{key}!", VECTOR, 0.25, True, -1.5) for key in hashes
        ),
    )


def promote(catalog: Catalog, name: str, *hashes: str) -> int:
    """A round that makes one adapter active; its number."""
    round_id = catalog.learning.start_round({}, 1.0)
    catalog.learning.add_adapter(adapter(name, round_id, *hashes))
    catalog.learning.promote(round_id, [name], PROMOTED, 2.0)
    return round_id


def forget(catalog: Catalog, hashes: list[str], questions: tuple[str, ...] = ()) -> frozenset[str]:
    """The adapters that went with these chunks and questions."""
    with catalog.database.writing() as connection:
        learning.forget_read(connection, hashes, questions)
        learning.forget_reported(connection, hashes)
        forgotten.note(connection, hashes, questions, 100.0)
        return learning.retire(connection, hashes, questions, 100.0)


def active_names(catalog: Catalog) -> list[str]:
    return [one.id for one in catalog.learning.active()[1]]


@pytest.fixture
def stored(catalog: Catalog) -> Catalog:
    """A catalog whose current chunks are `kept` and `edited`."""
    root = catalog.documents.root_id("/docs")
    for text in ("kept", "edited"):
        record = ChunkRecord(text, text, "", (), VECTOR, None, None)
        stamp = DocumentRecord(text, text, "text/plain", 1, 1, 1, "0", 1, 1.0)
        catalog.documents.replace(root, stamp, [record])
    return catalog


def test_before_the_first_promotion_nothing_is_active(catalog: Catalog) -> None:
    assert catalog.learning.active() == (None, [])
    assert catalog.learning.active_key()[0] is None
    assert catalog.learning.rollback() == (None, None)


def test_promotion_makes_a_set_active_and_closes_its_round(catalog: Catalog) -> None:
    round_id = promote(catalog, "s0-a", "x", "y")

    set_id, [found] = catalog.learning.active()

    assert set_id == catalog.learning.active_key()[0]
    assert (found.id, found.round_id, found.thresholds) == ("s0-a", round_id, {"score": 0.5})
    assert {one.content_hash for one in found.chunks} == {"x", "y"}
    assert {(one.question, one.answer) for one in found.questions} == {("x?", "x!"), ("y?", "y!")}
    assert {(one.question, one.proved) for one in found.questions} == {("x?", True), ("y?", True)}
    assert {(one.margin, one.likelihood) for one in found.questions} == {(0.25, -1.5)}
    np.testing.assert_array_equal(found.questions[0].vector, VECTOR)
    assert catalog.learning.unfinished_round() is None
    assert catalog.learning.rounds()[0].report == PROMOTED


def test_rollback_goes_back_one_promotion_at_a_time(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    promote(catalog, "s0-b", "x")

    before, now = catalog.learning.rollback()
    assert now is not None
    assert before == now + 1
    assert active_names(catalog) == ["s0-a"]
    assert catalog.learning.rollback() == (now, None)
    assert active_names(catalog) == []


def test_what_was_rolled_back_or_rejected_is_withdrawn(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    round_id = catalog.learning.start_round({}, 3.0)
    catalog.learning.add_adapter(adapter("s1-b", round_id, "y"))
    catalog.learning.promote(round_id, ["s0-a", "s1-b"], PROMOTED, 4.0, rejected=["s2-c"])
    assert catalog.learning.withdrawn() == {"c"}

    catalog.learning.rollback()
    assert catalog.learning.withdrawn() == {"b", "c"}  # "a" is in the set of before as well
    catalog.learning.rollback()
    assert catalog.learning.withdrawn() == {"a", "b", "c"}

    catalog.learning.finish_round(
        catalog.learning.start_round({}, 5.0), PROMOTED, 6.0, ["s0-d", "s0-a"]
    )
    assert catalog.learning.withdrawn() == {"a", "b", "c", "d"}


def test_what_is_entered_again_stays_in_its_sets_with_what_is_known_of_it_now(
    catalog: Catalog,
) -> None:
    promote(catalog, "s0-a", "x", "y")
    round_id = catalog.learning.start_round({}, 3.0)

    again = replace(adapter("s0-a", round_id, "y"), thresholds={"score": 0.75})
    catalog.learning.add_adapter(again)

    [found] = catalog.learning.active()[1]
    assert (found.id, found.round_id, found.thresholds) == ("s0-a", round_id, {"score": 0.75})
    assert [one.content_hash for one in found.chunks] == ["y"]
    assert [one.question for one in found.questions] == ["y?"]
    catalog.learning.promote(round_id, ["s0-a"], PROMOTED, 4.0)
    assert catalog.learning.rollback()[1] is not None
    assert active_names(catalog) == ["s0-a"]


def test_rollback_does_not_bring_back_what_has_been_removed(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    promote(catalog, "s0-b", "x")
    catalog.learning.drop_adapters(["s0-a"])

    assert catalog.learning.rollback()[1] is None
    assert active_names(catalog) == []


def test_a_shard_that_did_not_change_is_in_both_sets(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    round_id = catalog.learning.start_round({}, 3.0)
    catalog.learning.add_adapter(adapter("s1-a", round_id, "y"))
    catalog.learning.promote(round_id, ["s0-a", "s1-a"], PROMOTED, 4.0)

    assert active_names(catalog) == ["s0-a", "s1-a"]
    assert catalog.learning.unreachable_adapters() == []
    catalog.learning.rollback()
    assert active_names(catalog) == ["s0-a"]


def test_what_a_rollback_cannot_reach_any_more_is_unreachable(catalog: Catalog) -> None:
    for name in ("s0-a", "s0-b", "s0-c"):
        promote(catalog, name, "x")

    assert catalog.learning.unreachable_adapters() == ["s0-a"]


def test_with_nothing_active_every_adapter_is_unreachable(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    catalog.learning.rollback()

    assert catalog.learning.unreachable_adapters() == ["s0-a"]


def test_an_adapter_of_an_earlier_round_with_a_text_that_is_gone_is_stale(
    stored: Catalog,
) -> None:
    promote(stored, "s0-clean", "kept")
    promote(stored, "s1-mixed", "kept", "edited")
    assert stored.learning.stale_adapters(before_round=9) == []

    root = stored.documents.root_id("/docs")
    stored.documents.remove(root, "edited")

    assert stored.learning.stale_adapters(before_round=9) == ["s1-mixed"]
    assert stored.learning.stale_adapters(before_round=2) == []


def test_an_adapter_that_is_entered_again_replaces_itself(catalog: Catalog) -> None:
    round_id = promote(catalog, "s0-a", "x", "y")
    catalog.learning.add_adapter(adapter("s0-a", round_id, "z"))
    catalog.learning.promote(round_id, ["s0-a"], PROMOTED, 5.0)

    [found] = catalog.learning.active()[1]

    assert [one.content_hash for one in found.chunks] == ["z"]
    assert [one.question for one in found.questions] == ["z?"]


def test_the_newest_round_that_was_not_finished_is_taken_up(catalog: Catalog) -> None:
    first = catalog.learning.start_round({"s0": []}, 1.0)
    catalog.learning.finish_round(first, PROMOTED, 2.0)
    second = catalog.learning.start_round({"s0": [["x", "x?"]]}, 3.0)
    catalog.learning.set_stage(second, "distillation")

    found = catalog.learning.unfinished_round()

    assert found is not None
    assert (found.id, found.stage, found.selection) == (
        second,
        "distillation",
        {"s0": [["x", "x?"]]},
    )


def test_what_a_teacher_read_for_a_question_replaces_what_it_read_before(
    catalog: Catalog,
) -> None:
    learning = catalog.learning
    one, two = StoredReading("one?", "x", "1"), StoredReading("two?", "x", "2")
    in_german = replace(one, answer="eins")
    elsewhere = StoredReading("one?", "y", "one")
    learning.add_study("teacher", [one, two])
    learning.add_study("another", [in_german])
    learning.add_study("teacher", [elsewhere])

    assert learning.study(["x"], "teacher") == {"two?": two}
    assert learning.study(["x", "y"], "teacher") == {"one?": elsewhere, "two?": two}
    assert learning.study(["x"], "another") == {"one?": in_german}
    assert learning.study(["z"], "teacher") == {}
    learning.add_study("teacher", [])


def test_forgetting_a_chunk_takes_its_rows_and_every_adapter_that_learned_it(
    catalog: Catalog,
) -> None:
    promote(catalog, "s0-a", "gone", "kept")
    catalog.learning.start_round({"s0": [["gone", "gone?"], ["kept", "kept?"]]}, 1.0)
    beside = [StoredSentence("a text that is gone", "gone")]
    kept = StoredReading("three?", "kept")
    catalog.learning.add_study(
        "teacher",
        [StoredReading("one?", "gone"), StoredReading("two?", "kept", sentences=beside), kept],
    )

    retired = forget(catalog, ["gone"])

    assert catalog.learning.study(["gone", "kept"], "teacher") == {"three?": kept}
    assert catalog.learning.rounds()[-1].selection == {}
    assert retired == {"s0-a"}
    assert catalog.learning.active()[1] == []
    assert catalog.learning.adapter_ids() == []


def test_a_question_takes_its_rows_and_every_adapter_that_learned_it(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "x")
    another = StoredReading("another?", "x")
    catalog.learning.add_study("teacher", [StoredReading("x?", "x"), another])

    retired = forget(catalog, [], ("x?",))

    assert retired == {"s0-a"}
    assert catalog.learning.study(["x"], "teacher") == {"another?": another}


def test_what_is_removed_leaves_the_others_of_its_set_active_in_a_new_one(
    catalog: Catalog,
) -> None:
    promote(catalog, "s0-before", "x")
    round_id = catalog.learning.start_round({}, 3.0)
    for name, key in (("s0-kept", "x"), ("s1-gone", "gone")):
        catalog.learning.add_adapter(adapter(name, round_id, key))
    before = catalog.learning.promote(round_id, ["s0-kept", "s1-gone"], PROMOTED, 4.0)

    forget(catalog, ["gone"])

    assert catalog.learning.active_key()[0] != before  # so that every process notices
    assert active_names(catalog) == ["s0-kept"]
    catalog.learning.rollback()
    assert active_names(catalog) == ["s0-before"]


def test_an_adapter_kept_for_a_rollback_goes_too(catalog: Catalog) -> None:
    promote(catalog, "s0-a", "gone")
    promote(catalog, "s0-b", "x")
    active = catalog.learning.active_key()[0]

    forget(catalog, ["gone"])

    assert catalog.learning.adapter_ids() == ["s0-b"]
    assert catalog.learning.active_key()[0] == active
    assert catalog.learning.rollback()[1] is None


def test_a_round_that_learned_what_is_forgotten_meanwhile_promotes_nothing(
    catalog: Catalog,
) -> None:
    promote(catalog, "s0-a", "x")
    active = catalog.learning.active()[0]
    round_id = catalog.learning.start_round({}, 3.0)
    forget(catalog, ["gone"])

    assert not catalog.learning.add_adapter(adapter("s0-b", round_id, "gone", "y"))
    assert catalog.learning.promote(round_id, ["s0-b"], PROMOTED, 4.0) is None

    assert catalog.learning.active()[0] == active
    assert catalog.learning.adapter_ids() == ["s0-a"]
    unfinished = catalog.learning.unfinished_round()
    assert unfinished is not None
    assert unfinished.id == round_id


def test_what_is_forgotten_between_entry_and_promotion_is_not_promoted(catalog: Catalog) -> None:
    round_id = catalog.learning.start_round({}, 3.0)
    assert catalog.learning.add_adapter(adapter("s0-b", round_id, "gone"))
    forget(catalog, ["gone"])

    assert catalog.learning.promote(round_id, ["s0-b"], PROMOTED, 4.0) is None
    assert catalog.learning.active() == (None, [])


def test_a_round_that_learned_a_question_that_is_erased_promotes_nothing(catalog: Catalog) -> None:
    round_id = catalog.learning.start_round({}, 3.0)
    forget(catalog, [], ("x?",))

    assert not catalog.learning.add_adapter(adapter("s0-b", round_id, "x"))


def test_what_was_read_in_a_text_before_it_was_forgotten_is_not_kept(catalog: Catalog) -> None:
    forget(catalog, ["gone"], ("erased?",))
    beside = [StoredSentence("a text that is gone", "gone")]
    kept = StoredReading("three?", "x")

    catalog.learning.add_study(
        "teacher",
        [
            StoredReading("one?", "gone"),
            StoredReading("two?", "x", sentences=beside),
            StoredReading("erased?", "x"),
            kept,
        ],
    )

    assert catalog.learning.study(["gone", "x"], "teacher") == {"three?": kept}


def test_the_report_of_a_round_does_not_name_what_was_forgotten_meanwhile(
    catalog: Catalog,
) -> None:
    round_id = catalog.learning.start_round({}, 3.0)
    forget(catalog, ["gone"])
    learned = [
        TrainedChunk(key, f"{key}.md", "", 3, 1, proved=True, promoted=True)
        for key in ("gone", "x")
    ]
    left_out = [ChunkLeftOut(f"{key}.md", key, "no room") for key in ("gone", "x")]
    report = replace(PROMOTED, learned=learned, left_out=left_out)

    catalog.learning.finish_round(round_id, report, 4.0)

    known = replace(PROMOTED, learned=learned[1:], left_out=left_out[1:])
    assert catalog.learning.rounds()[-1].report == known
    assert catalog.learning.mention("x.md")
    assert not catalog.learning.mention("gone.md")


def test_what_is_ingested_again_is_forgotten_no_more(stored: Catalog) -> None:
    promote(stored, "s0-a", "kept")
    forget(stored, ["kept"])  # but it is current
    round_id = stored.learning.start_round({}, 3.0)

    assert stored.learning.add_adapter(adapter("s0-b", round_id, "kept"))
    assert stored.learning.forgotten() == frozenset()


def test_that_a_text_was_forgotten_is_forgotten_in_the_end(catalog: Catalog) -> None:
    forget(catalog, ["gone"])

    with catalog.database.writing() as connection:
        later = 101.0 + forgotten.KEPT_SECONDS
        forgotten.note(connection, ["another"], (), later)

    assert catalog.learning.forgotten() == {"another"}


def test_what_was_read_for_questions_that_nobody_asked_goes_unless_a_teacher_wrote_them(
    catalog: Catalog,
) -> None:
    written = StoredReading("written?", "x", written=True)
    catalog.learning.add_study("teacher", [StoredReading("asked by nobody?", "x"), written])

    with catalog.database.writing() as connection:
        learning.forget_unasked(connection)

    assert catalog.learning.study(["x"], "teacher") == {"written?": written}
