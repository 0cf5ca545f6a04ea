"""The index file is either exactly what was written or refused."""

from pathlib import Path

import numpy as np
import pytest

from ragcl.retrieval.vector_index import DamagedIndexError, Stamp, VectorIndex

STAMP = Stamp("model", "revision", 8, -1)
NOTHING = np.empty(0, np.int64)


def unit(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def index_of(ids: list[int], vectors: np.ndarray, generation: int = 3) -> VectorIndex:
    index = VectorIndex(STAMP)
    index.update(np.array(ids, np.int64), vectors, NOTHING, generation)
    return index


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


@pytest.mark.parametrize("cut", [0, 4, 10, 45, 60, -1])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "index"
    index_of([5, 6, 7], unit(3)).save(path)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path)


@pytest.mark.parametrize("place", [0, 10, 50, 120, -3])
def test_a_file_of_which_one_byte_was_altered_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "index"
    index_of([5, 6, 7], unit(3)).save(path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path)


def test_no_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        VectorIndex.load(tmp_path / "index")
