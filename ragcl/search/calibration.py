"""Calibration of cosines: similarities that mean the same with every embedder.

One embedder gives two unrelated texts a cosine of 0.1, another one 0.8. So when a knowledge base is
first used with an embedder, it embeds everyday questions in several wordings, with the passages
that answer them (`wordings.txt`). This gives two scales, for a question and a passage and for two
questions: 0 is the mean cosine of unrelated pairs, 1 that of matching pairs. They depend on the
embedder alone. The relevance threshold depends on the knowledge base as well: on the scores of its
best passages for these unrelated questions, in each language. Knows no storage and no index.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ragcl.files.digests import digest
from ragcl.search.embedder import Embedder
from ragcl.search.recipe import CALIBRATING

WORDINGS = Path(__file__).with_name("wordings.txt")
VERSION = "4"  # of this code: raised when it measures the same texts differently
DECIMALS = 4  # of what is stored

_Cosine = TypeVar("_Cosine", float, np.ndarray)


@dataclass(frozen=True)
class Topic:
    """A passage, and wordings of a question that it answers."""

    passage: str
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """A linear map of the cosines of one kind of pair to similarities.

    `zero` is the mean cosine of unrelated pairs, `one` that of matching pairs.
    """

    zero: float = 0.0
    one: float = 1.0

    def __call__(self, cosine: _Cosine) -> _Cosine:
        """The similarity of a cosine."""
        width = max(self.one - self.zero, CALIBRATING.min_width)
        similarity: _Cosine = (cosine - self.zero) / width
        return similarity


AS_IS = Scale()


class Score(NamedTuple):
    """The fused score of a passage, and the part of it that is for the words of the question."""

    fused: float
    words: float


@dataclass(frozen=True)
class Language:
    """The scores of unrelated questions of one language in a knowledge base.

    `centre`, `(dim,) float32`, is the mean of their vectors; `best`, ascending, are the fused
    scores of the best passage for each. `enough` is the score of a passage that is as similar to a
    question as nearly all questions of the language are to the passage that answers them, and has
    as many of its words as those best ones: an embedder may find any two texts in one language more
    similar than two in another.
    """

    name: str
    centre: np.ndarray
    best: tuple[float, ...]
    enough: float = math.inf


@dataclass(frozen=True)
class Calibration:
    """The calibration of one embedder for one knowledge base, measured when it had `chunks` chunks.

    The default takes cosines as they are, and everything as relevant.
    """

    passages: Scale = AS_IS  # of a question with a passage
    questions: Scale = AS_IS  # of two questions
    languages: tuple[Language, ...] = ()
    chunks: int = 0

    def needed(self, vector: np.ndarray, false_answers: float) -> float:
        """The relevance threshold: the fused score that the best passage for a question needs.

        It is the least of three:
        - the score that the share `false_answers` of the unrelated questions reaches;
        - the same quantile of a Gumbel distribution (that of a maximum) fitted to the lower half of
          the scores, since the knowledge base may really answer some of these questions;
        - `enough`, since a knowledge base about everything has a similar passage for any question.

        Args:
            vector: `(dim,) float32`, of the question; the nearest centre determines the language.
            false_answers: in [0, 1]; with 1 everything is relevant.
        """
        if not self.languages or false_answers >= 1:
            return -math.inf
        language = min(self.languages, key=lambda one: float(np.square(one.centre - vector).sum()))
        best = np.array(language.best)
        low, middle, found = np.quantile(best, [CALIBRATING.low, 0.5, 1 - false_answers])
        spread = (middle - low) / (_gumbel(0.5) - _gumbel(CALIBRATING.low))
        expected = middle + spread * (_gumbel(1 - false_answers) - _gumbel(0.5))
        return float(min(found, expected, language.enough))

    def cosines(self) -> dict[str, list[float]]:
        """The mean cosines of unrelated and of matching pairs, by kind of pair."""
        return {
            "passages": [self.passages.zero, self.passages.one],
            "questions": [self.questions.zero, self.questions.one],
        }

    def outgrown(self, chunks: int) -> bool:
        """Whether a knowledge base that has so many chunks now has to be measured again."""
        growth = CALIBRATING.growth
        return chunks >= growth * self.chunks or growth * chunks <= self.chunks

    def to_json(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {
            **self.cosines(),
            "languages": [
                [
                    one.name,
                    [round(float(x), DECIMALS) for x in one.centre],
                    list(one.best),
                    round(one.enough, DECIMALS),
                ]
                for one in self.languages
            ],
            "chunks": self.chunks,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Calibration":
        """The calibration that `to_json` gave."""
        return cls(
            passages=Scale(*values["passages"]),
            questions=Scale(*values["questions"]),
            languages=tuple(
                Language(name, np.array(centre, np.float32), tuple(best), enough)
                for name, centre, best, enough in values["languages"]
            ),
            chunks=values["chunks"],
        )


UNMEASURED = Calibration()


def _gumbel(share: float) -> float:
    """The quantile of the standard Gumbel distribution."""
    return math.inf if share >= 1 else -math.log(-math.log(share)) if share > 0 else -math.inf


@dataclass(frozen=True)
class Material:
    """The part of a calibration that depends on the embedder alone.

    By language: `asked` has all wordings of all topics, `vectors` their embeddings,
    `(n, dim) float32`, and `answers` is the similarity that nearly all of them have with their
    passage.
    """

    passages: Scale
    questions: Scale
    answers: dict[str, float]
    asked: dict[str, tuple[str, ...]]
    vectors: dict[str, np.ndarray]

    def calibration(self, best: Mapping[str, Sequence[Score]], chunks: int) -> Calibration:
        """The calibration for a knowledge base of so many chunks.

        Args:
            best: for each language the score of the best passage for each of its questions.
            chunks: the number of chunks of the knowledge base.
        """
        languages = tuple(
            Language(
                name,
                self.vectors[name].mean(axis=0),
                tuple(sorted(round(float(one.fused), DECIMALS) for one in found)),
                self.answers[name] + float(np.median([one.words for one in found])),
            )
            for name, found in best.items()
        )
        return Calibration(self.passages, self.questions, languages, chunks)


def topics(text: str | None = None) -> dict[str, tuple[Topic, ...]]:
    """Topics by language, of `wordings.txt` or of a text in the same format."""
    found: dict[str, list[Topic]] = {}
    language = ""
    for block in (text or WORDINGS.read_text(encoding="utf-8")).strip().split("\n\n"):
        first, *rest = block.strip().splitlines()
        if first.startswith("# "):
            language = first[2:]
        else:
            found.setdefault(language, []).append(Topic(first, tuple(rest)))
    return {name: tuple(some) for name, some in found.items()}


def measure(embedder: Embedder, known: Mapping[str, Sequence[Topic]]) -> Material:
    """Embed topics and measure the scales.

    The scales are those of the language with the best separation (area under ROC, to two decimals);
    of equal ones the first.
    """
    flat = [one for some in known.values() for one in some]
    questions = embedder.encode_questions([text for one in flat for text in one.questions])
    passages = embedder.encode([one.passage for one in flat])
    asked: dict[str, tuple[str, ...]] = {}
    vectors: dict[str, np.ndarray] = {}
    scales: dict[str, tuple[float, Scale, Scale]] = {}
    matching: dict[str, np.ndarray] = {}
    unrelated: dict[str, np.ndarray] = {}
    start = first = 0
    for name, some in known.items():
        asked[name] = tuple(text for one in some for text in one.questions)
        vectors[name] = questions[start : start + len(asked[name])]
        about = np.repeat(np.arange(len(some)), [len(one.questions) for one in some])
        with_passages = vectors[name] @ passages[first : first + len(some)].T
        with_questions = vectors[name] @ vectors[name].T
        same = about[:, None] == about[None, :]
        own = about[:, None] == np.arange(len(some))[None, :]
        other = same & ~np.eye(len(same), dtype=bool)
        matching[name], unrelated[name] = with_passages[own], with_passages[~own]
        scales[name] = (
            round(_share_above(matching[name], unrelated[name]), 2),
            Scale(float(unrelated[name].mean()), float(matching[name].mean())),
            Scale(float(with_questions[~same].mean()), float(with_questions[other].mean())),
        )
        start, first = start + len(asked[name]), first + len(some)
    _, of_passages, of_questions = max(scales.values(), key=lambda one: one[0])
    answers = {
        name: max(
            float(np.quantile(of_passages(matching[name]), CALIBRATING.unlike)),
            float(np.quantile(of_passages(unrelated[name]), 1 - CALIBRATING.like)),
        )
        for name in known
    }
    return Material(of_passages, of_questions, answers, asked, vectors)


_measured: dict[tuple[str, str], Material] = {}


def material(embedder: Embedder) -> Material:
    """`measure` of the packaged topics, computed once in a process."""
    key = (str(embedder.files.path), embedder.files.revision)
    if key not in _measured:
        _measured[key] = measure(embedder, topics())
    return _measured[key]


@cache
def recipe() -> str:
    """A short digest of the code's version, the recipe and the wordings of a calibration."""
    wordings = hashlib.sha256(WORDINGS.read_bytes()).hexdigest()[:8]
    return f"{VERSION}-{digest(CALIBRATING)}-{wordings}"


def _share_above(high: np.ndarray, low: np.ndarray) -> float:
    """The area under ROC: the share of pairs (one of each) in which the first is greater."""
    places = np.searchsorted(np.sort(low), high)
    return float(places.mean() / len(low))
