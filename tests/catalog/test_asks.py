"""The log of questions: what was asked, shown and said of it, and how it is forgotten."""

from dataclasses import replace

import pytest

from ragcl.catalog import Catalog, asks, forgotten
from ragcl.catalog.asks import AskRecord
from ragcl.errors import RagclError
from ragcl.results import Chosen, Hit, RouteCost, Trace, traced


def ask(question: str, *hashes: str, source: str = "a.md") -> AskRecord:
    hits = tuple(
        Hit(key, 0.9 - rank / 10, source, (3, 4), "Berths", key, root="/docs", lexical=0.1)
        for rank, key in enumerate(hashes)
    )
    return AskRecord(
        id=0,
        asked_at=100.0,
        question=question,
        mode="auto",
        route="context",
        answer=f"the answer to {question}",
        trace=Trace(reason="because", support=hashes[:1], hits=tuple(map(traced, hits))),
        hits=hits,
    )


def forget(catalog: Catalog, hashes: list[str], quoted: str = "") -> asks.Erased:
    with catalog.database.writing() as connection:
        return asks.forget(connection, hashes, lambda text: bool(quoted) and quoted in text)


def cited(catalog: Catalog, root: str, path: str) -> set[str]:
    with catalog.database.reading() as connection:
        return set(asks.cited(connection, [(root, path)]))


def test_what_was_logged_is_read_back(catalog: Catalog) -> None:
    first = ask("one?", "x", "y", "z")
    trace = replace(
        first.trace,
        asked="and that?",
        tried="weights",
        adapter="s0-a",
        adapter_set=3,
        features={"margin": 0.5},
        form="quotation",
        forms={"phrase": -1.5},
        prompt_tokens=90,
        chosen=Chosen("*.md", 1, 2, {"author": "holm"}),
        support=("z", "x"),
    )
    last = Hit("t", 0.1, "b.pdf", None, "", "w", 2, "/docs", flags=("garbled",))
    logged = [replace(first, trace=trace, hits=(*first.hits, last)), ask("two?")]
    logged[0] = replace(logged[0], trace=replace(trace, hits=tuple(map(traced, logged[0].hits))))

    ids = catalog.asks.record(logged)

    assert catalog.asks.count() == 2
    for found, written, ask_id in zip(catalog.asks.log(), logged, ids, strict=True):
        assert found.id == ask_id
        assert (found.question, found.answer) == (written.question, written.answer)
        assert found.hits == written.hits
        assert found.trace == written.trace


def test_one_ask_comes_with_its_own_hits_and_feedback_only(catalog: Catalog) -> None:
    first, second = catalog.asks.record([ask("one?", "x"), ask("two?", "y")])
    catalog.asks.add_feedback(first, 1, None, 1.0)
    catalog.asks.add_feedback(first, -1, "twelve", 2.0)
    catalog.asks.add_feedback(second, 1, None, 3.0)

    found = catalog.asks.get(first)

    assert found is not None
    assert [hit.content_hash for hit in found.hits] == ["x"]
    assert found.ratings == (1, -1)
    assert found.correction == "twelve"
    assert catalog.asks.get(999) is None


def test_the_newest_correction_stands(catalog: Catalog) -> None:
    [ask_id] = catalog.asks.record([ask("one?")])
    for text in ("eleven", "twelve", None):
        catalog.asks.add_feedback(ask_id, -1, text, 1.0)

    found = catalog.asks.get(ask_id)

    assert found is not None
    assert found.correction == "twelve"


def test_feedback_needs_an_ask(catalog: Catalog) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        catalog.asks.add_feedback(1, 1, None, 1.0)


def test_forgetting_a_chunk_takes_its_questions_and_every_answer_that_may_quote_it(
    catalog: Catalog,
) -> None:
    about, beside, apart = catalog.asks.record(
        [ask("about it?", "gone", "x"), ask("beside it?", "x", "gone"), ask("apart?", "x")]
    )
    catalog.asks.add_feedback(about, -1, "quotes it", 1.0)

    forget(catalog, ["gone"])

    assert [one.id for one in catalog.asks.log()] == [beside, apart]
    left = catalog.asks.log()[0]
    assert [hit.content_hash for hit in left.hits] == ["x"]
    assert left.answer == ""
    assert left.trace == Trace(forgotten=True)
    assert catalog.asks.log()[1].answer == "the answer to apart?"
    assert cited(catalog, "/docs", "a.md") == {"x"}


def test_forgetting_nothing_touches_nothing(catalog: Catalog) -> None:
    catalog.asks.record([ask("one?", "x")])

    forget(catalog, [])

    assert catalog.asks.log()[0].answer == "the answer to one?"


def test_forgetting_takes_more_chunks_than_a_statement_takes_variables(catalog: Catalog) -> None:
    hashes = [str(number) for number in range(40_000)]
    catalog.asks.record([ask("one?", "39999"), ask("two?", "x", "0")])

    forget(catalog, hashes)

    assert [(one.question, one.answer) for one in catalog.asks.log()] == [("two?", "")]


def test_what_the_log_cites_of_a_file(catalog: Catalog) -> None:
    catalog.asks.record([ask("one?", "x", "y", source="a.md"), ask("two?", "z", source="b/c.md")])

    assert cited(catalog, "/docs", "a.md") == {"x", "y"}
    assert cited(catalog, "/docs", "b/") == {"z"}
    assert cited(catalog, "/docs", "") == {"x", "y", "z"}
    assert cited(catalog, "/elsewhere", "a.md") == set()
    assert catalog.asks.mention("/docs", "b/c.md")
    assert not catalog.asks.mention("/docs", "c.md")


def test_what_answers_cost_is_counted_by_route_after_an_ask_whatever_the_clock_said(
    catalog: Catalog,
) -> None:
    def cost(moment: float, route: str, **trace: int) -> AskRecord:
        return replace(ask("one?", "x"), asked_at=moment, route=route, trace=Trace(**trace))

    assert catalog.asks.last() == 0
    first, *_, last = catalog.asks.record(
        [
            cost(9e9, "weights", prompt_tokens=1),
            cost(2.0, "weights", prompt_tokens=40),
            cost(3.0, "weights", prompt_tokens=50),
            cost(-1.0, "context", prompt_tokens=260),
            cost(3.0, "context"),  # logged before this was kept
        ]
    )

    found = catalog.asks.costs(after=first)

    assert found == {"weights": RouteCost(2, 45.0), "context": RouteCost(1, 260.0)}
    assert catalog.asks.last() == last
    assert catalog.asks.costs(after=last) == {}


def test_a_batch_is_logged_whole_or_not_at_all(catalog: Catalog) -> None:
    broken = ask("two?", "x")
    object.__setattr__(broken, "route", None)

    with pytest.raises(Exception, match="NOT NULL") as caught:
        catalog.asks.record([ask("one?"), broken])

    assert not isinstance(caught.value, RagclError)
    assert catalog.asks.count() == 0


def test_a_question_that_was_answered_from_a_forgotten_chunk_goes_whatever_its_rank(
    catalog: Catalog,
) -> None:
    asked = replace(ask("one?", "x", "gone"), trace=Trace(support=("gone",)))
    catalog.asks.record([asked])

    erased = forget(catalog, ["gone"])

    assert catalog.asks.count() == 0
    assert erased.questions == {"one?"}


def test_whatever_quotes_a_forgotten_text_goes_wherever_it_stands(catalog: Catalog) -> None:
    shown, apart, corrected = catalog.asks.record(
        [
            ask("What of Zebulon?", "x", "gone"),
            replace(ask("apart?", "x"), answer="Zebulon does"),
            ask("corrected?", "x"),
        ]
    )
    catalog.asks.add_feedback(corrected, -1, "No, Zebulon", 1.0)
    catalog.asks.add_feedback(corrected, -1, "No, Quark", 2.0)

    erased = forget(catalog, ["gone"], quoted="Zebulon")

    assert erased.ids == {shown}
    assert [(one.id, one.answer) for one in catalog.asks.log()] == [
        (apart, ""),
        (corrected, "the answer to corrected?"),
    ]
    left = catalog.asks.get(corrected)
    assert left is not None
    assert (left.ratings, left.correction) == ((-1, -1), "No, Quark")


def test_an_answer_under_way_does_not_bring_back_what_was_forgotten_since(
    catalog: Catalog,
) -> None:
    with catalog.database.writing() as connection:
        forgotten.note(connection, ["gone"], (), 100.0)

    about, beside, apart = catalog.asks.record(
        [ask("about it?", "gone", "x"), ask("beside it?", "x", "gone"), ask("apart?", "x")]
    )

    assert about == 0
    assert [(one.id, one.question, one.answer) for one in catalog.asks.log()] == [
        (beside, "beside it?", ""),
        (apart, "apart?", "the answer to apart?"),
    ]
    assert {hit.content_hash for one in catalog.asks.log() for hit in one.hits} == {"x"}


def test_an_erased_ask_goes_with_all_that_hangs_on_it_and_its_wording_unless_others_used_it(
    catalog: Catalog,
) -> None:
    followup = replace(ask("alone?", "x"), trace=Trace(asked="and alone?"))
    first, second, third = catalog.asks.record([ask("shared?", "x"), ask("shared?", "x"), followup])
    catalog.asks.add_feedback(first, -1, "twelve", 1.0)

    with catalog.database.writing() as connection:
        erased = asks.erase(connection, [first, third, 999])

    assert erased == asks.Erased(frozenset({first, third}), frozenset({"alone?", "and alone?"}))
    assert [one.id for one in catalog.asks.log()] == [second]
    assert catalog.asks.last_feedback() == 0
    assert cited(catalog, "/docs", "") == {"x"}


def test_asks_are_found_by_their_age_and_ids_are_never_used_twice(catalog: Catalog) -> None:
    old, new = catalog.asks.record([ask("old?"), replace(ask("new?"), asked_at=200.0)])

    with catalog.database.writing() as connection:
        assert asks.asked_before(connection, 200.0) == [old]
        asks.erase(connection, [old, new])
        assert asks.last_id(connection) == new
