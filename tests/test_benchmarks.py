"""Benchmarks write past ragcl what ragcl would, and compare with what knows as much."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cost import shortest
from benchmarks.drift import compared
from benchmarks.freshness import current
from benchmarks.index import Vectors, fill
from benchmarks.paragraphs import WORDINGS
from benchmarks.poison import UNSEEN
from benchmarks.releases import WORDINGS as OF_RELEASES
from benchmarks.rounds import Fact, score
from ragcl.catalog import Catalog
from ragcl.results import Hit
from ragcl.search.retriever import Retriever
from ragcl.text.words import content_words


def test_the_catalog_that_the_index_is_measured_on_is_sound(tmp_path: Path) -> None:
    made = Vectors(120)
    fill(tmp_path, made)
    catalog = Catalog(tmp_path)
    retriever = Retriever(catalog, None, tmp_path)  # type: ignore[arg-type]  # nothing is embedded
    [vectors] = made.batches()

    retriever.save()

    assert retriever.problems(repair=False) == []
    assert catalog.documents.count() == (3, 120)
    found = retriever.nearest(vectors[:5], 3)
    assert [one.hits[0].id for one in found] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([one.hits[0].score for one in found], 1, atol=1e-5)
    catalog.close()


def test_a_training_is_compared_with_the_shortest_that_knows_as_much() -> None:
    rows = [
        {"seconds": seconds, "recalled": recalled, "written": written}
        for seconds, recalled, written in ((10, 0.5, 0.1), (20, 0.7, 0.4), (30, 0.6, 0.9))
    ]

    assert shortest(rows, {"recalled": 0.6}) == rows[1]
    assert shortest(rows, {"recalled": 0.6, "written": 0.4}) == rows[1]
    assert shortest(rows, {"recalled": 0.6, "written": 0.5}) == rows[2]
    assert shortest(rows, {"recalled": 0.8}) is None


def test_what_is_lost_and_what_is_won_are_told_apart() -> None:
    assert compared([True, True, False, False], [True, False, True, True]) == {
        "questions": 4,
        "base": 0.5,
        "adapter": 0.75,
        "lost": 1,
        "won": 2,
    }


def test_every_learner_is_scored_on_the_same_facts() -> None:
    facts = [Fact("Bora", kind, value) for kind, value in enumerate(("Tim Olm", "Wick", "1901"))]

    score("forgets", facts, facts, ["Tim Olm", "Wick", "?"], 1)
    second = score("forgets", facts, facts[:1], ["Tim Olm", "", "1901"], 2)
    other = score("learns late", facts, facts[:1], ["Tim Olm", "Wick", "1901"], 2)

    assert second["all"] == {
        "facts": 3,
        "right": pytest.approx(2 / 3),
        "known before": 2,
        "retention": 0.5,
    }
    assert second["asked"] == {"facts": 1, "right": 1, "known before": 1, "retention": 1}
    assert other["all"]["facts"] == 3
    assert other["all"]["known before"] == 0


def test_an_unseen_wording_is_no_learned_one_with_a_few_words_more() -> None:
    pairs = [(wordings[:3], wordings[3]) for wordings in OF_RELEASES.values()]
    for line in WORDINGS.read_text("utf-8").splitlines():
        one = json.loads(line)
        pairs.append(((one["asked"],), one["unseen"]))

    for learned, unseen in pairs:
        words = set(content_words(unseen))
        assert all(not set(content_words(one)) <= words for one in learned), unseen

    unseen = [json.loads(line)["unseen"] for line in UNSEEN.read_text("utf-8").splitlines()]
    assert len(set(unseen)) == len(unseen) == 40


RELEASES = """---
releases:
-   release: "2.1"
    # Its end was announced late.
    end: 2032-05-01
    latest: "2.1.4"

-   release: "2.0"
    end: 2031-11-01  # with support
    latest: "2.0.9"
---

| Part | Grade |
|------|-------|
| hull | good; oak |
| mast | fair |
"""
COMMENTED = "releases.release: 2.1; end: 2032-05-01; latest: 2.1.4\n  # Its end was announced late."
SPREAD = "releases.release: 2.1\n  # Its end was announced late.\n  releases.end: 2032-05-01"
BOTH = (
    "releases.release: 2.1; end: 2032-05-01; latest: 2.1.4\n\n"
    "releases.release: 2.0; end: 2031-11-01; latest: 2.0.9"
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (COMMENTED, (3, 6)),
        (SPREAD, (3, 5)),
        (BOTH, (3, 10)),
        ("releases.release: 2.1; latest: 2.1.4", (6, 6)),  # the rest of a long record
        ("| Part | Grade |\n|---|---|\n| mast | fair |", (16, 16)),
    ],
)
def test_a_passage_is_current_however_its_record_is_laid_out(
    tmp_path: Path, text: str, lines: tuple[int, int]
) -> None:
    (tmp_path / "boats.md").write_text(RELEASES, encoding="utf-8")

    assert current(Hit(text, 1, "boats.md", lines, "Boats", ""), tmp_path)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (COMMENTED.replace("2.1.4", "2.1.3"), (3, 6)),  # as it was before
        (COMMENTED.replace("late", "early"), (3, 6)),
        (BOTH.replace("2.0.9", "2.0.8"), (3, 10)),
        (BOTH.replace("2031-11-01", "2032-05-01"), (3, 10)),  # only the other's
        ("releases.release: 2.1; end: 2031-11-01", (3, 10)),
        ("releases.release: 2.1; latest: 2.0.9\n\nreleases.release: 2.0; latest: 2.1.4", (3, 10)),
        (COMMENTED, (8, 10)),  # it stands elsewhere
        ("| Part | Grade |\n|---|---|\n| mast | good |", (16, 16)),
    ],
)
def test_a_passage_that_the_file_does_not_hold_any_more_is_superseded(
    tmp_path: Path, text: str, lines: tuple[int, int]
) -> None:
    path = tmp_path / "boats.md"
    path.write_text(RELEASES, encoding="utf-8")

    assert not current(Hit(text, 1, "boats.md", lines, "Boats", ""), tmp_path)

    path.unlink()
    assert not current(Hit(BOTH, 1, "boats.md", (3, 10), "Boats", ""), tmp_path)
