"""Questions to hits: embed, search by meaning and by words, fuse, look up the chunks, rerank.

The vector index is caught up with the catalog before every search, inside the same snapshot that
words are matched in and chunks are read from: what another process ingested is seen, what it
deleted is never returned. Knows nothing of answers.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from ragcl.catalog import Catalog, full_text
from ragcl.catalog.documents import (
    Filter,
    StoredChunk,
    changes_since,
    chunk_ids,
    chunk_vectors,
    generation,
    stored_chunks,
    was_at,
)
from ragcl.errors import ModelMismatchError
from ragcl.model_files import ModelFiles
from ragcl.retrieval import lexical
from ragcl.retrieval.embedder import Embedder
from ragcl.retrieval.near_duplicates import collapse
from ragcl.retrieval.reranker import Reranker
from ragcl.retrieval.vector_index import DamagedIndexError, Stamp, VectorIndex

log = logging.getLogger(__name__)

EMBEDDER = "embedder"
INDEX_FILE = "index/vectors.faiss"
POOL = 100  # candidates of each kind that are fused, or more if more hits are asked for
SPARE = 10  # further candidates, in the place of near duplicates
RERANKED = 20  # hits that a reranker reads: the right one is hardly ever further down
LEXICAL_WEIGHT = 0.8  # chosen as benchmarks/retrieval.py says
CATALOG_LOST = (
    "there is a vector index, but the catalog is new and empty: restore catalog.sqlite from a "
    "copy, or ingest the documents again"
)


@dataclass(frozen=True)
class Retrieved:
    """A chunk that a question retrieved.

    `score` is its cosine similarity in [-1, 1]; `lexical` in [0, 1] is how much of what the
    question's words weigh it holds.
    """

    chunk: StoredChunk
    score: float
    lexical: float = 0.0

    @property
    def fused(self) -> float:
        """What hits are ranked by: meaning and words together."""
        return fused(self.score, self.lexical)


@dataclass(frozen=True)
class _Candidate:
    """A chunk before its text is looked up."""

    id: int
    score: float
    lexical: float


@dataclass(frozen=True)
class Retrieval:
    """What one question retrieved, best first; `vector` is `(dim,) float32`."""

    vector: np.ndarray
    hits: tuple[Retrieved, ...]

    @property
    def margin(self) -> float:
        """The lead of the first hit over the second in the fused score.

        Below zero where a reranker disagrees with that score: nothing decisive.
        """
        first, second = (*(hit.fused for hit in self.hits[:2]), -1.0, -1.0)[:2]
        return first - second


def fused(score: float, lexical: float) -> float:
    """One figure of a cosine in [-1, 1] and a share of the words in [0, 1]."""
    return score + LEXICAL_WEIGHT * lexical


def check_embedder(catalog: Catalog, files: ModelFiles, dimension: int | None = None) -> None:
    """Refuse to mix the vectors of two models; remember the model once its `dimension` is known.

    Raises:
        ModelMismatchError: the catalog holds vectors of another model.
    """
    known = catalog.get(EMBEDDER)
    if known is None:
        if dimension is not None:
            catalog.put(
                EMBEDDER,
                {"model": files.name, "revision": files.revision, "dimension": dimension},
            )
        return
    if (known["model"], known["revision"]) != (files.name, files.revision):
        raise ModelMismatchError(
            f"this knowledge base holds vectors of {known['model']} ({known['revision']}), but "
            f"models.embedder is {files.name} ({files.revision}). Set it back, or ingest into a "
            "new knowledge base."
        )


class Retriever:
    """Search over the current chunks of one knowledge base."""

    def __init__(
        self, catalog: Catalog, embedder: Embedder, folder: Path, reranker: Reranker | None = None
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._reranker = reranker
        self._path = folder / INDEX_FILE
        self._index: VectorIndex | None = None
        self._lock = threading.Lock()

    def retrieve(
        self, questions: Sequence[str], k: int, chosen: Filter | None = None
    ) -> list[Retrieval]:
        """The `k` best current chunks for each question, of the documents chosen."""
        check_embedder(self._catalog, self._embedder.files)
        vectors = self._embedder.encode_questions(questions)
        if self._reranker is None:
            return self._find(vectors, questions, k, chosen)
        found = self._find(vectors, questions, max(k, RERANKED), chosen)
        return [
            self._reranked(self._reranker, question, retrieval, k)
            for question, retrieval in zip(questions, found, strict=True)
        ]

    def _reranked(
        self, reranker: Reranker, question: str, retrieval: Retrieval, k: int
    ) -> Retrieval:
        """The `k` hits that the reranker puts first; their scores stay what they were."""
        first, rest = retrieval.hits[:RERANKED], retrieval.hits[RERANKED:]
        scores = reranker.scores(question, [hit.chunk.passage for hit in first])
        order = np.argsort(-scores, kind="stable")
        return Retrieval(retrieval.vector, (*(first[i] for i in order), *rest)[:k])

    def nearest(self, vectors: np.ndarray, k: int) -> list[Retrieval]:
        """The `k` current chunks nearest to each vector, `(n, dim) float32`; loads no model."""
        return self._find(vectors, [""] * len(vectors), k, None)

    def _find(
        self, vectors: np.ndarray, questions: Sequence[str], k: int, chosen: Filter | None
    ) -> list[Retrieval]:
        with self._lock, self._catalog.database.reading() as connection:
            index = self._caught_up(connection)
            if index is None:
                return [Retrieval(vector, ()) for vector in vectors]
            among = None if chosen is None else chunk_ids(connection, chosen)
            depth = k + SPARE
            ranked = _rank(connection, index, vectors, questions, depth, among)
            wanted = sorted({one.id for row in ranked for one in row})
            found = stored_chunks(connection, wanted, chosen)
            if len(found) < len(wanted):  # e.g. the catalog was restored from a copy
                log.warning("The vector index disagrees with the catalog; it is built again.")
                index = self._rebuilt(connection)
                ranked = _rank(connection, index, vectors, questions, depth, among)
                wanted = sorted({one.id for row in ranked for one in row})
                found = stored_chunks(connection, wanted, chosen)
        return [
            Retrieval(vector, _shown(row, found)[:k])
            for vector, row in zip(vectors, ranked, strict=True)
        ]

    def save(self) -> None:
        """Bring the index file up to date with the catalog, unless it is; quick when it is."""
        known = self._catalog.get(EMBEDDER)
        if known is None:
            return
        with self._lock, self._catalog.database.reading() as connection:
            wanted = Stamp(**known, generation=generation(connection))
            if VectorIndex.stamp_in(self._path) == wanted:
                return
            index = self._caught_up(connection)
            if index is not None and VectorIndex.stamp_in(self._path) != index.stamp:
                self._write(index)

    def problems(self, *, repair: bool) -> list[str]:
        """What is wrong with the indexes; with `repair` they are made again from the catalog."""
        return [
            *self._full_text_problems(repair=repair),
            *self._vector_problems(repair=repair),
        ]

    def _full_text_problems(self, *, repair: bool) -> list[str]:
        try:
            with self._catalog.database.writing() as connection:
                full_text.check(connection)
        except full_text.DamagedIndexError:
            if repair:
                with self._catalog.database.writing() as connection:
                    full_text.rebuild(connection)
            return ["the full-text index disagrees with the catalog"]
        return []

    def _vector_problems(self, *, repair: bool) -> list[str]:
        known = self._catalog.get(EMBEDDER)
        if known is None:
            return [CATALOG_LOST] if self._path.exists() else []
        found: str | None = None
        with self._lock, self._catalog.database.reading() as connection:
            try:
                index = VectorIndex.load(self._path)
            except FileNotFoundError:
                found = "the vector index has no file"
            except DamagedIndexError as error:
                found = f"the vector index is damaged: {error}"
            else:
                if _made_by(index) != known:
                    found = f"the vector index was made by another model, {index.stamp.model}"
                elif not _agrees(index, connection):
                    found = "the vector index disagrees with the catalog"
            if found and repair:
                self._rebuilt(connection)
        return [found] if found else []

    def _caught_up(self, connection: Connection) -> VectorIndex | None:
        """The index, true for the snapshot of `connection`; None while nothing was embedded."""
        if self._catalog.get(EMBEDDER) is None:
            return None
        if self._index is None:
            self._index = self._read_file()
        if self._index is None or not was_at(connection, self._index.stamp.generation):
            return self._rebuilt(connection)
        _catch_up(self._index, connection)
        return self._index

    def _rebuilt(self, connection: Connection) -> VectorIndex:
        """The index, made from the catalog alone and written, so that no other process has to."""
        stamp = self._catalog.get(EMBEDDER)
        self._index = VectorIndex(Stamp(**stamp, generation=-1))
        _catch_up(self._index, connection)
        self._write(self._index)
        return self._index

    def _write(self, index: VectorIndex) -> None:
        """Write the index file; failing that is no loss, since the catalog holds every vector."""
        try:
            index.save(self._path)
        except OSError as error:
            log.warning("The index file could not be written (%s): it is made when needed.", error)

    def _read_file(self) -> VectorIndex | None:
        stamp = self._catalog.get(EMBEDDER)
        try:
            index = VectorIndex.load(self._path)
        except FileNotFoundError:
            return None
        except DamagedIndexError as error:
            log.warning("%s; it is being built again from the catalog.", error)
            return None
        return index if _made_by(index) == stamp else None


def _rank(
    connection: Connection,
    index: VectorIndex,
    vectors: np.ndarray,
    questions: Sequence[str],
    k: int,
    among: np.ndarray | None,
) -> list[list[_Candidate]]:
    """The `k` best of what is near to each question and what shares its words."""
    depth = max(k, POOL)
    ids, scores = index.search(vectors, depth, among)
    ranked = []
    for vector, question, near, near_scores in zip(vectors, questions, ids, scores, strict=True):
        matching, shares = lexical.matches(connection, question, depth, among)
        cosines = dict(zip(near.tolist(), near_scores.tolist(), strict=True))
        others = [i for i in matching.tolist() if i not in cosines]
        for i, other in chunk_vectors(connection, others).items():
            cosines[i] = float(other @ vector)
        held = dict(zip(matching.tolist(), shares.tolist(), strict=True))
        row = [_Candidate(i, score, held.get(i, 0.0)) for i, score in cosines.items()]
        ranked.append(sorted(row, key=lambda one: (-fused(one.score, one.lexical), one.id))[:k])
    return ranked


def _shown(row: Sequence[_Candidate], found: Mapping[int, StoredChunk]) -> tuple[Retrieved, ...]:
    """The candidates as hits, without near duplicates."""
    shown = collapse([found[one.id] for one in row])
    by_id = {one.id: one for one in row}
    return tuple(
        Retrieved(chunk, by_id[chunk.id].score, by_id[chunk.id].lexical) for chunk in shown.values()
    )


def _made_by(index: VectorIndex) -> dict[str, Any]:
    """The embedder of an index, as the catalog names its own."""
    stamp = asdict(index.stamp)
    del stamp["generation"]
    return stamp


def _agrees(index: VectorIndex, connection: Connection) -> bool:
    """Whether an index, once caught up, holds just the vectors of the catalog."""
    if not was_at(connection, index.stamp.generation):
        return False
    _catch_up(index, connection)
    expected = changes_since(connection, -1)
    order = np.argsort(expected.added_ids)
    ids, vectors = index.entries()
    return np.array_equal(ids, expected.added_ids[order]) and (
        len(ids) == 0 or np.array_equal(vectors, expected.added_vectors[order])
    )


def _catch_up(index: VectorIndex, connection: Connection) -> None:
    if index.stamp.generation != generation(connection):
        changes = changes_since(connection, index.stamp.generation)
        index.update(
            changes.added_ids, changes.added_vectors, changes.removed_ids, changes.generation
        )
