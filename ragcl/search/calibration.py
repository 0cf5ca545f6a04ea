"""Calibration: what an embedder's cosines mean, so that a decision means the same on every one.

One embedder gives two texts that have nothing to do with each other a cosine of 0.1, another one of
0.8. So each is shown everyday questions in several wordings, with the passages that answer them
(`wordings.txt`), when a knowledge base is first used with it. That gives two scales, of a question
with a passage and with another question: 0 is what unrelated pairs have, 1 what belongs together.
They depend on the embedder alone. What depends on the knowledge base is how well its best passage
fits questions about quite other things, in each language; by that is known when nothing relevant
was found. Knows no storage and no index.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ragcl.files.digests import digest
from ragcl.search.embedder import Embedder
from ragcl.search.recipe import CALIBRATING

WORDINGS = Path(__file__).with_name("wordings.txt")
VERSION = "2"  # of the code: raised whenever it would measure the same texts differently
DECIMALS = 4  # of what is stored

_Cosine = TypeVar("_Cosine", float, np.ndarray)


@dataclass(frozen=True)
class Topic:
    """A passage and the questions, in several wordings, that it answers."""

    passage: str
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """Cosines of one kind of pair as similarities.

    `zero` is the mean cosine of pairs that have nothing to do with each other, `one` that of pairs
    that belong together.
    """

    zero: float = 0.0
    one: float = 1.0

    def __call__(self, cosine: _Cosine) -> _Cosine:
        """The similarity; differences and orders stay what they are but for their size."""
        width = max(self.one - self.zero, CALIBRATING.min_width)
        similarity: _Cosine = (cosine - self.zero) / width
        return similarity


AS_IS = Scale()


@dataclass(frozen=True)
class Language:
    """What questions of one language about quite other things find in a knowledge base.

    `centre`, `(dim,) float32`, is the mean of their vectors; `best`, ascending, is how well the
    best passage fits each, in the scale that hits are ranked by.
    """

    name: str
    centre: np.ndarray
    best: tuple[float, ...]


@dataclass(frozen=True)
class Calibration:
    """What the cosines of one embedder mean in one knowledge base, as it was with so many chunks.

    One that was never measured takes cosines as they are, and whatever was found as relevant.
    """

    passages: Scale = AS_IS  # of a question with a passage
    questions: Scale = AS_IS  # of two questions
    answers: float = math.inf  # the similarity that nearly all questions have with their answers
    languages: tuple[Language, ...] = ()
    chunks: int = 0

    def needed(self, vector: np.ndarray, false_answers: float) -> float:
        """How well the best passage has to fit a question for anything relevant to be found.

        Of questions about quite other things, the share `false_answers` find as much. Some of them
        the knowledge base may answer indeed, if it is about cats or bread. So the threshold is no
        higher than the lower half of them lets expect, which finds least: what is the best of many
        has Gumbel's distribution. Nor is more needed than nearly all questions have in common with
        their answers: a knowledge base about everything has something near to any question.

        Args:
            vector: `(dim,) float32`, the question's; the nearest centre tells its language.
            false_answers: in [0, 1]; with 1 everything is relevant.
        """
        if not self.languages or false_answers >= 1:
            return -math.inf
        language = min(self.languages, key=lambda one: float(np.square(one.centre - vector).sum()))
        best = np.array(language.best)
        low, middle, found = np.quantile(best, [CALIBRATING.low, 0.5, 1 - false_answers])
        spread = (middle - low) / (_gumbel(0.5) - _gumbel(CALIBRATING.low))
        expected = middle + spread * (_gumbel(1 - false_answers) - _gumbel(0.5))
        return float(min(found, expected, self.answers))

    def cosines(self) -> dict[str, list[float]]:
        """What unrelated pairs have and what belongs together, with passages and questions."""
        return {
            "passages": [self.passages.zero, self.passages.one],
            "questions": [self.questions.zero, self.questions.one],
        }

    def outgrown(self, chunks: int) -> bool:
        """Whether a knowledge base of so many chunks has to be looked at again."""
        growth = CALIBRATING.growth
        return chunks >= growth * self.chunks or growth * chunks <= self.chunks

    def to_json(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {
            **self.cosines(),
            "answers": round(self.answers, DECIMALS),
            "languages": [
                [one.name, [round(float(x), DECIMALS) for x in one.centre], list(one.best)]
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
            answers=values["answers"],
            languages=tuple(
                Language(name, np.array(centre, np.float32), tuple(best))
                for name, centre, best in values["languages"]
            ),
            chunks=values["chunks"],
        )


UNMEASURED = Calibration()


def _gumbel(share: float) -> float:
    """The quantile of the standard distribution."""
    return math.inf if share >= 1 else -math.log(-math.log(share)) if share > 0 else -math.inf


@dataclass(frozen=True)
class Material:
    """What an embedder makes of topics: everything about it that no knowledge base changes.

    `questions` holds each language's, every wording of every topic, and `vectors` theirs,
    `(n, dim) float32`.
    """

    passages: Scale
    questions: Scale
    answers: float
    asked: dict[str, tuple[str, ...]]
    vectors: dict[str, np.ndarray]

    def calibration(self, best: Mapping[str, Sequence[float]], chunks: int) -> Calibration:
        """The calibration for a knowledge base of so many chunks.

        Args:
            best: for each language how well the best passage fits each of its questions.
            chunks: how many were looked through.
        """
        languages = tuple(
            Language(
                name,
                self.vectors[name].mean(axis=0),
                tuple(sorted(round(float(one), DECIMALS) for one in found)),
            )
            for name, found in best.items()
        )
        return Calibration(self.passages, self.questions, self.answers, languages, chunks)


def topics(text: str | None = None) -> dict[str, tuple[Topic, ...]]:
    """Topics by language, as `wordings.txt` or another text of its form holds them."""
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
    """What an embedder makes of topics, which are embedded for it.

    The scales are those of the language that it tells questions apart in best; of languages that it
    knows as well, of the first.
    """
    flat = [one for some in known.values() for one in some]
    questions = embedder.encode_questions([text for one in flat for text in one.questions])
    passages = embedder.encode([one.passage for one in flat])
    asked: dict[str, tuple[str, ...]] = {}
    vectors: dict[str, np.ndarray] = {}
    scales: dict[str, tuple[float, Scale, Scale, float]] = {}
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
        apart = _share_above(with_passages[own], with_passages[~own])
        of_passages = Scale(float(with_passages[~own].mean()), float(with_passages[own].mean()))
        scales[name] = (
            round(apart, 2),
            of_passages,
            Scale(float(with_questions[~same].mean()), float(with_questions[other].mean())),
            max(
                float(np.quantile(of_passages(with_passages[own]), CALIBRATING.unlike)),
                float(np.quantile(of_passages(with_passages[~own]), 1 - CALIBRATING.like)),
            ),
        )
        start, first = start + len(asked[name]), first + len(some)
    _, of_passages, of_questions, answers = max(scales.values(), key=lambda one: one[0])
    return Material(of_passages, of_questions, answers, asked, vectors)


_measured: dict[tuple[str, str], Material] = {}


def material(embedder: Embedder) -> Material:
    """What an embedder makes of the packaged topics; embedded once in a process."""
    key = (str(embedder.files.path), embedder.files.revision)
    if key not in _measured:
        _measured[key] = measure(embedder, topics())
    return _measured[key]


@cache
def recipe() -> str:
    """What a stored calibration was made with, as a short name."""
    wordings = hashlib.sha256(WORDINGS.read_bytes()).hexdigest()[:8]
    return f"{VERSION}-{digest(CALIBRATING)}-{wordings}"


def _share_above(high: np.ndarray, low: np.ndarray) -> float:
    """Of pairs of one each, the share in which the first is the greater: the area under ROC."""
    places = np.searchsorted(np.sort(low), high)
    return float(places.mean() / len(low))
