"""What the public calls give back reads well where it is printed."""

from dataclasses import is_dataclass, replace

import pytest

import ragcl
from ragcl import results
from ragcl.results import (
    Answer,
    Citation,
    ConsolidationReport,
    Failure,
    Hit,
    IngestReport,
    Quote,
    Trace,
    to_dict,
    traced,
)

CITATION = Citation("berths.md", (3, 3), "Berths > North", "It is 11 metres deep.", 0.7)


def answer(text: str, citations: list[Citation]) -> Answer:
    return Answer(
        id=7,
        question="How deep?",
        text=text,
        route="context",
        mode="auto",
        citations=citations,
        abstained=not citations,
        prompt_tokens=100,
        answer_tokens=3,
        confidence=-0.1,
        seconds=0.2,
        trace=Trace(),
    )


def test_every_public_name_is_there() -> None:
    for name in ragcl.__all__:
        assert getattr(ragcl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Knowledge'"):
        _ = ragcl.Knowledge


def test_every_result_is_a_line_of_its_own_making() -> None:
    kinds = [one for one in vars(results).values() if is_dataclass(one)]

    assert len(kinds) > 10
    assert [one.__name__ for one in kinds if "__str__" not in vars(one)] == []


def test_a_round_tells_how_much_it_learned() -> None:
    done = ConsolidationReport(
        1, "promoted", "", chunks_selected=6, chunks_proved=5, questions_trained=10
    )

    assert str(done) == "promoted; 6 hot chunks, 10 questions trained, 5 chunks proved"
    assert str(ConsolidationReport(2, "nothing due", "nothing new is hot")) == (
        "nothing due: nothing new is hot"
    )


def test_an_answer_tells_route_and_place() -> None:
    assert str(answer("11 metres", [CITATION])) == "11 metres  (context, berths.md:3)"
    assert str(answer("I don't know.", [])) == "I don't know.  (context)"
    assert str(CITATION) == "berths.md:3  Berths > North  (0.70)"


def test_a_trace_is_read_by_name_as_it_is_printed() -> None:
    hit = Hit("text", 0.123456, "a.md", (1, 2), "Berths", "x", lexical=0.5, fused=0.75)
    trace = Trace(reason="asked for", adapter="s0-a", support=("x",), hits=(traced(hit),))

    assert (trace["reason"], trace.get("adapter"), trace.get("nothing", 7)) == (
        "asked for", "s0-a", 7,
    )  # fmt: skip
    assert trace["hits"][0] == {
        "source": "a.md", "heading": "Berths", "score": 0.1235, "lexical": 0.5, "fused": 0.75,
        "content_hash": "x", "elsewhere": [], "supersedes": [], "flags": [],
    }  # fmt: skip
    assert dict(trace) == to_dict(trace) == to_dict(replace(answer("a", []), trace=trace))["trace"]
    assert list(trace) == [
        "reason", "tried", "adapter", "adapter_set", "features", "form", "forms", "prompt_tokens",
        "chosen", "support", "hits",
    ]  # fmt: skip
    assert "asked" in Trace(asked="And that?")
    with pytest.raises(KeyError):
        trace["asked"]


def test_a_long_text_is_cut_and_stays_on_one_line() -> None:
    hit = Hit("one\ntwo " + "long " * 40, 0.51, "a\nb.txt", None, "", "hash", page=2)

    assert str(hit).startswith("0.51  a\\u000ab.txt page 2  one two long long")
    assert str(hit).endswith("…")
    assert "\n" not in str(hit)
    assert str(Quote("A \x1b[31mword.", "a.md", (2, 4))) == "“A \\u001b[31mword.”  a.md:2-4"


def test_an_ingest_tells_how_many_files_of_each_kind() -> None:
    report = IngestReport("docs", added=["a", "b"], failed=[Failure("c", "torn")], chunks_added=3)

    assert str(report) == (
        "2 added, 0 updated, 0 unchanged, 0 deleted, 1 failed; 3 chunks added, 0 removed; 0.0 s"
    )
    assert str(report.failed[0]) == "c: torn"
