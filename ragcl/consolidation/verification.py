"""Verification: what does a candidate adapter know, and what did it cost?

Questions that were never trained on are answered closed-book and compared with the in-context
answer, chunk by chunk; then drift on anchors, and whether answers with context changed. From this
come the proofs, the thresholds of the router and the verdict of the gate. Trains nothing.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragcl.catalog.learning import LearnedQuestion
from ragcl.consolidation.anchors import Anchor
from ragcl.evaluation.metrics import agree
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading, SpanReader, content_words
from ragcl.generation.recall import recall
from ragcl.settings import ConsolidationSettings

CONTEXT_SAMPLE = 24  # questions that are also read with the adapter on
QUANTILES = (0.0, 0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Verdict:
    """What verification found.

    `questions` carry the proofs; `thresholds` are the router's, by feature; each entry of `gate`
    has the test's `name`, `value`, `limit` and whether it `passed`.
    """

    questions: tuple[LearnedQuestion, ...]
    thresholds: dict[str, float]
    metrics: dict[str, float]
    gate: tuple[dict[str, Any], ...]

    @property
    def passed(self) -> bool:
        """Whether every test of the gate was passed."""
        return all(test["passed"] for test in self.gate)

    @property
    def only_drifted(self) -> bool:
        """Whether drift is the one thing wrong, so that a smaller scale may mend it."""
        return {test["name"] for test in self.gate if not test["passed"]} == {"perplexity ratio"}


def rewordings(question: str) -> tuple[str, str]:
    """Two ways to ask the same that no row was trained on: telegram style and a polite request."""
    plain = question.strip().rstrip("?.!")
    keywords = " ".join(content_words(plain))
    return keywords or plain.lower(), f"Could you tell me: {plain[:1].lower()}{plain[1:]}?"


def verify(
    model: LanguageModel,
    adapter: str,
    trained: Sequence[Reading],
    held_out: Sequence[Reading],
    anchors: Sequence[Anchor],
    chunks: Sequence[str],
    settings: ConsolidationSettings,
    *,
    context_tokens: int,
    progress: Callable[[int, int], None],
) -> Verdict:
    """Test a candidate.

    Args:
        model: the base model with the candidate attached.
        adapter: the candidate's name.
        trained: the rows it was trained on.
        held_out: rows it was not trained on, whose answers are the in-context answers.
        anchors: texts that were not trained on.
        chunks: the content hashes that it is to hold.
        settings: the limits of the gate.
        context_tokens: the budget of a prompt with context.
        progress: called with (questions done, questions in all).
    """
    prompts = Prompts(model.tokenizer)
    reworded = [text for row in trained for text in rewordings(row.question)]
    asked = [*(row.question for row in trained), *reworded, *(row.question for row in held_out)]
    done = 0

    def answered(count: int) -> None:
        nonlocal done
        done += count
        progress(done, len(asked))

    answers = recall(
        model,
        [prompts.closed_book(question) for question in asked],
        [row.answer for row in trained],
        adapter=adapter,
        progress=answered,
    )
    n = len(trained)
    proofs = _proofs(trained, answers[:n], answers[n : 3 * n])
    if held_out:
        unseen, closed = held_out, answers[3 * n :]
    else:  # nobody asked the same thing often enough: the polite rewordings are all there is
        unseen, closed = trained, answers[n + 1 : 3 * n : 2]
    agreed = [agree(answer.text, row.answer) for answer, row in zip(closed, unseen, strict=True)]
    trials = _trials(trained, proofs, unseen, closed, agreed)
    thresholds, routed = calibrate(trials, settings.agreement)
    questions = [
        LearnedQuestion(row.content_hash, row.question, row.answer, row.vector, proof)
        for row, proof in zip(trained, proofs, strict=True)
    ]
    if held_out:
        questions += [
            LearnedQuestion(row.content_hash, row.question, row.answer, row.vector, proof)
            for row, proof in zip(held_out, agreed, strict=True)
        ]
    proved = {question.content_hash for question in questions if question.proved}
    ratio, kl = drift(model, adapter, anchors)
    metrics = {
        "closed-book agreement": _mean(agreed),
        "proved chunks": len(proved.intersection(chunks)) / max(1, len(chunks)),
        "proved questions": _mean(proofs),
        "routed to weights": _mean(routed),
        "agreement when routed": _mean([a for a, r in zip(agreed, routed, strict=True) if r]),
        "perplexity ratio": ratio,
        "KL on anchors": kl,
        "context answers changed": _context_change(
            model, adapter, prompts, unseen[:CONTEXT_SAMPLE], context_tokens
        ),
    }
    gate = (
        _test("proved chunks", metrics, settings.min_proved, at_least=True),
        _test("closed-book agreement", metrics, settings.min_agreement, at_least=True),
        _test("perplexity ratio", metrics, settings.max_perplexity_ratio, at_least=False),
        _test("context answers changed", metrics, settings.max_context_change, at_least=False),
    )
    return Verdict(tuple(questions), thresholds, metrics, gate)


@dataclass(frozen=True)
class Trial:
    """An unseen question as the router would meet it, and whether the weights then agreed.

    `eligible` says that its best passage was learned, that the nearest learned question was proved
    and that the weights said what was proved there;
    `features` are what thresholds are set on.
    """

    eligible: bool
    features: Mapping[str, float]
    agreed: bool


def calibrate(trials: Sequence[Trial], agreement: float) -> tuple[dict[str, float], list[bool]]:
    """The loosest thresholds under which the routed trials agree at least so often.

    Every combination of a few quantiles of each feature is tried; the one that routes most wins.

    Returns:
        The thresholds by feature (infinite where none will do), and which trials they route.
    """
    names = sorted({name for trial in trials for name in trial.features})
    good = [trial for trial in trials if trial.eligible and trial.agreed]
    best: tuple[int, float] = (0, 0.0)
    chosen = {name: math.inf for name in ("confidence", "margin", "score", "similarity")}
    routed = [False] * len(trials)
    grids = [
        sorted({float(np.quantile([t.features[name] for t in good], q)) for q in QUANTILES})
        for name in names
        if good
    ]
    for values in itertools.product(*grids):
        limits = dict(zip(names, values, strict=False))
        taken = [
            trial.eligible and all(trial.features[name] >= limits[name] for name in limits)
            for trial in trials
        ]
        count = sum(taken)
        right = sum(trial.agreed for trial, take in zip(trials, taken, strict=True) if take)
        if count and right / count >= agreement and (count, right / count) > best:
            best, chosen, routed = (count, right / count), limits, taken
    return chosen, routed


def _proofs(
    trained: Sequence[Reading], plain: Sequence[Completion], reworded: Sequence[Completion]
) -> list[bool]:
    """A learned question is proved if it and a rewording of it are answered as in context."""
    return [
        agree(plain[i].text, row.answer)
        and any(agree(answer.text, row.answer) for answer in reworded[2 * i : 2 * i + 2])
        for i, row in enumerate(trained)
    ]


def _trials(
    trained: Sequence[Reading],
    proofs: Sequence[bool],
    held_out: Sequence[Reading],
    closed: Sequence[Completion],
    agreed: Sequence[bool],
) -> list[Trial]:
    learned = np.stack([row.vector for row in trained])
    trials = []
    for row, answer, right in zip(held_out, closed, agreed, strict=True):
        similarity = learned @ row.vector
        nearest = int(similarity.argmax())
        trials.append(
            Trial(
                eligible=proofs[nearest]
                and trained[nearest].content_hash == row.best_hit
                and agree(answer.text, trained[nearest].answer),
                features={
                    "confidence": answer.logprob,
                    "margin": row.margin,
                    "score": row.score,
                    "similarity": float(similarity[nearest]),
                },
                agreed=right,
            )
        )
    return trials


def drift(model: LanguageModel, adapter: str, anchors: Sequence[Anchor]) -> tuple[float, float]:
    """(perplexity with an adapter / without, mean KL from the base in nats a token)."""
    with_adapter = without = kl = 0.0
    tokens = 0
    for anchor in anchors:
        base = model.next_logprobs(anchor.ids, None)
        adapted = model.next_logprobs(anchor.ids, adapter)
        places = range(len(anchor.ids) - 1)
        following = list(anchor.ids[1:])
        without -= float(base[places, following].sum())
        with_adapter -= float(adapted[places, following].sum())
        kl += float((base.exp() * (base - adapted)).sum(-1)[:-1].sum())
        tokens += len(following)
    tokens = max(1, tokens)
    return math.exp((with_adapter - without) / tokens), kl / tokens


def _context_change(
    model: LanguageModel,
    adapter: str,
    prompts: Prompts,
    rows: Sequence[Reading],
    context_tokens: int,
) -> float:
    """The share of answers with context that the adapter turns into something else."""
    reader = SpanReader(model)
    changed = 0
    for row in rows:
        sentences = row.sentences
        prompt = prompts.with_context(row.question, [s.text for s in sentences], context_tokens)
        spans = reader.spans(prompt, row.question, sentences, adapter)
        changed += not spans or not agree(spans[0].text, row.answer)
    return changed / max(1, len(rows))


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / max(1, len(values))


def _test(
    name: str, metrics: Mapping[str, float], limit: float, *, at_least: bool
) -> dict[str, Any]:
    value = metrics[name]
    passed = value >= limit if at_least else value <= limit
    return {"name": name, "value": value, "limit": limit, "passed": passed}
