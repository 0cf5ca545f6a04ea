"""Verification: what a candidate adapter knows, and what it changed elsewhere.

- Proofs: each trained question is asked closed-book, as it is and in another wording; both answers
  have to be right.
- Trials: held-out questions and near misses are answered as they would be served, and compared with
  the in-context answers. The thresholds of the router are set on these.
- Cost: drift on held-out anchors, and how many answers in context changed.

From these comes the verdict of the gate. Trains nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ragcl.catalog.learning import LearnedQuestion
from ragcl.catalog.passage import Passage
from ragcl.consolidation.gate.near_misses import NearMiss
from ragcl.consolidation.gate.thresholds import NEVER, Trial, calibrate, lower_bound
from ragcl.consolidation.recipe import GATE
from ragcl.consolidation.study.forms import is_answer_of
from ragcl.consolidation.training.anchors import Anchor, text_logprob
from ragcl.consolidation.training.packing import sparse_kl
from ragcl.files.digests import digest
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.narrowing import excerpts
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading
from ragcl.generation.recall import by_nearness, recall
from ragcl.generation.recipe import ROUTING
from ragcl.generation.routing import BOTH, FIT, servable, taught
from ragcl.generation.spans import SpanReader
from ragcl.results import GateTest, RoutingRisk
from ragcl.search.calibration import Scale
from ragcl.settings import ConsolidationSettings
from ragcl.text.answers import canonical, compatible
from ragcl.text.rewording import BRIEFLY, POLITELY, rewordings

VERSION = "6"  # of this code: raised when thresholds or proofs get another meaning


@dataclass(frozen=True)
class Verdict:
    """The result of verification.

    `questions` carry the proofs. `thresholds` are the router's, by feature, and `risk` is their
    risk on the held-out split.
    """

    questions: tuple[LearnedQuestion, ...]
    thresholds: dict[str, float]
    metrics: dict[str, float]
    gate: tuple[GateTest, ...]
    risk: RoutingRisk

    @property
    def passed(self) -> bool:
        """Whether every test of the gate was passed."""
        return all(test.passed for test in self.gate)

    @property
    def only_drifted(self) -> bool:
        """Whether drift is the only failed test, so that a smaller scale may pass."""
        return {test.name for test in self.gate if not test.passed} == {"perplexity ratio"}


def verification_version() -> str:
    """The version of this verification: an adapter verified by another is verified again."""
    return f"{VERSION}-{digest(GATE, ROUTING)}"


def verify(
    model: LanguageModel,
    adapter: str,
    trained: Sequence[Reading],
    held_out: Sequence[Reading],
    reworded: Sequence[Reading],
    variants: Sequence[Reading],
    near_misses: Sequence[NearMiss],
    anchors: Sequence[Anchor],
    chunks: Mapping[str, Passage],
    settings: ConsolidationSettings,
    *,
    reader: JudgingReader,
    scale: Scale,
    context_tokens: int,
    progress: Callable[[int, int], None],
) -> Verdict:
    """Test a candidate.

    Args:
        model: the base model with the candidate attached.
        adapter: the candidate's name.
        trained: the rows it was trained on.
        held_out: rows it was not trained on, with the in-context answers.
        reworded: other wordings of trained rows, asked as well where held-out rows are few.
        variants: other wordings of held-out rows, for the thresholds of the router alone.
        near_misses: learned questions without their answer or their passage.
        anchors: texts that were not trained on.
        chunks: its chunks by content hash.
        settings: the limits of the gate.
        reader: what will answer, for the likelihood of answers in their sentences.
        scale: maps cosines of questions to similarities.
        context_tokens: the budget of a prompt with context.
        progress: called with (questions done, questions in all).
    """
    prompts = Prompts.of(model)
    polite = _reworded(trained, POLITELY)
    unseen = [*held_out, *reworded]
    shown = [*held_out, *(trained if reworded else ())]
    asked = {one.question: one for one in (*unseen, *variants)}
    questions_in_all = 3 * len(trained) + len(asked)
    done = 0

    def answered(count: int) -> None:
        nonlocal done
        done += count
        progress(done, questions_in_all)

    def right(rows: Sequence[Reading]) -> list[bool]:
        """Whether the adapter's closed-book answer to each row's question is the row's."""
        written = model.generate(
            [prompts.closed_book(row.question) for row in rows],
            adapter=adapter,
            max_new_tokens=GATE.answer_tokens,
            progress=answered,
        )
        return [is_answer_of(one.text, row) for one, row in zip(written, rows, strict=True)]

    proofs = _proofs(trained, polite, right)
    answered(3 * len(trained) - done)  # questions that did not have to be asked
    learned = Learned(trained, proofs, chunks, reader, scale)
    recalled = recall(
        model,
        [prompts.closed_book(question) for question in asked],
        [learned.choices(one) for one in asked.values()],
        adapter=adapter,
        progress=answered,
    )
    answers = dict(zip(asked, recalled, strict=True))
    trials = [learned.trial(one, answers[one.question]) for one in unseen]
    agreed = [trial.agreed for trial in trials]
    trials += [learned.trial(one, answers[one.question]) for one in variants]
    near = [trial for one in near_misses if (trial := learned.near_miss(one)) is not None]
    thresholds, risk = calibrate(trials, near, settings.agreement)
    thresholds = {**dict.fromkeys(NEVER, -math.inf), **thresholds}
    questions = [*learned.questions, *map(learned.question, held_out, agreed)]
    proved = {question.content_hash for question in questions if question.proved}
    ratio, kl = drift(model, adapter, anchors)
    gain = _context_gain(model, adapter, prompts, shown[: GATE.context_sample], context_tokens)
    metrics = {
        "closed-book agreement": _mean(agreed),
        "proved chunks": len(proved.intersection(chunks)) / max(1, len(chunks)),
        "proved questions": _mean(proofs),
        "routed to weights": risk.routed / max(1, risk.trials),
        **_agreement(risk),
        "near misses let through": risk.let_through / max(1, risk.near_misses),
        "perplexity ratio": ratio,
        "KL on anchors": kl,
        "context answers gained": gain.share,
        "context answers lost": max(0.0, -gain.share) if gain.certainly_lost else 0.0,
    }
    gate = (
        _test("proved chunks", metrics, settings.min_proved, at_least=True),
        _test("closed-book agreement", metrics, settings.min_agreement, at_least=True),
        _test("perplexity ratio", metrics, settings.max_perplexity_ratio, at_least=False),
        _test("context answers lost", metrics, settings.max_context_loss, at_least=False),
    )
    thresholds[BOTH] = gain.share if gain.certainly_gained else 0.0
    return Verdict(tuple(questions), thresholds, metrics, gate, risk)


def _reworded(rows: Sequence[Reading], way: int) -> list[Reading]:
    """The rows with their questions asked in another way."""
    return [replace(row, question=rewordings(row.question)[way]) for row in rows]


def _proofs(
    trained: Sequence[Reading],
    polite: Sequence[Reading],
    right: Callable[[Sequence[Reading]], list[bool]],
) -> list[bool]:
    """A learned question is proved if it and a rewording of it get the trained answer.

    The brief wording is asked only where the polite one failed. A rewording that is itself a
    trained question proves nothing.
    """
    n = len(trained)
    taught = {canonical(row.question) for row in trained}

    def new(row: Reading) -> bool:
        return canonical(row.question) not in taught

    answered = right([*trained, *polite])
    proofs = [
        known and known_politely and new(row)
        for known, known_politely, row in zip(answered[:n], answered[n:], polite, strict=True)
    ]
    briefly = _reworded(trained, BRIEFLY)
    open_ones = [i for i in range(n) if answered[i] and not proofs[i] and new(briefly[i])]
    in_brief = right([briefly[i] for i in open_ones])
    for i, known in zip(open_ones, in_brief, strict=True):
        proofs[i] = known
    return proofs


class Learned:
    """The trained questions of an adapter, as the router will use them."""

    def __init__(
        self,
        trained: Sequence[Reading],
        proofs: Sequence[bool],
        chunks: Mapping[str, Passage],
        reader: JudgingReader,
        scale: Scale,
    ) -> None:
        self._chunks = chunks
        self._reader = reader
        self._scale = scale
        self._likelihoods: dict[tuple[str, str], float | None] = {}
        self.questions = list(map(self.question, trained, proofs))

    def question(self, row: Reading, proved: bool) -> LearnedQuestion:
        """A row as it is learned; one reading tells the likelihood of its fact."""
        fact = row.content_hash, canonical(row.answer)
        if fact not in self._likelihoods:
            self._likelihoods[fact] = self._likelihood(row.question, row)
        return LearnedQuestion(
            row.content_hash,
            row.question,
            row.answer,
            row.vector,
            row.margin,
            proved,
            self._likelihoods[fact],
        )

    def choices(self, asked: Reading) -> dict[str, float]:
        """The trained answers about the passages that a question retrieves, with log-priors."""
        told = taught(self.questions, asked.found, asked.vector)
        return by_nearness({answer: self._scale(cosine) for answer, (cosine, _) in told.items()})

    def trial(self, asked: Reading, answer: Completion) -> Trial:
        """The trial of a question that was not trained on, whose in-context answer is its own."""
        told = taught(self.questions, asked.found, asked.vector)
        learned = servable(told, answer.text, asked.found[0])
        fit = None if learned is None else self._fit(asked.question, learned)
        return Trial(
            fact=f"{asked.content_hash} {canonical(asked.answer)}",
            eligible=fit is not None,
            features={
                "confidence": answer.logprob,
                "margin": asked.margin,
                FIT: -math.inf if fit is None else fit,
            },
            agreed=is_answer_of(answer.text, asked),
        )

    def near_miss(self, asked: NearMiss) -> Trial | None:
        """The trial of a near miss; None if nothing that was learned seems to belong to it.

        The weights would say what was learned for the nearest question. They did learn the answer
        that is left out, so they are less sure of another one than they would be, and count as
        certain.
        """
        other = [
            one
            for one in self.questions
            if one.proved and one.answer and one.content_hash == asked.passage
            if not compatible(one.answer, asked.answer)
        ]
        if not other:
            return None
        nearest = max(other, key=lambda one: float(one.vector @ asked.vector))
        fit = self._fit(asked.question, nearest)
        return Trial(
            fact=f"{asked.question} {asked.passage}",
            eligible=fit is not None,
            features={
                "confidence": math.inf,
                "margin": asked.margin,
                FIT: -math.inf if fit is None else fit,
            },
            agreed=False,
        )

    def _fit(self, question: str, learned: LearnedQuestion) -> float | None:
        """How much likelier the answer is than to the question it was learned for, in nats."""
        if learned.likelihood is None:
            return None
        found = self._likelihood(question, learned)
        return None if found is None else found - learned.likelihood

    def _likelihood(self, question: str, learned: Reading | LearnedQuestion) -> float | None:
        passage = self._chunks.get(learned.content_hash)
        if passage is None:  # it has just been edited
            return None
        found = self._reader.likelihood(question, passage, learned.question, learned.answer)
        return None if found is None else found[0]


def drift(model: LanguageModel, adapter: str, anchors: Sequence[Anchor]) -> tuple[float, float]:
    """(perplexity with the adapter / without, mean KL(base || adapter) in nats per token).

    The KL is over the base's likeliest tokens, with all others merged into one.
    """
    change = kl = 0.0
    tokens = 0
    for anchor in anchors:
        logprobs = model.next_logprobs(anchor.ids, adapter)
        change += anchor.logprob - text_logprob(anchor.ids, logprobs)
        kl += float(sparse_kl(logprobs, anchor.top_ids, anchor.top_logprobs)[:-1].sum())
        tokens += len(anchor.ids) - 1
    tokens = max(1, tokens)
    return math.exp(change / tokens), kl / tokens


@dataclass(frozen=True)
class ContextGain:
    """How many of so many in-context answers become right, and wrong, with the adapter on."""

    gained: int
    lost: int
    asked: int

    @property
    def share(self) -> float:
        """The change in the share of right answers."""
        return (self.gained - self.lost) / max(1, self.asked)

    @property
    def certainly_gained(self) -> bool:
        """Whether a sign test on the answers that changed shows a gain (McNemar 1947)."""
        return self._mostly(self.gained)

    @property
    def certainly_lost(self) -> bool:
        """Whether the same test shows a loss."""
        return self._mostly(self.lost)

    def _mostly(self, count: int) -> bool:
        changed = self.gained + self.lost
        return changed > 0 and lower_bound(count, changed, 1 - GATE.confidence) > 0.5


def _context_gain(
    model: LanguageModel,
    adapter: str,
    prompts: Prompts,
    rows: Sequence[Reading],
    context_tokens: int,
) -> ContextGain:
    """How in-context answers change when the adapter is switched on.

    The right answer is the pooled label, so an adapter gains where the base model misreads.
    """
    reader = SpanReader(model)
    gained = lost = 0
    for row in rows:
        shown = [one.text for one in excerpts(row.sentences)]
        prompt = prompts.with_context(row.question, shown, context_tokens)
        right = []
        for weights in (adapter, None):
            spans = reader.spans(prompt, row.question, row.sentences, weights)
            right.append(bool(spans) and is_answer_of(spans[0].text, row))
        gained += right[0] and not right[1]
        lost += right[1] and not right[0]
    return ContextGain(gained, lost, len(rows))


def _agreement(risk: RoutingRisk) -> dict[str, float]:
    """The agreement of the routed trials and its lower bound; nothing if none is routed."""
    if not risk.routed:
        return {}
    return {
        "agreement when routed": risk.right / risk.routed,
        "agreement at least": risk.at_least,
    }


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / max(1, len(values))


def _test(name: str, metrics: Mapping[str, float], limit: float, *, at_least: bool) -> GateTest:
    value = metrics[name]
    passed = value >= limit if at_least else value <= limit
    return GateTest(name, value, limit, passed)
