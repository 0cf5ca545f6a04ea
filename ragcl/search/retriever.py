"""Retrieval: embed a question, search vectors and words, fuse the scores, rerank.

Before every search the vector index is updated from the catalog, in the same snapshot in which
words are matched and chunks are read: a search sees what another process has ingested, and never
returns what it has deleted. A question that was embedded by another model than the chunks of that
snapshot is embedded again. The index file may be a little out of date, and is not written for every
small change. An index that needs another kind, or much updating, still serves while a thread builds
the next one. The embedder is calibrated at the first search, and again as the knowledge base grows.
Knows nothing of answers.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from sqlalchemy import Connection

from ragcl.catalog import Catalog, full_text, remembered
from ragcl.catalog.documents import (
    Filter,
    chunk_ids,
    chunk_vectors,
    chunks_of,
    count_changes,
    count_chunks,
    generation,
    stored_chunks,
    was_at,
)
from ragcl.catalog.passage import Passage
from ragcl.catalog.vectors import CALIBRATION, EMBEDDER
from ragcl.errors import CatalogError, KnowledgeBaseBusyError, RagclError
from ragcl.index import building, index_file
from ragcl.index.index_file import DamagedIndexError
from ragcl.index.vector_index import EmbedderId, VectorIndex, outgrown
from ragcl.models.model_files import ModelFiles
from ragcl.results import Hit
from ragcl.search import embedders, lexical
from ragcl.search.calibration import UNMEASURED, Calibration, Scale, material, recipe
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import Embedders
from ragcl.search.near_duplicates import Contents, collapse
from ragcl.search.recency import asks_for_newest, newest_first
from ragcl.search.recipe import SEARCH
from ragcl.search.reranker import Reranker
from ragcl.text import extremes, records, rows

log = logging.getLogger(__name__)

INDEX_FILE = "index/vectors.faiss"
CATALOG_LOST = (
    "there is a vector index, but the catalog is new and empty: restore catalog.sqlite from a "
    "copy, or ingest the documents again"
)
# The share of an index that may have changed since its file was written: updating so much takes a
# moment when it is opened, and at most 100 times the changes are written.
LAG = 0.01
NOT_WRITTEN = "The index file could not be written (%s): it is made when needed."


@dataclass(frozen=True)
class _Candidate:
    """A chunk before its text is looked up; its scores are those of a `Hit`."""

    id: int
    score: float
    lexical: float
    fused: float


@dataclass(frozen=True)
class Retrieval:
    """The hits of one question, best first; `vector`, `(dim,) float32`, is its embedding.

    `calibration` maps its cosines to similarities, and `embedder` made the vector; None: it is not
    known. `second` is the second hit if only one is kept; None: it is among the hits, if there is
    one.
    """

    vector: np.ndarray
    hits: tuple[Passage, ...]
    calibration: Calibration = UNMEASURED
    second: Passage | None = None
    embedder: Embedder | None = None

    @property
    def found(self) -> tuple[str, ...]:
        """The content hashes of the hits."""
        return tuple(hit.content_hash for hit in self.hits)

    @property
    def margin(self) -> float:
        """The lead of the first hit over the second in the fused score.

        Negative if a reranker or dates changed the order: then no hit leads.
        """
        following = self.hits[1:2] if self.second is None else (self.second,)
        first, second = (hit[0].fused if hit else -1.0 for hit in (self.hits[:1], following))
        return first - second


def _cut(retrieval: Retrieval, k: int) -> Retrieval:
    """The retrieval with its best `k` hits; the second hit is kept for the margin."""
    second = next(iter(retrieval.hits[1:2]), None)
    return replace(retrieval, hits=retrieval.hits[:k], second=second)


def fused(similarity: float, lexical: float) -> float:
    """The fused score of a similarity and a share of matching words in [0, 1]."""
    return similarity + SEARCH.lexical_weight * lexical


def similarity(hit: Hit) -> float:
    """The similarity of a hit, whatever embedder was in use when it was found."""
    return hit.fused - SEARCH.lexical_weight * hit.lexical


def scored(passage: Passage, by: "_Candidate | Passage") -> Passage:
    """The passage with the scores of another one, or of its candidate."""
    return replace(passage, score=by.score, lexical=by.lexical, fused=by.fused)


def stored_embedder(connection: Connection) -> EmbedderId | None:
    """The embedder of the vectors in the catalog; None if there are no vectors."""
    known = remembered.get(connection, EMBEDDER)
    return None if known is None else EmbedderId(**known)


def check_embedder(catalog: Catalog, files: ModelFiles, dimension: int | None = None) -> None:
    """Refuse to mix the vectors of two models; store the model once its `dimension` is known.

    Raises:
        ModelMismatchError: the catalog holds vectors of another model.
    """
    with catalog.database.reading() as connection:
        known = stored_embedder(connection)
    if known is None and dimension is not None:
        catalog.put(EMBEDDER, asdict(EmbedderId(files.name, files.revision, dimension)))
    embedders.check(files, known)


def stored_calibration(connection: Connection) -> Calibration | None:
    """The stored calibration; None if it is of another embedder or recipe."""
    stored = remembered.get(connection, CALIBRATION)
    if stored is None or stored["embedder"] != remembered.get(connection, EMBEDDER):
        return None
    return Calibration.from_json(stored) if stored["recipe"] == recipe() else None


class Retriever:
    """Search over the current chunks of one knowledge base."""

    def __init__(
        self, catalog: Catalog, embedders: Embedders, folder: Path, reranker: Reranker | None = None
    ) -> None:
        self._catalog = catalog
        self._embedders = embedders
        self._reranker = reranker
        self._path = folder / INDEX_FILE
        self._index: VectorIndex | None = None
        self._calibration: tuple[EmbedderId | None, Calibration | None] = None, None
        self._lock = threading.Lock()
        self._renewal: threading.Thread | None = None

    @property
    def embedder(self) -> Embedder:
        """The embedder in use; see `Embedders.now`."""
        return self._embedders.now()

    def retrieve(
        self,
        questions: Sequence[str],
        k: int,
        chosen: Filter | None = None,
        *,
        rerank: bool = True,
        whole_tables: bool = False,
        trusted: bool = False,
    ) -> list[Retrieval]:
        """The `k` best current chunks for each question, of the documents chosen.

        With `trusted` nothing of an untrusted folder is found, nor takes the place of what is. With
        `rerank` a reranker, if there is one, decides the order. With `whole_tables` a question
        that needs all rows of a table ("the newest", "the most") also gets the rest of the table,
        after the `k` hits.
        """
        if trusted:
            chosen = self._trusted(chosen)
        if self._reranker is None or not rerank:
            found = self._embedded(questions, k, chosen)
        else:
            found = [
                self._reranked(self._reranker, question, retrieval, k)
                for question, retrieval in zip(
                    questions,
                    self._embedded(questions, max(k, SEARCH.reranked), chosen),
                    strict=True,
                )
            ]
        if not whole_tables:
            return found
        return [
            self._with_table(question, retrieval)
            for question, retrieval in zip(questions, found, strict=True)
        ]

    def _trusted(self, chosen: Filter | None) -> Filter | None:
        """The filter that also refuses untrusted folders, if there are any."""
        if not self._catalog.roots.untrusted():
            return chosen
        return replace(chosen or Filter(), trusted=True)

    def _embedded(self, questions: Sequence[str], k: int, chosen: Filter | None) -> list[Retrieval]:
        """Embed the questions and search; again if the embedder was switched in between."""
        while True:
            embedder = self.embedder
            vectors = embedder.encode_questions(questions)
            with contextlib.suppress(_SwitchedError):
                return self._find(vectors, questions, k, chosen, embedder)

    def _with_table(self, question: str, retrieval: Retrieval) -> Retrieval:
        """The hits, followed by the rest of a table if the question may need it."""
        compares = extremes.compares(question)
        # Most questions want no table, and to split the hits takes time.
        if not compares and not records.may_want_more(question):
            return retrieval
        of_hit = {hit: rows.of(hit.text, hit.heading) for hit in retrieval.hits}
        table = next((hit for hit, some in of_hit.items() if some), None)
        every = [one for some in of_hit.values() for one in some]
        wanted = compares and extremes.compare(question, every) is not None
        if not table or not (wanted or records.wants_more(question, every)):
            return retrieval
        kinds = frozenset(one.kind for one in of_hit[table])
        known = set(retrieval.found)
        rest = (one for one in self._rest(table, kinds) if one.content_hash not in known)
        return replace(retrieval, hits=(*retrieval.hits, *(scored(one, table) for one in rest)))

    def _rest(self, chunk: Passage, kinds: frozenset[tuple[str, str]]) -> Iterator[Passage]:
        """The chunks before and after this one that hold more of its table."""
        for way in (0, 1):
            at: Passage | None = chunk
            for _ in range(SEARCH.table_chunks):
                at = self._catalog.documents.beside(at)[way] if at else None
                if at is None or kinds.isdisjoint(one.kind for one in rows.of(at.text, at.heading)):
                    break
                yield at

    def _reranked(
        self, reranker: Reranker, question: str, retrieval: Retrieval, k: int
    ) -> Retrieval:
        """The `k` best hits by the reranker; their scores stay the same."""
        first, rest = retrieval.hits[: SEARCH.reranked], retrieval.hits[SEARCH.reranked :]
        scores = reranker.scores(question, [hit.headed for hit in first])
        order = np.argsort(-scores, kind="stable")
        return _cut(replace(retrieval, hits=(*(first[i] for i in order), *rest)), k)

    def nearest(
        self,
        vectors: np.ndarray,
        k: int,
        questions: Sequence[str] | None = None,
        *,
        trusted: bool = False,
    ) -> list[Retrieval]:
        """The `k` current chunks nearest to each vector, `(n, dim) float32`; loads no model.

        With the `questions` of the vectors, words are matched too; `trusted` as in `retrieve`.
        """
        asked = [""] * len(vectors) if questions is None else questions
        return self._find(vectors, asked, k, self._trusted(None) if trusted else None, None)

    def calibrate(self) -> Calibration:
        """The calibration for this knowledge base; measured if it is unknown or outgrown."""
        while True:
            embedder = self.embedder
            with (
                contextlib.suppress(_SwitchedError),
                self._lock,
                self._catalog.database.reading() as connection,
            ):
                index = self._caught_up(connection)
                if index is None:
                    return UNMEASURED
                return self._calibrated(connection, index, embedder)

    def _find(
        self,
        vectors: np.ndarray,
        questions: Sequence[str],
        k: int,
        chosen: Filter | None,
        embedder: Embedder | None,
    ) -> list[Retrieval]:
        """Search with vectors of the embedder; None: they are of the one in use.

        Raises:
            _SwitchedError: the embedder is not in use any more.
        """
        wanted = max(k, 2)  # the margin needs the second
        kept = k + SEARCH.spare
        with self._lock, self._catalog.database.reading() as connection:
            index = self._caught_up(connection)
            if index is None:
                return [Retrieval(vector, (), embedder=embedder) for vector in vectors]
            calibration = self._calibrated(connection, index, embedder)
            scale = calibration.passages
            among = None if chosen is None else chunk_ids(connection, chosen)
            ranked = _rank(connection, index, vectors, questions, kept, among, scale)
            try:
                hits = _hits(connection, ranked, questions, wanted, chosen)
            except _UnknownChunkError:  # e.g. the catalog was restored from a copy
                log.warning("The vector index disagrees with the catalog; it is built again.")
                index = self._rebuilt(connection)
                ranked = _rank(connection, index, vectors, questions, kept, among, scale)
                hits = _hits(connection, ranked, questions, wanted, chosen)
        return [
            _cut(Retrieval(vector, one, calibration, embedder=embedder), k)
            for vector, one in zip(vectors, hits, strict=True)
        ]

    def _calibrated(
        self, connection: Connection, index: VectorIndex, embedder: Embedder | None
    ) -> Calibration:
        """The calibration that a process stored last; measured if it is unknown or outgrown.

        Without an embedder nothing is measured.

        Raises:
            _SwitchedError: the index is not of this embedder.
        """
        if embedder is not None and not embedders.made_by(embedder.files, index.stamp.embedder):
            raise _SwitchedError
        by, known = self._calibration
        if by != index.stamp.embedder or known is None or known.outgrown(len(index)):
            known = stored_calibration(connection)  # another process may have stored it since
        if len(index) and embedder and (known is None or known.outgrown(len(index))):
            known = self._measured(connection, index, embedder)
        self._calibration = index.stamp.embedder, known
        return known or UNMEASURED

    def _measured(
        self, connection: Connection, index: VectorIndex, embedder: Embedder
    ) -> Calibration:
        """Measure and store the calibration with the packaged questions, about unrelated things."""
        about = material(embedder)
        best = {}
        for language, questions in about.asked.items():
            vectors = about.vectors[language]
            found = _rank(connection, index, vectors, questions, 1, None, about.passages)
            best[language] = [one[0].fused for one in found]
        measured = about.calibration(best, len(index))
        made_by = asdict(index.stamp.embedder)
        if self._catalog.database.read_only:
            return measured
        try:
            self._catalog.put(
                CALIBRATION, {"embedder": made_by, "recipe": recipe(), **measured.to_json()}
            )
        except (CatalogError, KnowledgeBaseBusyError) as error:
            log.warning("What cosines mean could not be stored, and is measured again: %s", error)
        return measured

    def save(self, *, purge: bool = False) -> None:
        """Write the index file if more than the share `LAG` of it has changed.

        Searches run meanwhile, here and in other processes. Returns at once if another thread or
        process is writing the file, except with `purge`, which waits: nothing deleted stays in the
        file.

        Raises:
            OSError: with `purge`, if the file cannot be written; else a warning is logged.
        """
        if purge:
            index_file.remove_unfinished(self._path)
        with self._catalog.database.reading() as connection:
            known = stored_embedder(connection)
            if known is None:
                return
            if self._file_serves(connection, known, 0 if purge else LAG):
                return
        self._renew(known, purge=purge)

    def close(self) -> None:
        """Wait for a running rebuild, so that the next opening does not need one."""
        if self._renewal is not None:
            self._renewal.join()

    def problems(self, *, repair: bool) -> list[str]:
        """The problems of the indexes; with `repair` they are rebuilt from the catalog."""
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
        found: str | None = None
        with self._lock, self._catalog.database.reading() as connection:
            known = stored_embedder(connection)
            if known is None:
                return [CATALOG_LOST] if self._path.exists() else []
            try:
                index = VectorIndex.load(self._path, check_lists=True)
            except FileNotFoundError:
                found = "the vector index has no file"
            except DamagedIndexError as error:
                found = f"the vector index is damaged: {error}"
            else:
                if index.stamp.embedder != known:
                    found = f"the vector index was made by another model, {index.stamp.model}"
                elif not building.agrees(index, connection):
                    found = "the vector index disagrees with the catalog"
            if found and repair:
                self._rebuilt(connection)
        if found and repair:
            self.save()
        return [found] if found else []

    def _caught_up(self, connection: Connection) -> VectorIndex | None:
        """The index at the snapshot of `connection`; None if nothing is embedded yet."""
        known = stored_embedder(connection)
        if known is None:
            return None
        index = self._index
        if index is not None and index.stamp.embedder != known:
            index = None
        if index is None or index.stamp.generation != generation(connection):
            index = self._read_file(known) if index is None else index
            if index is None or not was_at(connection, index.stamp.generation):
                index = self._rebuilt(connection)
            self._index = index
            building.catch_up(index, connection)
        lags = outgrown(len(index), index.trained_on) or index.loose > 2 * LAG * len(index)
        if lags and not self._catalog.database.read_only:
            self._renew_in_background(index.stamp.embedder)
        return index

    def _rebuilt(self, connection: Connection) -> VectorIndex:
        """The index, built from the catalog and written, so that no other process builds it.

        A large index is exact at first; the renewal writes its file.
        """
        embedder = stored_embedder(connection)
        assert embedder is not None  # without vectors there is no index to rebuild
        index = building.build_exact(connection, embedder)
        self._index = index
        if outgrown(len(index), index.trained_on):
            with contextlib.suppress(OSError):
                self._path.unlink()
        else:
            self._write(index)
        return index

    def _file_serves(self, connection: Connection, known: EmbedderId, lag: float) -> bool:
        """Whether the file is of the right kind and needs little updating."""
        summary = VectorIndex.summary(self._path)
        if summary is None or summary.stamp.embedder != known:
            return False
        since = summary.stamp.generation
        return (
            was_at(connection, since)
            and not outgrown(count_chunks(connection), summary.trained_on)
            and count_changes(connection, since) <= lag * summary.size
        )

    def _renew_in_background(self, known: EmbedderId) -> None:
        if self._renewal is None or not self._renewal.is_alive():
            self._renewal = threading.Thread(target=self._renew_quietly, args=(known,))
            self._renewal.start()

    def _renew_quietly(self, known: EmbedderId) -> None:
        """Renew in a thread that uses one processor, so that searches have the others."""
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread alone
        try:
            self._renew(known, purge=False)
        except RagclError as error:
            log.warning("The vector index could not be renewed: %s", error)

    def _renew(self, known: EmbedderId, *, purge: bool) -> None:
        """Write the index file if it is out of date, and search with the index of the file.

        Does not block searches. One thread or process at a time; if it is killed, the old file
        stays.
        """
        lock = FileLock(self._path.with_name(f"{self._path.name}.renewal.lock"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=-1 if purge else 0)
        except Timeout:
            return
        except OSError as error:
            if purge:
                raise
            log.warning(NOT_WRITTEN, error)
            return
        try:
            with self._catalog.database.reading() as connection:
                if stored_embedder(connection) != known:
                    return  # it was switched: what searches next sees to the index
                serves = self._file_serves(connection, known, 0 if purge else LAG)
                index = self._read_file(known) if serves else None
                if index is None:
                    index = self._next(connection, known)
                    if purge:
                        index.save(self._path)
                    if purge or self._write(index):
                        written = self._read_file(known)
                        index = index if written is None else written
            with self._lock:
                self._index = index
        finally:
            lock.release()

    def _next(self, connection: Connection, known: EmbedderId) -> VectorIndex:
        """The index for a new file, at the snapshot of `connection`."""
        index = self._read_file(known, check_lists=True)
        if (
            index is None
            or not was_at(connection, index.stamp.generation)
            or outgrown(count_chunks(connection), index.trained_on)
        ):
            return building.build(connection, known)
        building.catch_up(index, connection)
        return index.folded()

    def _write(self, index: VectorIndex) -> bool:
        """Write the index file; a failure is only logged, since the catalog holds every vector."""
        try:
            index.save(self._path)
        except OSError as error:
            log.warning(NOT_WRITTEN, error)
            return False
        return True

    def _read_file(self, known: EmbedderId, *, check_lists: bool = False) -> VectorIndex | None:
        """The index of the file; None if it is missing, damaged or of another embedder."""
        try:
            index = VectorIndex.load(self._path, check_lists=check_lists)
        except FileNotFoundError:
            return None
        except DamagedIndexError as error:
            log.warning("%s; it is being built again from the catalog.", error)
            return None
        return index if index.stamp.embedder == known else None


def _rank(
    connection: Connection,
    index: VectorIndex,
    vectors: np.ndarray,
    questions: Sequence[str],
    k: int,
    among: np.ndarray | None,
    scale: Scale,
) -> list[list[_Candidate]]:
    """The dense and lexical candidates of each question, fused, best first: `k` or more."""
    depth = max(k, SEARCH.pool)
    ids, scores = _nearest(connection, index, vectors, depth, among)
    ranked = []
    for vector, question, near, near_scores in zip(vectors, questions, ids, scores, strict=True):
        matching, shares = lexical.matches(connection, question, depth, among)
        cosines = dict(zip(near.tolist(), near_scores.tolist(), strict=True))
        others = [i for i in matching.tolist() if i not in cosines]
        for i, other in chunk_vectors(connection, others).items():
            cosines[i] = float(other @ vector)
        held = dict(zip(matching.tolist(), shares.tolist(), strict=True))
        row = [
            _Candidate(i, score, shared, fused(scale(score), shared))
            for i, score in cosines.items()
            for shared in (held.get(i, 0.0),)
        ]
        ranked.append(sorted(row, key=lambda one: (-one.fused, one.id)))
    return ranked


def _nearest(
    connection: Connection,
    index: VectorIndex,
    vectors: np.ndarray,
    k: int,
    among: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The result of `index.search`, scored with the catalog's vectors if the index is not exact."""
    ids, scores = index.search(vectors, k, among)
    if not index.trained_on:
        return ids, scores
    stored = chunk_vectors(connection, np.unique(ids).tolist())
    for row, vector in enumerate(vectors):
        # A missing one means a damaged index, which is detected when texts are read.
        known = [column for column, one in enumerate(ids[row].tolist()) if one in stored]
        if known:
            scores[row, known] = np.stack([stored[i] for i in ids[row, known].tolist()]) @ vector
    best = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(ids, best, axis=1), np.take_along_axis(scores, best, axis=1)


class _SwitchedError(Exception):
    """Another embedder is in use now."""


class _UnknownChunkError(Exception):
    """The vector index names a chunk that is not in the catalog."""


def _hits(
    connection: Connection,
    ranked: Sequence[Sequence[_Candidate]],
    questions: Sequence[str],
    k: int,
    chosen: Filter | None,
) -> list[tuple[Passage, ...]]:
    """The `k` best candidates of each row that are no near duplicates of better ones.

    More than the spare ones are looked up only if too many are duplicates, and for a question about
    the newest, which is decided by dates.
    """
    contents = lru_cache(maxsize=None)(partial(chunks_of, connection))
    found: dict[int, Passage] = {}

    def look_up(rows: Sequence[Sequence[_Candidate]]) -> None:
        wanted = {one.id for row in rows for one in row} - found.keys()
        found.update(stored_chunks(connection, sorted(wanted), chosen))
        if not wanted <= found.keys():
            raise _UnknownChunkError

    newest = [asks_for_newest(question) for question in questions]
    kept = k + SEARCH.spare
    look_up([row if asked else row[:kept] for row, asked in zip(ranked, newest, strict=True)])
    ranked = [
        _newest_first(row, found) if asked else row
        for row, asked in zip(ranked, newest, strict=True)
    ]
    hits = [_shown(row[:kept], found, contents)[:k] for row in ranked]
    short = [i for i, one in enumerate(hits) if len(one) < min(k, len(ranked[i]))]
    look_up([ranked[i] for i in short])
    for i in short:
        hits[i] = _shown(ranked[i], found, contents)[:k]
    return hits


def _newest_first(row: Sequence[_Candidate], found: Mapping[int, Passage]) -> list[_Candidate]:
    scores = [one.fused for one in row]
    return [row[i] for i in newest_first([found[one.id] for one in row], scores)]


def _shown(
    row: Sequence[_Candidate], found: Mapping[int, Passage], contents: Contents
) -> tuple[Passage, ...]:
    """The candidates as hits, without near duplicates."""
    shown = collapse([found[one.id] for one in row], contents)
    by_id = {one.id: one for one in row}
    return tuple(scored(chunk, by_id[chunk.id]) for chunk in shown)
