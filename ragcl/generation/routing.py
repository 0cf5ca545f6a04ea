"""Routing: which route answers a question, and why.

Pure decisions on vectors and scores; knows no model, no storage and no text of an answer.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.generation.recipe import ROUTING
from ragcl.once import once
from ragcl.results import Mode, Route
from ragcl.search.retrieval import Retrieval

# In an adapter's thresholds: the gain in context answers with it on, 0 if uncertain; and the least
# fit of an answer in its sentence (nats), -inf where the reader cannot tell.
BOTH = "both"
FIT = "fit"

# Answers, each with the cosine of the nearest question that it was learned for, and that question.
Taught = dict[str, tuple[float, LearnedQuestion]]


@dataclass(frozen=True)
class Decision:
    """A route, the adapter it uses (None: the base model) and the reason.

    In the mode `auto`, an answer from the weights must reach `min_confidence`. If the question was
    learned word for word, it must equal `expected`; else it must have been learned about the best
    passage and proved, and its fit must reach `min_fit`. The fit is by how many nats the base model
    finds it likelier than as the answer to the question that it was learned for, where it reads its
    sentence alone. Otherwise the passages are read, with the adapter `beside` or without any.
    `doubt` says why the passages seem irrelevant; the reader then decides whether to abstain.
    """

    route: Route
    adapter: str | None
    reason: str
    min_confidence: float | None = None
    min_fit: float | None = None
    expected: str | None = None
    features: dict[str, float] | None = None
    beside: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class ActiveAdapters:
    """The active set of adapters for the router: their chunks, proofs and thresholds."""

    set_id: int | None
    adapters: tuple[AdapterRecord, ...]

    @once
    def holder(self) -> Mapping[str, AdapterRecord]:
        """The adapter that holds each chunk, by content hash."""
        return {chunk.content_hash: one for one in self.adapters for chunk in one.chunks}

    @once
    def learned(self) -> frozenset[str]:
        """The content hashes of all chunks that were learned."""
        return frozenset(self.holder)

    @once
    def _chunks(self) -> list[LearnedChunk]:
        return [chunk for one in self.adapters for chunk in one.chunks]

    @once
    def _questions(self) -> list[LearnedQuestion]:
        return [question for one in self.adapters for question in one.questions]

    @once
    def _chunk_vectors(self) -> np.ndarray:
        return _stack([chunk.vector for chunk in self._chunks])

    @once
    def _question_vectors(self) -> np.ndarray:
        return _stack([question.vector for question in self._questions])

    @once
    def _about(self) -> Mapping[str, list[int]]:
        about: dict[str, list[int]] = {}
        for i, question in enumerate(self._questions):
            about.setdefault(question.content_hash, []).append(i)
        return about

    def holds_first(self, passages: Sequence[str]) -> str | None:
        """The adapter that holds the first of the passages that any holds."""
        return next((self.holder[key].id for key in passages if key in self.holder), None)

    def taught(self, adapter: str, passages: Sequence[str], vector: np.ndarray) -> Taught:
        """The answers about passages that an adapter was trained on; see `taught`."""
        holder = next((one for one in self.adapters if one.id == adapter), None)
        return taught(holder.questions if holder else (), passages, vector)

    def stale_reason(self, retrieval: Retrieval, current: Collection[str]) -> str | None:
        """Why no adapter may answer: the question is about a learned text that is gone.

        Stale texts are compared too, by their own vectors and those of their learned questions. The
        adapters may answer only if a current text is clearly more similar.
        """
        stale = self.learned.difference(current)
        if not stale:
            return None
        scales = retrieval.calibration
        best = scales.passages(retrieval.hits[0].score if retrieval.hits else -1.0)
        ghost = _best(
            scales.passages(self._chunk_vectors @ retrieval.vector),
            [chunk.content_hash in stale for chunk in self._chunks],
        )
        if ghost > best - ROUTING.wording:
            return "what was learned about this has since been changed, removed or distrusted"
        scores = scales.questions(self._question_vectors @ retrieval.vector)
        asked_stale = _best(scores, [q.content_hash in stale for q in self._questions])
        asked_current = _best(scores, [q.content_hash not in stale for q in self._questions])
        if asked_stale > asked_current - ROUTING.wording:
            return "this was learned from a text that has since been changed, removed or distrusted"
        return None

    def questions_about(self, key: str, vector: np.ndarray) -> list[tuple[float, LearnedQuestion]]:
        """The learned questions about a chunk, each with its cosine, the nearest first."""
        about = self._about.get(key, [])
        scores = self._question_vectors[about] @ vector if about else ()
        found = zip(map(float, scores), (self._questions[i] for i in about), strict=True)
        return sorted(found, key=lambda pair: -pair[0])


def taught(
    questions: Iterable[LearnedQuestion], passages: Collection[str], vector: np.ndarray
) -> Taught:
    """The answers to learned questions about passages, the nearest first.

    Each with the cosine of `vector` to the nearest question that it was learned for, and that
    question.
    """
    found: Taught = {}
    for question in questions:
        if question.answer and question.content_hash in passages:
            cosine = float(question.vector @ vector)
            if question.answer not in found or cosine > found[question.answer][0]:
                found[question.answer] = cosine, question
    return dict(sorted(found.items(), key=lambda pair: -pair[1][0]))


def servable(told: Taught, answer: str, passage: str) -> LearnedQuestion | None:
    """The question that an answer was learned for, if it was proved and is about the passage."""
    _, learned = told.get(answer, (0.0, None))
    if learned is None or not learned.proved or learned.content_hash != passage:
        return None
    return learned


def decide(
    mode: Mode,
    question: str,
    retrieval: Retrieval,
    active: ActiveAdapters,
    current: Collection[str],
    false_answers: float,
    demoted: Collection[str] = (),
    *,
    reader_tells: bool = False,
    several: bool = False,
    filtered: bool = False,
) -> Decision:
    """Choose the route for one question.

    Args:
        mode: the mode that the caller chose.
        question: as it was asked, or rewritten to stand alone.
        retrieval: the question's vector and its hits, best first.
        active: the active adapters.
        current: the content hashes in `active` that are current and may be learned.
        false_answers: the share of unrelated questions that may be answered; it sets the relevance
            threshold on the best passage's score.
        demoted: the content hashes with badly rated answers from the weights.
        reader_tells: whether the reader was trained to abstain: then it decides where nothing
            relevant seems to have been found.
        several: whether the question asks for several things, of which a learned answer is one.
        filtered: whether a filter selected the documents.
    """
    if mode != "weights":
        missing = _irrelevant(retrieval, false_answers, filtered)
        if missing:
            doubt = f"nothing relevant was found: {missing}"
            if reader_tells and retrieval.hits:
                return Decision("context", None, f"read though {doubt}", doubt=doubt)
            return Decision("none", None, doubt)
    if mode == "context":
        return Decision("context", None, "asked for")
    stale = active.stale_reason(retrieval, current)
    if mode == "auto":
        if stale:
            return Decision("context", None, stale)
        return _auto(question, retrieval, active, current, demoted, several)
    holder = active.holds_first(retrieval.found)
    if mode == "both":
        return Decision("both", None if stale else holder, stale or "asked for")
    if stale:
        return Decision("none", None, stale)
    reason = "asked for" if holder else "asked for; no adapter holds this: the base model answers"
    return Decision("weights", holder, reason)


def _irrelevant(retrieval: Retrieval, false_answers: float, filtered: bool) -> str | None:
    """Why no hit is relevant; None if one is."""
    if not retrieval.hits:
        return "the filter accepts no document" if filtered else "nothing is ingested"
    best = max(hit.fused for hit in retrieval.hits)
    needed = retrieval.calibration.needed(retrieval.vector, false_answers)
    if best >= needed:
        return None
    return f"the best passage fits by {best:.2f} (needs {needed:.2f})"


def _auto(
    question: str,
    retrieval: Retrieval,
    active: ActiveAdapters,
    current: Collection[str],
    demoted: Collection[str],
    several: bool,
) -> Decision:
    best = retrieval.hits[0]
    key = best.content_hash
    adapter = active.holder.get(key)
    if adapter is None or key not in current:
        return Decision("context", None, "the best passage is not in the weights")
    if key in demoted:
        return Decision("context", None, "users rated badly what the weights say of this")
    # It takes a second reading, so it has to be worth something.
    beside = adapter.id if adapter.thresholds.get(BOTH, 0.0) > 0 else None
    near = active.questions_about(key, retrieval.vector)
    if not near:
        return in_passages(beside, "no question was learned about the best passage")
    # By its words: an embedder may see no difference between two names.
    asked = _words(question)
    itself = next((one for _, one in near if _words(one.question) == asked), None)
    features = {
        "score": round(best.score, 4),
        "margin": round(retrieval.margin, 4),
        "similarity": round(near[0][0], 4),
    }
    if not (itself.proved if itself else any(one.proved for _, one in near)):
        return in_passages(beside, "nothing like this question was proved", features)
    if several and not itself:
        return in_passages(beside, "it asks for more than one thing", features)
    limits = adapter.thresholds
    min_margin, min_confidence = limits["margin"], limits["confidence"]
    min_fit = limits.get(FIT, math.inf)
    if itself:
        # It has its own proof, while the thresholds were calibrated on new wordings, and may be
        # infinite. So only the margin has to be that of the time it was learned.
        min_margin = min(min_margin, itself.margin - ROUTING.rounding)
        min_confidence = -math.inf
    elif not math.isfinite(min_fit):  # or the adapter was verified before there was this threshold
        reason = "the weights may answer only what was verified, word for word"
        return in_passages(beside, reason, features)
    if features["margin"] < min_margin:
        reason = f"margin {features['margin']:.2f} is below the {min_margin:.2f} it needs"
        return in_passages(beside, reason, features)
    return Decision(
        "weights",
        adapter.id,
        "the best passage is current in the weights and "
        + ("proved for this very question" if itself else "says what they were proved to know"),
        min_confidence=min_confidence,
        min_fit=None if itself else min_fit,
        expected=itself.answer if itself else None,
        features=features,
        beside=beside,
    )


def in_passages(
    beside: str | None, reason: str, features: dict[str, float] | None = None
) -> Decision:
    """The decision to read the passages, with an adapter or without any."""
    return Decision("both" if beside else "context", beside, reason, features=features)


def _words(question: str) -> str:
    """A question in lower case, with single spaces."""
    return " ".join(question.casefold().split())


def _stack(vectors: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)


def _best(scores: np.ndarray, mask: Sequence[bool]) -> float:
    chosen = scores[np.array(mask, bool)]
    return float(chosen.max()) if len(chosen) else -math.inf
