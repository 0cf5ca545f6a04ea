"""Both kinds of index answer alike, and a file is either exactly what was written or refused."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcl.index import index_file, inverted_lists
from ragcl.index.index_file import DamagedIndexError
from ragcl.index.inverted_lists import InvertedLists
from ragcl.index.recipe import INDEX
from ragcl.index.vector_index import Stamp, VectorIndex, outgrown

STAMP = Stamp("model", "revision", 8, -1)
NOTHING = np.empty(0, np.int64)


def unit(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def index_of(ids: list[int], vectors: np.ndarray, generation: int = 3) -> VectorIndex:
    index = VectorIndex(STAMP)
    index.update(np.array(ids, np.int64), vectors, NOTHING, generation)
    return index


def listed_index(n: int = 200, generation: int = 3) -> VectorIndex:
    """Ids 0 to n - 1, all of them in lists."""
    corners = np.vstack([np.eye(8), -np.eye(8)])  # the widest range that compression can meet
    lists = InvertedLists.train(np.vstack([unit(n), corners]).astype(np.float32), n)
    lists.add(np.arange(n), unit(n))
    return VectorIndex(Stamp("model", "revision", 8, generation), lists)


def test_search_gives_exact_cosines_best_first() -> None:
    vectors = unit(20)
    index = index_of(list(range(100, 120)), vectors)
    queries = unit(3, seed=1)

    ids, scores = index.search(queries, 5)

    expected = queries @ vectors.T
    order = np.argsort(-expected, axis=1)[:, :5]
    np.testing.assert_array_equal(ids, order + 100)
    np.testing.assert_allclose(scores, np.take_along_axis(expected, order, 1), atol=1e-6)


def test_no_more_hits_than_there_are_vectors() -> None:
    index = index_of([1, 2], unit(2))

    assert index.search(unit(1), 10)[0].shape == (1, 2)
    assert VectorIndex(STAMP).search(unit(3), 10)[0].shape == (3, 0)
    assert index.search(np.empty((0, 8), np.float32), 10)[0].shape == (0, 0)


def test_an_update_removes_replaces_and_adds() -> None:
    vectors = unit(4)
    index = index_of([1, 2, 3], vectors[:3])

    index.update(np.array([3, 4]), vectors[[0, 3]], np.array([1, 77]), 9)

    ids, held = index.entries()
    assert ids.tolist() == [2, 3, 4]
    np.testing.assert_array_equal(held, vectors[[1, 0, 3]])
    assert index.stamp.generation == 9


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    index = index_of([5, 6, 7], unit(3))
    index.save(tmp_path / "deep" / "index")

    loaded = VectorIndex.load(tmp_path / "deep" / "index")

    assert loaded.stamp == Stamp("model", "revision", 8, 3)
    for mine, theirs in zip(loaded.entries(), index.entries(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    loaded.update(np.array([8]), unit(1), np.array([5]), 4)  # may be changed like any other
    assert loaded.entries()[0].tolist() == [6, 7, 8]


def test_saving_again_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index_of([5], unit(1)).save(path)
    index_of([6], unit(1), generation=4).save(path)

    assert VectorIndex.load(path).entries()[0].tolist() == [6]
    assert VectorIndex.load(path).stamp.generation == 4


KINDS = [lambda: index_of([5, 6, 7], unit(3)), listed_index]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("cut", [0, 4, 10, 45, 60, 200, -100, -1])
def test_a_file_that_was_cut_short_is_refused(
    tmp_path: Path, make: Callable[[], VectorIndex], cut: int
) -> None:
    path = tmp_path / "index"
    make().save(path)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("place", [0, 10, 50, 120, -100, -60, -45, -20, -3])
def test_a_file_of_which_one_byte_was_altered_is_refused(
    tmp_path: Path, make: Callable[[], VectorIndex], place: int
) -> None:
    path = tmp_path / "index"
    make().save(path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path)


def test_no_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        VectorIndex.load(tmp_path / "index")


# --- inverted lists


@pytest.mark.parametrize(
    ("size", "trained_on", "expected"),
    [
        (30_000, 0, False),
        (30_001, 0, True),
        (240_000, 60_000, False),
        (240_001, 60_000, True),
        (15_000, 60_000, False),
        (14_999, 60_000, True),
    ],
)
def test_when_an_index_is_made_anew(size: int, trained_on: int, expected: bool) -> None:
    assert outgrown(size, trained_on) is expected


def test_lists_find_what_an_exact_search_finds() -> None:
    """With lists left out too, of vectors that lie in clusters as those of texts do."""
    random = np.random.default_rng(5)
    rows = random.standard_normal((60, 32))[random.integers(60, size=3000)]
    rows = rows + 0.5 * random.standard_normal((3000, 32))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    lists = InvertedLists.train(vectors, len(vectors))
    lists.add(np.arange(3000), vectors)

    ids, scores = VectorIndex(Stamp("m", "r", 32, 0), lists).search(vectors[:50], 10)

    expected = np.argsort(-(vectors[:50] @ vectors.T), axis=1)[:, :10]
    shared = [len(set(mine) & set(true)) for mine, true in zip(ids, expected, strict=True)]
    assert lists._index.nlist > 2 * INDEX.probed
    assert np.mean(shared) >= 9.5
    exact = np.take_along_axis(vectors[:50] @ vectors.T, ids, axis=1)
    np.testing.assert_allclose(scores, exact, atol=0.005)


IDS = st.lists(st.integers(0, 40), max_size=12, unique=True)
UPDATES = st.lists(st.tuples(IDS, IDS, st.sampled_from(["", "fold", "save"])), max_size=6)


@given(listed=st.booleans(), updates=UPDATES, among=IDS, k=st.integers(1, 50))
@settings(max_examples=80, deadline=None)
def test_whatever_was_added_replaced_and_removed_both_kinds_find_what_is_there(
    listed: bool, updates: list[tuple[list[int], list[int], str]], among: list[int], k: int
) -> None:
    index = listed_index(30, generation=0) if listed else VectorIndex(STAMP)
    expected = dict(enumerate(unit(30))) if listed else {}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        # All lists are looked through: what may be left out is tested above.
        patch.setattr(inverted_lists, "INDEX", replace(INDEX, probed=1000))
        for number, (added, removed, then) in enumerate(updates, start=1):
            vectors = unit(len(added), seed=number)
            index.update(np.array(added, np.int64), vectors, np.array(removed, np.int64), number)
            expected = {i: v for i, v in expected.items() if i not in removed}
            expected |= zip(added, vectors, strict=True)
            if then == "fold":
                index = index.folded()
                assert index.loose == 0
            if then == "save":
                index.save(Path(folder, "index"))
                index = VectorIndex.load(Path(folder, "index"), check_lists=True)

        assert len(index) == len(expected)
        assert (index.trained_on > 0) == listed
        held, vectors = index.entries()
        assert held.tolist() == sorted(expected)
        tolerance = 0.005 if listed else 0
        for i, vector in zip(held.tolist(), vectors, strict=True):
            np.testing.assert_allclose(vector, expected[i], atol=tolerance)
        check(index, expected, k, None, tolerance)
        check(index, expected, k, sorted(set(among) & expected.keys()), tolerance)


def check(
    index: VectorIndex,
    expected: dict[int, np.ndarray],
    k: int,
    among: list[int] | None,
    tolerance: float,
) -> None:
    """Compare a search with what a look at every vector gives."""
    queries = unit(2, seed=99)
    counted = sorted(expected) if among is None else among
    only = None if among is None else np.array(among, np.int64)
    ids, scores = index.search(queries, k, only)
    assert ids.shape == scores.shape == (2, min(k, len(counted)))
    for query, row, row_scores in zip(queries, ids.tolist(), scores, strict=True):
        assert len(set(row)) == len(row)
        assert set(row) <= set(counted)
        assert (np.diff(row_scores) <= 0).all()
        best = sorted((float(expected[i] @ query) for i in counted), reverse=True)[:k]
        np.testing.assert_allclose(row_scores, best, atol=3 * tolerance + 1e-6)
        for i, score in zip(row, row_scores, strict=True):
            assert abs(float(expected[i] @ query) - score) <= 3 * tolerance + 1e-6


def test_a_query_whose_nearest_lists_are_empty_finds_what_is_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inverted_lists, "INDEX", replace(INDEX, probed=1))
    index = listed_index()
    query = unit(1, seed=7)
    near = index.search(query, 150)[0][0]
    index.update(NOTHING, np.empty((0, 8), np.float32), near, 4)

    assert index.search(query, 50)[0].shape == (1, 50)
    assert not set(index.search(query, 50)[0][0]) & set(near)


def test_lists_stay_on_the_disk_until_they_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So an alteration in them is found by a check that reads them, before they are copied."""
    monkeypatch.setattr(index_file, "BLOCK", 256)
    path = tmp_path / "index"
    index = listed_index()
    index.save(path)
    content = bytearray(path.read_bytes())
    with path.open("rb") as file:
        start, stop = index_file.read_header(file).about["lists"]
    content[(start + stop) // 2] ^= 1
    path.write_bytes(content)

    assert len(VectorIndex.load(path)) == len(index)
    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path, check_lists=True)


def test_what_was_loaded_and_did_not_change_is_saved_whole(tmp_path: Path) -> None:
    """FAISS alone would write only where mapped lists lie."""
    index = listed_index()
    index.save(tmp_path / "first")
    VectorIndex.load(tmp_path / "first").save(tmp_path / "second")

    assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()
    (tmp_path / "first").unlink()
    loaded = VectorIndex.load(tmp_path / "second")
    for mine, theirs in zip(loaded.entries(), index.entries(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_searched_is_not_disturbed_by_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    listed_index().save(path)
    before = VectorIndex.load(path)
    found = before.search(unit(3, seed=1), 10)
    listed_index(20, generation=4).save(path)

    for mine, theirs in zip(before.search(unit(3, seed=1), 10), found, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(VectorIndex.load(path)) == 20


def test_a_removed_vector_is_not_in_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = listed_index()
    index.save(path)
    size = path.stat().st_size
    index = VectorIndex.load(path)
    index.update(NOTHING, np.empty((0, 8), np.float32), np.arange(100), 4)

    index.save(path)

    assert VectorIndex.load(path).loose == 0
    assert path.stat().st_size <= size - 100 * (8 + 8)


def test_the_summary_tells_without_reading_the_vectors(tmp_path: Path) -> None:
    path = tmp_path / "index"
    assert VectorIndex.summary(path) is None
    listed_index().save(path)

    summary = VectorIndex.summary(path)

    assert summary is not None
    assert summary.stamp == Stamp("model", "revision", 8, 3)
    assert (summary.size, summary.trained_on) == (200, 200)
    path.write_text("something else")
    assert VectorIndex.summary(path) is None
