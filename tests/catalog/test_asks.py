"""The log of questions: what was asked, shown and said of it, and how it is forgotten."""

from dataclasses import replace

import numpy as np
import pytest

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord, HitRecord, RouteCost
from ragcl.errors import RagclError


def ask(question: str, *hashes: str, source: str = "a.md") -> AskRecord:
    return AskRecord(
        id=0,
        asked_at=100.0,
        question=question,
        vector=np.array([0.6, 0.8], np.float32),
        mode="auto",
        route="context",
        answer=f"the answer to {question}",
        trace={"reason": "because", "support": list(hashes[:1])},
        hits=tuple(
            HitRecord(key, 0.9 - rank / 10, {"root": "/docs", "source": source, "text": key})
            for rank, key in enumerate(hashes)
        ),
    )


def test_what_was_logged_is_read_back(catalog: Catalog) -> None:
    logged = [ask("one?", "x", "y"), ask("two?")]

    ids = catalog.asks.record(logged)

    assert catalog.asks.count() == 2
    for found, written, ask_id in zip(catalog.asks.log(), logged, ids, strict=True):
        assert found.id == ask_id
        assert (found.question, found.answer) == (written.question, written.answer)
        assert found.hits == written.hits
        assert found.trace == written.trace
        np.testing.assert_array_equal(found.vector, written.vector)


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

    catalog.forget_traces(["gone"])

    assert [one.id for one in catalog.asks.log()] == [beside, apart]
    left = catalog.asks.log()[0]
    assert [hit.content_hash for hit in left.hits] == ["x"]
    assert left.answer == ""
    assert "support" not in left.trace
    assert catalog.asks.log()[1].answer == "the answer to apart?"
    assert catalog.asks.hashes_cited("/docs", "a.md") == ["x"]


def test_forgetting_nothing_touches_nothing(catalog: Catalog) -> None:
    catalog.asks.record([ask("one?", "x")])

    catalog.forget_traces([])

    assert catalog.asks.log()[0].answer == "the answer to one?"


def test_forgetting_takes_more_chunks_than_a_statement_takes_variables(catalog: Catalog) -> None:
    hashes = [str(number) for number in range(40_000)]
    catalog.asks.record([ask("one?", "39999"), ask("two?", "x", "0")])

    catalog.forget_traces(hashes)

    assert [(one.question, one.answer) for one in catalog.asks.log()] == [("two?", "")]


def test_what_the_log_cites_of_a_file(catalog: Catalog) -> None:
    catalog.asks.record([ask("one?", "x", "y", source="a.md"), ask("two?", "z", source="b.md")])

    assert sorted(catalog.asks.hashes_cited("/docs", "a.md")) == ["x", "y"]
    assert catalog.asks.hashes_cited("/elsewhere", "a.md") == []


def test_what_answers_cost_is_counted_by_route_after_an_ask_whatever_the_clock_said(
    catalog: Catalog,
) -> None:
    def cost(moment: float, route: str, **trace: int) -> AskRecord:
        return replace(ask("one?", "x"), asked_at=moment, route=route, trace=trace)

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
