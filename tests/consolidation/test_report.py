"""The report of a round: equal facts as Markdown and as a page that fetches and runs nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from ragcl.consolidation import report
from ragcl.consolidation.history import Point
from ragcl.results import (
    ChunkLeftOut,
    ConsolidationReport,
    GateTest,
    RouteCost,
    RoutingRisk,
    TrainedChunk,
)

HOSTILE = '<script src="//x.example/a.js">alert(1)</script>"\'><img src=x onerror=y>|&\n# [a](b:c)'
KEPT, GONE = "a" * 64, "b" * 64


def learned(key: str, **values: Any) -> TrainedChunk:
    plain = TrainedChunk(key, "berths.md", "North berth", 3, 1, proved=True, promoted=True)
    return replace(plain, **values)


def round_report(folder: Path, **values: Any) -> ConsolidationReport:
    return ConsolidationReport(
        round_id=2,
        status="promoted",
        reason="",
        report_path=str(report.path(folder, 2)),
        **values,
    )


ROUNDS = (
    Point(1, "promoted", 4, None, 1.004, None),
    Point(2, "promoted", 5, 0.75, 1.006, 2200.0),
)


def write(folder: Path, done: ConsolidationReport) -> tuple[str, str]:
    report.write(folder, done, 12.0, [{"score": 0.5}], ROUNDS)
    target = report.path(folder, 2)
    return target.read_text(encoding="utf-8"), target.with_suffix(".html").read_text("utf-8")


def rows(page: str) -> list[list[str]]:
    """The cells of every row of every table, as a browser shows them."""
    return [[cell.text_content() for cell in row] for row in lxml_html.fromstring(page).iter("tr")]


@pytest.mark.parametrize(
    ("risk", "said"),
    [
        (
            RoutingRisk(20, 14, 13, 0.7033, 0.9, 36, 1),
            "s0-a: 0.93 of the 14 held-out trials that are routed to the weights are right; at "
            "least 0.70 of such questions are, with confidence 0.9. Of 36 held-out near misses 1 "
            "are let through.",
        ),
        (
            RoutingRisk(2, 0, 0, 0.0, 0.9, 0, 0),
            "s0-a: no held-out trial is routed to the weights, so nothing is known of questions "
            "other than those that they were proved on. Of 0 held-out near misses 0 are let "
            "through.",
        ),
    ],
)
def test_how_far_the_weights_can_be_trusted_is_said_with_its_confidence(
    tmp_path: Path, risk: RoutingRisk, said: str
) -> None:
    for text in write(tmp_path, round_report(tmp_path, risks={"s0-a": risk})):
        assert said in re.sub(r"\\(.)", r"\1", text)


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    done = round_report(
        tmp_path,
        learned=[learned(KEPT), learned(GONE, source="x.md", heading="", promoted=False)],
        left_out=[ChunkLeftOut("old.md", "c" * 64, "no room")],
        gate=[GateTest("proved chunks", 0.4, 0.5, passed=False)],
        metrics={"perplexity ratio": 1.006},
        retention=0.75,
        prompt_tokens={
            "weights": RouteCost(10, 40.0),
            "context": RouteCost(3, 260.0),
        },
        tokens_saved=2200.0,
    )

    markdown, page = write(tmp_path, done)

    for expected in (
        ["berths.md", "North berth", "3", "1", "yes", "yes", "a" * 12],
        ["x.md", "", "3", "1", "yes", "no", "b" * 12],
        ["old.md", "no room", "c" * 12],
        ["proved chunks", "0.400", "0.500", "FAILED"],
        ["perplexity ratio", "1.006"],
        ["score", "0.500"],
        ["weights", "10", "40"],
        ["1", "promoted", "4", "-", "1.004", "-"],
        ["2", "promoted", "5", "0.750", "1.006", "2,200"],
    ):
        assert expected in rows(page)
        assert f"| {' | '.join(expected)} |" in markdown.splitlines()
    for text in ("75% were proved again", "saved 2,200 prompt tokens"):
        assert text in markdown
        assert text in page


def test_it_says_why_a_candidate_was_thrown_away(tmp_path: Path) -> None:
    done = ConsolidationReport(
        2, "rejected", "it drifted", report_path=str(report.path(tmp_path, 2))
    )

    for text in write(tmp_path, done):
        assert "Round 2: rejected" in text
        assert "Rejected: it drifted." in text


def test_what_the_router_does_not_ask_for_is_no_number(tmp_path: Path) -> None:
    report.write(tmp_path, round_report(tmp_path), 1.0, [{"score": float("-inf")}], ROUNDS)

    assert "| score | any |" in report.path(tmp_path, 2).read_text(encoding="utf-8")


def test_text_from_documents_is_never_markup(tmp_path: Path) -> None:
    hostile = learned(KEPT, source=HOSTILE, heading=HOSTILE)
    left = ChunkLeftOut(HOSTILE, GONE, HOSTILE)

    markdown, page = write(tmp_path, round_report(tmp_path, learned=[hostile], left_out=[left]))

    shown = " ".join(HOSTILE.split())
    assert [shown, shown, "3", "1", "yes", "yes", "a" * 12] in rows(page)
    tags: set[str] = set()
    attributes: list[tuple[str, str | None]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            attributes.extend(attrs)

    Parser().feed(page)
    assert not tags & {"script", "img", "link", "iframe", "object", "a"}
    assert not any(name.startswith("on") or name == "src" for name, _ in attributes)
    assert not re.search(r"(?<!\\)<", markdown)
    [row] = [line for line in markdown.splitlines() if "a" * 12 in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8  # seven cells
    assert "\n# [" not in markdown


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    costs = {"weights": RouteCost(1, 40.0)}
    _, page = write(tmp_path, round_report(tmp_path, prompt_tokens=costs))

    tree = lxml_html.fromstring(page)
    assert "default-src 'none'" in page
    references = [
        value
        for element in tree.iter()
        for name, value in element.items()
        if name.rpartition(":")[2] in ("href", "src")
    ]
    assert all(value.startswith("#") for value in references)
    assert not re.search(r"url\((?!#)|@import", page)


def test_the_page_draws_retention_drift_and_tokens(tmp_path: Path) -> None:
    costs = {"weights": RouteCost(1, 40.0)}
    _, page = write(tmp_path, round_report(tmp_path, prompt_tokens=costs))

    [drawing] = lxml_html.fromstring(page).iter("svg")
    words = {" ".join(text.text_content().split()) for text in drawing.iter("text")}
    assert {"Retention", "Perplexity ratio on anchors", "weights"} <= words


def test_a_first_round_without_any_figures_is_drawn_too(tmp_path: Path) -> None:
    done = round_report(tmp_path)
    report.write(tmp_path, done, 1.0, [], [Point(2, "promoted", 0, None, None, None)])

    page = report.path(tmp_path, 2).with_suffix(".html").read_text("utf-8")

    assert "<svg" in page
    assert "<h1>Round 2: promoted</h1>" in page


def test_equal_figures_are_drawn_equally(tmp_path: Path) -> None:
    done = round_report(tmp_path)

    assert report._plots(done, ROUNDS) == report._plots(done, ROUNDS)


def test_a_forgotten_chunk_leaves_the_reports(tmp_path: Path) -> None:
    done = round_report(
        tmp_path,
        learned=[learned(KEPT), learned(GONE, source="secret.md", heading="Dismissals")],
        left_out=[ChunkLeftOut("secret.md", GONE, "no room")],
    )
    before = write(tmp_path, done)

    report.remove_chunks(tmp_path, [GONE])

    target = report.path(tmp_path, 2)
    after = target.read_text("utf-8"), target.with_suffix(".html").read_text("utf-8")
    for old, new in zip(before, after, strict=True):
        assert "secret.md" in old
        assert "secret.md" not in new
        assert "Dismissals" not in new
        assert [line for line in old.splitlines() if "b" * 12 not in line] == new.splitlines()
    assert sorted(one.name for one in target.parent.iterdir()) == ["report.html", "report.md"]
    report.remove_chunks(tmp_path / "nothing here", [GONE])


def test_only_a_round_that_was_begun_has_a_report(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only a round that was begun"):
        report.write(tmp_path, ConsolidationReport(None, "nothing due", ""), 1.0, [], ROUNDS)
