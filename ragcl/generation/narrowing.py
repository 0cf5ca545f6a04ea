"""Narrowing: which sentences of the retrieved passages fit a question, and how they are shown.

A small model loses its way in long passages. So it is shown the sentences nearest to the question,
those of one passage together and below its heading, the best passage last. Knows no model that
reads, and no answer.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragcl.catalog.passage import Passage, headed
from ragcl.generation.prompts import excerpt
from ragcl.generation.recipe import READING
from ragcl.search.embedder import Embedder
from ragcl.search.retriever import Retrieval
from ragcl.text import records
from ragcl.text.sentences import split_sentences
from ragcl.text.words import content_words, stems

KEPT_CHUNKS = 4096


@dataclass(frozen=True)
class Sentence:
    """A sentence of a chunk and how well it fits the question, in units of similarity.

    `heading` says whose it is, and `place` is its number among the sentences of its chunk. A row of
    a table has its `header` at that place. `value` is the piece of a row that the question asks for
    by the names of row and field.
    """

    text: str
    content_hash: str
    score: float
    heading: str = ""
    place: int = 0
    header: int | None = None
    value: str = ""


@dataclass(frozen=True)
class Excerpt:
    """Sentences of one chunk below its heading, in their order, as a reader is shown them."""

    content_hash: str
    text: str


def excerpts(sentences: Sequence[Sentence]) -> list[Excerpt]:
    """Sentences as they are shown: those of one chunk together, the best chunk last."""
    of_chunk: dict[str, list[Sentence]] = {}
    for one in sorted(sentences, key=lambda one: -one.score):
        of_chunk.setdefault(one.content_hash, []).append(one)
    return [
        Excerpt(
            key,
            excerpt(some[0].heading, [one.text for one in sorted(some, key=lambda one: one.place)]),
        )
        for key, some in reversed(of_chunk.items())
    ]


def fitting(
    ranked: Sequence[Sentence], tokens: int, count_tokens: Callable[[str], int]
) -> list[Sentence]:
    """The best of ranked sentences that so many tokens hold, headings included; the best last.

    One is always there, and a row of a table has its header beside it.
    """
    placed = {(one.content_hash, one.place): one for one in ranked}
    shown: dict[tuple[str, int], Sentence] = {}
    chunks: set[str] = set()
    for one in reversed(ranked):
        wanted = [(one.content_hash, place) for place in (one.place, one.header)]
        new = [placed[key] for key in wanted if key in placed and key not in shown]
        tokens -= sum(count_tokens(some.text) + 1 for some in new)
        if one.content_hash not in chunks:
            tokens -= count_tokens(one.heading) + 3
        if tokens < 0 and shown:
            break
        chunks.add(one.content_hash)
        shown |= {(some.content_hash, some.place): some for some in new}
    return sorted(shown.values(), key=lambda some: some.score)


class Narrower:
    """Finds the sentences of the hits that fit a question best, by meaning and by words.

    The vectors of a chunk's sentences are computed once and kept (by content, so never stale).
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: OrderedDict[str, tuple[list[str], np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def rank(
        self, questions: Sequence[str], retrievals: Sequence[Retrieval]
    ) -> list[list[Sentence]]:
        """The sentences of each question's hits, the best last.

        Beside how well it fits by itself counts how its passage does: of things that are all alike
        the sentences are too, and the passage names the one that is asked about.
        """
        with self._lock:
            self._embed([hit for retrieval in retrievals for hit in retrieval.hits])
            return [
                self._ranked(question, retrieval)
                for question, retrieval in zip(questions, retrievals, strict=True)
            ]

    def _ranked(self, question: str, retrieval: Retrieval) -> list[Sentence]:
        found: list[Sentence] = []
        scale = retrieval.calibration.passages
        best = max((hit.fused for hit in retrieval.hits), default=0.0)
        for hit in retrieval.hits:
            texts, vectors = self._kept[hit.content_hash]
            scores = scale(vectors @ retrieval.vector) - READING.lead * (best - hit.fused)
            found += [
                Sentence(text, hit.content_hash, float(score), hit.heading, place, header)
                for place, (text, score, header) in enumerate(
                    zip(texts, scores, records.headers(texts), strict=True)
                )
            ]
        shares = word_shares(question, [one.text for one in found], [one.heading for one in found])
        fits = [
            replace(sentence, score=sentence.score + READING.every_word * share)
            for sentence, share in zip(found, shares, strict=True)
        ]
        return _with_value(question, sorted(fits, key=lambda sentence: sentence.score))

    def _embed(self, hits: Sequence[Passage]) -> None:
        missing = {hit.content_hash: hit for hit in hits if hit.content_hash not in self._kept}
        split = {key: split_sentences(chunk.text) for key, chunk in missing.items()}
        texts = [headed(missing[key].heading, text) for key in split for text in split[key]]
        vectors = self._embedder.encode(texts)
        start = 0
        for key, sentences in split.items():
            self._kept[key] = (sentences, vectors[start : start + len(sentences)])
            start += len(sentences)
        for hit in hits:
            self._kept.move_to_end(hit.content_hash)
        needed = len({hit.content_hash for hit in hits})
        while len(self._kept) > max(KEPT_CHUNKS, needed):
            self._kept.popitem(last=False)


def _with_value(question: str, ranked: Sequence[Sentence]) -> list[Sentence]:
    """The sentences, of which the row that the question names is the best and has its value."""
    placed = {(one.content_hash, one.place): one.text for one in ranked}
    rows = [
        records.row(
            one.text,
            one.heading,
            None if one.header is None else placed[one.content_hash, one.header],
        )
        for one in ranked
    ]
    found = records.look_up(question, rows)
    if not found:
        return list(ranked)
    named = ranked[found.row]
    others = [one for one in ranked if one is not named]
    return [*others, replace(named, score=ranked[-1].score + READING.lead, value=found.value)]


def word_shares(question: str, sentences: Sequence[str], headings: Sequence[str]) -> list[float]:
    """How much of what a question's words weigh each sentence holds, in [0, 1].

    A word weighs the more, the fewer of these sentences hold it.
    """
    wanted = stems(" ".join(content_words(question)))
    held = [stems(sentence) for sentence in sentences]
    above = [stems(heading) for heading in headings]
    weights = {
        stem: math.log(
            (len(held) + 1)
            / (sum(stem in h or stem in a for h, a in zip(held, above, strict=True)) + 0.5)
        )
        for stem in wanted
    }
    whole, above_it = sum(weights.values()) or 1.0, READING.heading_word
    return [
        sum(w if s in h else above_it * w for s, w in weights.items() if s in h or s in a) / whole
        for h, a in zip(held, above, strict=True)
    ]
