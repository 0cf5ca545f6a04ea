"""Retrieval: embed a question, search vectors and words, fuse the scores, rerank.

Every search takes one snapshot of the catalog: the live index is updated from it, words are matched
and chunks are read in it. So a search sees what another process has ingested, and never returns
what it has deleted. A question that was embedded by another model than the chunks of that snapshot
is embedded again. The embedder is calibrated at the first search, and again as the knowledge base
grows. Knows nothing of answers.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from ragcl.catalog import Catalog, full_text, remembered
from ragcl.catalog.chunks import Filter, chunk_ids, chunk_vectors, chunks_of, stored_chunks
from ragcl.catalog.passage import Passage
from ragcl.catalog.vectors import CALIBRATION, EMBEDDER
from ragcl.errors import CatalogError, KnowledgeBaseBusyError
from ragcl.index.live_index import LiveIndex
from ragcl.index.vector_index import EmbedderId, VectorIndex
from ragcl.search import embedders, lexical
from ragcl.search.calibration import UNMEASURED, Calibration, Scale, material, recipe
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import Embedders
from ragcl.search.near_duplicates import Contents, collapse
from ragcl.search.recency import asks_for_newest, newest_first
from ragcl.search.recipe import SEARCH
from ragcl.search.reranker import Reranker
from ragcl.search.retrieval import Candidate, Retrieval, cut, fused, score, scored
from ragcl.text import extremes, records, rows

log = logging.getLogger(__name__)


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
        self.live = LiveIndex(catalog, folder)
        self._calibration: tuple[EmbedderId | None, Calibration | None] = None, None

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
        return cut(replace(retrieval, hits=(*(first[i] for i in order), *rest)), k)

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
                self.live.lock,
                self._catalog.database.reading() as connection,
            ):
                index = self.live.caught_up(connection)
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
        with self.live.lock, self._catalog.database.reading() as connection:
            index = self.live.caught_up(connection)
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
                index = self.live.rebuilt(connection)
                ranked = _rank(connection, index, vectors, questions, kept, among, scale)
                hits = _hits(connection, ranked, questions, wanted, chosen)
        return [
            cut(Retrieval(vector, one, calibration, embedder=embedder), k)
            for vector, one in zip(vectors, hits, strict=True)
        ]

    def save(self, *, purge: bool = False) -> None:
        """Write the index file where it is out of date; see `LiveIndex.save`."""
        self.live.save(purge=purge)

    def close(self) -> None:
        """Wait for a running rebuild, so that the next opening does not need one."""
        self.live.close()

    def problems(self, *, repair: bool) -> list[str]:
        """The problems of the indexes; with `repair` they are rebuilt from the catalog."""
        return [
            *self._full_text_problems(repair=repair),
            *self.live.problems(repair=repair),
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
            best[language] = [score(about.passages(one[0].score), one[0].lexical) for one in found]
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


def _rank(
    connection: Connection,
    index: VectorIndex,
    vectors: np.ndarray,
    questions: Sequence[str],
    k: int,
    among: np.ndarray | None,
    scale: Scale,
) -> list[list[Candidate]]:
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
            Candidate(i, score, shared, fused(scale(score), shared))
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
    ranked: Sequence[Sequence[Candidate]],
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

    def look_up(rows: Sequence[Sequence[Candidate]]) -> None:
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


def _newest_first(row: Sequence[Candidate], found: Mapping[int, Passage]) -> list[Candidate]:
    scores = [one.fused for one in row]
    return [row[i] for i in newest_first([found[one.id] for one in row], scores)]


def _shown(
    row: Sequence[Candidate], found: Mapping[int, Passage], contents: Contents
) -> tuple[Passage, ...]:
    """The candidates as hits, without near duplicates."""
    shown = collapse([found[one.id] for one in row], contents)
    by_id = {one.id: one for one in row}
    return tuple(scored(chunk, by_id[chunk.id]) for chunk in shown)
