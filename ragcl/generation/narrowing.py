"""Narrowing: ranks the sentences of the retrieved passages, and formats the best for a prompt.

A small model reads long passages badly. So its prompt has the sentences that are most similar to
the question, those of one passage together and below its heading, the best passage last. Knows no
language model and no answer.
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
from ragcl.search.retrieval import Retrieval
from ragcl.text import extremes, records, rows
from ragcl.text.sentences import split_sentences
from ragcl.text.words import content_words, stems

KEPT_CHUNKS = 4096


@dataclass(frozen=True)
class Sentence:
    """A sentence of a chunk with its score for the question, in units of similarity.

    `heading` is its chunk's heading path, and `place` its index among the sentences of the chunk.
    `header` is the place of the header of a table row. `value` is the value in a row that the
    question names by row and field, found by table lookup. `compared`: the question compares the
    rows of its table, and lookup could not tell the right one.
    """

    text: str
    content_hash: str
    score: float
    heading: str = ""
    place: int = 0
    header: int | None = None
    value: str = ""
    compared: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Sentences of one chunk below its heading, in order, as they are in the prompt."""

    content_hash: str
    text: str


def excerpts(sentences: Sequence[Sentence]) -> list[Excerpt]:
    """Sentences grouped by chunk for the prompt, the best chunk last."""
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
    """The best of ranked sentences within a number of tokens, headings included; the best last.

    There is always at least one, and a table row comes with its header.
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


def sentences_of(passage: Passage) -> list[Sentence]:
    """The sentences of a passage in order, without scores."""
    texts = split_sentences(passage.text)
    return _scored(passage, texts, [0.0] * len(texts))


def _scored(
    passage: Passage, texts: Sequence[str], scores: Sequence[float] | np.ndarray
) -> list[Sentence]:
    """The sentences of a passage, which are these texts, with their scores."""
    return [
        Sentence(text, passage.content_hash, float(score), passage.heading, place, header)
        for place, (text, score, header) in enumerate(
            zip(texts, scores, rows.headers(texts), strict=True)
        )
    ]


class Narrower:
    """Ranks the sentences of hits by similarity to the question and by its words.

    The vectors of a chunk's sentences are cached by embedder and content hash, so they are never
    stale.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[list[str], np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def rank(
        self, questions: Sequence[str], retrievals: Sequence[Retrieval]
    ) -> list[list[Sentence]]:
        """The sentences of each question's hits, the best last.

        A sentence's score includes its passage's: similar things have similar sentences, and the
        passage names the one that is asked for.
        """
        with self._lock:
            by = {one.embedder.name: one.embedder for one in retrievals if one.embedder}
            for name, embedder in by.items():
                own = [one for one in retrievals if one.embedder and one.embedder.name == name]
                self._embed([hit for one in own for hit in one.hits], embedder)
            return [
                self._ranked(question, retrieval)
                for question, retrieval in zip(questions, retrievals, strict=True)
            ]

    def _ranked(self, question: str, retrieval: Retrieval) -> list[Sentence]:
        found: list[Sentence] = []
        scale = retrieval.calibration.passages
        best = max((hit.fused for hit in retrieval.hits), default=0.0)
        by = retrieval.embedder.name if retrieval.embedder else ""
        for hit in retrieval.hits:
            texts, vectors = self._kept[by, hit.content_hash]
            scores = scale(vectors @ retrieval.vector) - READING.lead * (best - hit.fused)
            found += _scored(hit, texts, scores)
        shares = word_shares(question, [one.text for one in found], [one.heading for one in found])
        fits = [
            replace(sentence, score=sentence.score + READING.every_word * share)
            for sentence, share in zip(found, shares, strict=True)
        ]
        return _with_value(question, sorted(fits, key=lambda sentence: sentence.score))

    def _embed(self, hits: Sequence[Passage], embedder: Embedder) -> None:
        by = embedder.name
        missing = {
            hit.content_hash: hit for hit in hits if (by, hit.content_hash) not in self._kept
        }
        split = {key: split_sentences(chunk.text) for key, chunk in missing.items()}
        texts = [headed(missing[key].heading, text) for key in split for text in split[key]]
        vectors = embedder.encode(texts)
        start = 0
        for key, sentences in split.items():
            self._kept[by, key] = (sentences, vectors[start : start + len(sentences)])
            start += len(sentences)
        for hit in hits:
            self._kept.move_to_end((by, hit.content_hash))
        needed = len({hit.content_hash for hit in hits})
        while len(self._kept) > max(KEPT_CHUNKS, needed):
            self._kept.popitem(last=False)


def _with_value(question: str, ranked: Sequence[Sentence]) -> list[Sentence]:
    """The sentences; a row that table lookup found is put last, with its value.

    Where the question compares rows and none was found, they are marked.
    """
    placed = {(one.content_hash, one.place): one.text for one in ranked}
    parsed = [
        rows.row(
            one.text,
            one.heading,
            None if one.header is None else placed[one.content_hash, one.header],
        )
        for one in ranked
    ]
    found = records.look_up(question, parsed)
    comparison = None if found else extremes.compare(question, parsed)
    if comparison:
        found = comparison.found
    if not found:
        marked = frozenset(comparison.rows) if comparison else frozenset[int]()
        return [replace(one, compared=True) if i in marked else one for i, one in enumerate(ranked)]
    named = ranked[found.row]
    others = [one for one in ranked if one is not named]
    return [*others, replace(named, score=ranked[-1].score + READING.lead, value=found.value)]


def word_shares(question: str, sentences: Sequence[str], headings: Sequence[str]) -> list[float]:
    """The weighted share of the question's words in each sentence, in [0, 1].

    A word's weight is its inverse document frequency among these sentences.
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
