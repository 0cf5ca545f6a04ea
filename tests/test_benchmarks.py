"""Benchmarks write past ragcl what ragcl would, and compare with what knows as much."""

from pathlib import Path

import numpy as np

from benchmarks.cost import shortest
from benchmarks.drift import compared
from benchmarks.index import Vectors, fill
from ragcl.catalog import Catalog
from ragcl.retrieval.retriever import Retriever


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
    assert [one.hits[0].chunk.id for one in found] == [1, 2, 3, 4, 5]
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
