"""The FAISS index: vectors by chunk id, stamped with the catalog generation it holds.

A small index holds exact vectors in memory. A large one holds most vectors compressed in inverted
lists, memory-mapped from disk, and in memory the exact vectors added since the file was written.
Both have the same interface. Knows nothing of text; everything can be rebuilt from the catalog.

Damage is detected on opening if the file's length, the stamp, exact vectors, centroids or the set
of ids changed. Damage inside the lists, which opening does not read, is detected by the doctor, and
before the lists are copied into a new file. Until then it can hide a vector from a search; it gives
no wrong score or text, since candidates are scored with the vectors of the catalog.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragcl.index import index_file
from ragcl.index.index_file import DamagedIndexError
from ragcl.index.inverted_lists import InvertedLists, selector, serialize
from ragcl.index.recipe import INDEX


@dataclass(frozen=True)
class EmbedderId:
    """The identity of an embedder: vectors of different embedders cannot be compared."""

    model: str
    revision: str
    dimension: int

    def at(self, generation: int) -> "Stamp":
        """The stamp of an index of its vectors that is true at this generation."""
        return Stamp(self.model, self.revision, self.dimension, generation)


@dataclass(frozen=True)
class Stamp(EmbedderId):
    """What an index was built from."""

    generation: int

    @property
    def embedder(self) -> EmbedderId:
        """The embedder that made its vectors."""
        return EmbedderId(self.model, self.revision, self.dimension)


@dataclass(frozen=True)
class Summary:
    """The contents of a file; its lists were made for `trained_on` vectors, 0 if it is exact."""

    stamp: Stamp
    size: int
    trained_on: int


def outgrown(size: int, trained_on: int) -> bool:
    """Whether `size` vectors need another kind of index, or lists trained again.

    `trained_on` is the number of vectors the present lists were made for; 0 if there are none.
    """
    if not trained_on:
        return size > INDEX.exact_up_to
    return size > INDEX.regrown * trained_on or INDEX.regrown * size < trained_on


class VectorIndex:
    """Unit vectors by id, searched by inner product (cosine similarity)."""

    def __init__(self, stamp: Stamp, lists: InvertedLists | None = None) -> None:
        import faiss

        self.stamp = stamp
        self._lists = lists
        self._exact: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(stamp.dimension))

    def __len__(self) -> int:
        return int(self._exact.ntotal) + (0 if self._lists is None else len(self._lists))

    @property
    def trained_on(self) -> int:
        """The number of vectors that the lists were made for; 0 if it has no lists."""
        return 0 if self._lists is None else self._lists.trained_on

    @property
    def loose(self) -> int:
        """The number of changes that are not in the lists yet; 0 if it has no lists."""
        return 0 if self._lists is None else int(self._exact.ntotal) + self._lists.removed

    def update(
        self, added_ids: np.ndarray, added: np.ndarray, removed_ids: np.ndarray, generation: int
    ) -> None:
        """Remove and add vectors.

        Args:
            added_ids: `(n,) int64`, not negative; an id that is already held is replaced.
            added: `(n, dim) float32`.
            removed_ids: `(m,) int64`; ids that are not held are ignored.
            generation: the catalog's generation after these changes.
        """
        gone = np.concatenate([removed_ids, added_ids])
        if len(gone):
            if self._exact.ntotal:
                self._exact.remove_ids(gone)
            if self._lists is not None:
                self._lists.remove(gone)
        if len(added_ids):
            self._exact.add_with_ids(np.ascontiguousarray(added), added_ids)
        self.stamp = self.stamp.at(generation)

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest `k` of each query; with lists approximately, with scores to within 0.001.

        Args:
            queries: `(n, dim) float32`, rows of length one.
            k: how many; fewer come back when there are fewer.
            among: `(m,) int64`, the only ids that count, all of them in the index; None: all.

        Returns:
            ids `(n, k') int64` and scores `(n, k') float32`, best first.
        """
        k = min(k, len(self) if among is None else len(among))
        if k == 0 or len(queries) == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        queries = np.ascontiguousarray(queries, np.float32)
        chosen = None
        if among is not None:
            chosen = np.zeros(int(among.max()) + 1, bool)
            chosen[among] = True
        ids, scores = self._search_exact(queries, k, chosen)
        if self._lists is not None:
            listed, listed_scores = self._lists.search(queries, k, chosen)
            ids, scores = np.hstack([ids, listed]), np.hstack([scores, listed_scores])
            best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            ids = np.take_along_axis(ids, best, axis=1)
            scores = np.take_along_axis(scores, best, axis=1)
        return ids, scores

    def _search_exact(
        self, queries: np.ndarray, k: int, chosen: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search the exact vectors; missing hits have id -1 and the lowest score."""
        import faiss

        k = min(k, int(self._exact.ntotal))
        if k == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        parameters = None
        if chosen is not None:
            only = selector(chosen)  # parameters do not keep it alive
            parameters = faiss.SearchParameters()
            parameters.sel = only
        scores, ids = self._exact.search(queries, k, params=parameters)
        return ids, scores

    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """All ids `(n,) int64`, ascending, and vectors `(n, dim) float32`; those in lists lossy."""
        parts = list(self.parts())
        ids = np.concatenate([part[0] for part in parts])
        order = np.argsort(ids)
        return ids[order], np.concatenate([part[1] for part in parts])[order]

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
        """`entries` piece by piece, unsorted, with whether the vectors are exact."""
        yield *self._exact_entries(), True
        if self._lists is not None:
            for ids, vectors in self._lists.entries():
                yield ids, vectors, False

    def _exact_entries(self) -> tuple[np.ndarray, np.ndarray]:
        import faiss

        vectors = faiss.downcast_index(self._exact.index).reconstruct_n(0, self._exact.ntotal)
        return faiss.vector_to_array(self._exact.id_map), vectors

    def save(self, path: Path) -> None:
        """Write the index to `path` atomically.

        Raises:
            OSError: it cannot be written.
        """
        index_file.write(path, self._dump)

    def _dump(self, payload: index_file.Payload) -> dict[str, Any]:
        held = {"size": len(self), "trained_on": self.trained_on}
        if self._lists is None:
            serialize(self._exact, payload.write)
            return {"stamp": asdict(self.stamp), **held}
        lists = self.folded()._lists
        assert lists is not None
        length = lists.dump(payload.write)
        place = [payload.size - length, payload.size]
        payload.write(np.packbits(lists.held).tobytes())
        return {"stamp": asdict(self.stamp), **held, "lists": place}

    def folded(self) -> "VectorIndex":
        """The index with all changes in the lists; if there are any, the lists are copied."""
        if self._lists is None or not self.loose:
            return self
        lists = self._lists.copy()
        lists.add(*self._exact_entries())
        return VectorIndex(self.stamp, lists)

    @classmethod
    def summary(cls, path: Path) -> Summary | None:
        """The header of a file; None if it cannot be read."""
        try:
            with path.open("rb") as file:
                return _summary(index_file.read_header(file))
        except (OSError, DamagedIndexError):
            return None

    @classmethod
    def load(cls, path: Path, *, check_lists: bool = False) -> "VectorIndex":
        """Read an index back.

        Args:
            path: the file.
            check_lists: read and check the lists too, which are otherwise only mapped.

        Raises:
            FileNotFoundError: there is no file.
            DamagedIndexError: the file is truncated, damaged, or not an index.
        """
        while True:
            with path.open("rb") as file:
                header = index_file.read_header(file)
                summary = _summary(header)
                start, stop = header.about.get("lists", (header.size, header.size))
                index_file.check_blocks(file, header, 0, stop if check_lists else start)
                index_file.check_blocks(file, header, stop, header.size)
                file.seek(stop)
                held = np.unpackbits(np.frombuffer(file.read(header.size - stop), np.uint8))
                try:
                    index = cls._read(path, summary, held.astype(bool))
                except RuntimeError as error:
                    raise DamagedIndexError(f"{path} cannot be read: {error}") from error
                if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                    return index  # else another process wrote a new file between check and reading

    @classmethod
    def _read(cls, path: Path, summary: Summary, held: np.ndarray) -> "VectorIndex":
        import faiss

        if summary.trained_on:
            return cls(summary.stamp, InvertedLists.mapped(path, held, summary.trained_on))
        index = cls(summary.stamp)
        index._exact = faiss.read_index(str(path))
        return index


def _summary(header: index_file.Header) -> Summary:
    about = header.about
    return Summary(Stamp(**about["stamp"]), about["size"], about["trained_on"])
