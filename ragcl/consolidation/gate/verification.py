"""Verification: what does a candidate adapter know, and what did it cost?

What it was trained on is proved by what it writes, in two wordings. Questions that were never
trained on are recalled, as they will be served, and compared with the in-context answer, chunk by
chunk; so are near misses, to which no answer was taught; then drift on anchors, and whether answers
with context changed. From this come the proofs, the trials on which the thresholds of the router
are set, and the verdict of the gate. Trains nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragcl.catalog.learning import LearnedQuestion
from ragcl.consolidation.gate.near_misses import NearMiss
from ragcl.consolidation.gate.thresholds import SIMILARITY, Trial, calibrate
from ragcl.consolidation.recipe import GATE
from ragcl.consolidation.study.forms import says
from ragcl.consolidation.training.anchors import Anchor, text_logprob
from ragcl.consolidation.training.distillation import sparse_kl
from ragcl.files.digests import digest
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.narrowing import excerpts
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading
from ragcl.generation.recall import likelihood_alone, recall
from ragcl.generation.recipe import ROUTING
from ragcl.generation.routing import BOTH
from ragcl.generation.spans import SpanReader
from ragcl.results import RoutingRisk
from ragcl.settings import ConsolidationSettings
from ragcl.text.answers import canonical, same
from ragcl.text.rewording import BRIEFLY, POLITELY, rewordings

VERSION = "2"  # of the code: raised whenever it gives thresholds and proofs another meaning


@dataclass(frozen=True)
class Verdict:
    """What verification found.

    `questions` carry the proofs; `thresholds` are the router's, by feature, and `risk` is what
    they leave; each entry of `gate` has the test's `name`, `value` and `limit`, and whether it
    `passed`.
    """

    questions: tuple[LearnedQuestion, ...]
    thresholds: dict[str, float]
    metrics: dict[str, float]
    gate: tuple[dict[str, Any], ...]
    risk: RoutingRisk

    @property
    def passed(self) -> bool:
        """Whether every test of the gate was passed."""
        return all(test["passed"] for test in self.gate)

    @property
    def only_drifted(self) -> bool:
        """Whether drift is the one thing wrong, so that a smaller scale may mend it."""
        return {test["name"] for test in self.gate if not test["passed"]} == {"perplexity ratio"}


def tested_as() -> str:
    """What thresholds and proofs mean now: an adapter tested as another is tested again."""
    return f"{VERSION}-{digest(GATE, ROUTING)}"


def verify(
    model: LanguageModel,
    adapter: str,
    trained: Sequence[Reading],
    held_out: Sequence[Reading],
    reworded: Sequence[Reading],
    near_misses: Sequence[NearMiss],
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
        reworded: where they are few, other wordings of what was trained, to be asked beside them.
        near_misses: questions about the same chunks to which no answer was taught.
        anchors: texts that were not trained on.
        chunks: the content hashes that it is to hold.
        settings: the limits of the gate.
        context_tokens: the budget of a prompt with context.
        progress: called with (questions done, questions in all).
    """
    prompts = Prompts.of(model)
    polite = _reworded(trained, POLITELY)
    unseen = [*held_out, *reworded]
    shown = [*held_out, *(trained if reworded else ())]
    not_taught: list[Reading | NearMiss] = [*unseen, *near_misses]
    asked = {one.question: one for one in not_taught}
    questions_in_all = 3 * len(trained) + len(asked)
    done = 0

    def answered(count: int) -> None:
        nonlocal done
        done += count
        progress(done, questions_in_all)

    def right(rows: Sequence[Reading]) -> list[bool]:
        """Whether the adapter writes the answers of rows when it is asked their questions."""
        written = model.generate(
            [prompts.closed_book(row.question) for row in rows],
            adapter=adapter,
            max_new_tokens=GATE.answer_tokens,
            progress=answered,
        )
        return [says(one.text, row) for one, row in zip(written, rows, strict=True)]

    proofs = _proofs(trained, polite, right)
    answered(3 * len(trained) - done)  # what did not have to be asked
    learned = Learned(trained, proofs)
    recalled = recall(
        model,
        [prompts.closed_book(question) for question in asked],
        [likelihood_alone(learned.taught(one)) for one in asked.values()],
        adapter=adapter,
        progress=answered,
    )
    said = dict(zip(asked, recalled, strict=True))
    trials = [learned.trial(one, said[one.question], one.answer) for one in unseen]
    agreed = [trial.agreed for trial in trials]
    near = [learned.trial(one, said[one.question], None) for one in near_misses]
    thresholds, risk = calibrate(trials, near, settings.agreement)
    questions = [
        LearnedQuestion(row.content_hash, row.question, row.answer, row.vector, row.margin, proof)
        for row, proof in [
            *zip(trained, proofs, strict=True),
            *zip(held_out, agreed, strict=False),
        ]
    ]
    proved = {question.content_hash for question in questions if question.proved}
    ratio, kl = drift(model, adapter, anchors)
    gain = _context_gain(model, adapter, prompts, shown[: GATE.context_sample], context_tokens)
    metrics = {
        "closed-book agreement": _mean(agreed),
        "proved chunks": len(proved.intersection(chunks)) / max(1, len(chunks)),
        "proved questions": _mean(proofs),
        "routed to weights": risk.routed / max(1, risk.trials),
        "agreement when routed": risk.right / max(1, risk.routed),
        "agreement at least": risk.at_least,
        "near misses let through": risk.let_through / max(1, risk.near_misses),
        "perplexity ratio": ratio,
        "KL on anchors": kl,
        "context answers gained": gain,
    }
    gate = (
        _test("proved chunks", metrics, settings.min_proved, at_least=True),
        _test("closed-book agreement", metrics, settings.min_agreement, at_least=True),
        _test("perplexity ratio", metrics, settings.max_perplexity_ratio, at_least=False),
        _test("context answers gained", metrics, -settings.max_context_loss, at_least=True),
    )
    return Verdict(tuple(questions), thresholds | {BOTH: gain}, metrics, gate, risk)


def _reworded(rows: Sequence[Reading], way: int) -> list[Reading]:
    """The rows with their questions asked in another way."""
    return [replace(row, question=rewordings(row.question)[way]) for row in rows]


def _proofs(
    trained: Sequence[Reading],
    polite: Sequence[Reading],
    right: Callable[[Sequence[Reading]], list[bool]],
) -> list[bool]:
    """A learned question is proved if it and a rewording of it are answered as in context.

    Only where the polite one is not known is it asked in brief as well. A rewording that is a
    question trained on, as that of one which was brief already, proves nothing.
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
    """What an adapter was trained on, as the router will see it."""

    def __init__(self, trained: Sequence[Reading], proofs: Sequence[bool]) -> None:
        self._trained = trained
        self._proofs = proofs

    def taught(self, asked: Reading | NearMiss) -> list[str]:
        """The answers that may be recalled: those about the passages that a question finds.

        That to the question which is most like it comes first.
        """
        rows = [row for row in self._trained if row.content_hash in asked.found]
        return [
            row.answer for row in sorted(rows, key=lambda row: -float(row.vector @ asked.vector))
        ]

    def trial(self, asked: Reading | NearMiss, answer: Completion, right: str | None) -> Trial:
        """How the router meets a question that was not trained on.

        `right` is the in-context answer; None where whatever the weights say is wrong.
        """
        about = [
            (float(row.vector @ asked.vector), i)
            for i, row in enumerate(self._trained)
            if row.content_hash == asked.found[0]
        ]
        cosine, nearest = max(about, default=(-1.0, None))
        return Trial(
            fact=_fact(asked),
            eligible=nearest is not None
            and self._proofs[nearest]
            and says(answer.text, self._trained[nearest]),
            features={
                "confidence": answer.logprob,
                "margin": asked.margin,
                "score": asked.score,
                SIMILARITY: cosine,
            },
            agreed=right is not None and _as_read(answer.text, right, asked),
        )


def _fact(asked: Reading | NearMiss) -> str:
    """What a question is about: another wording of it tells nothing that is independent."""
    if isinstance(asked, NearMiss):
        return asked.question
    return f"{asked.content_hash} {canonical(asked.answer)}"


def _as_read(text: str, right: str, asked: Reading | NearMiss) -> bool:
    if isinstance(asked, NearMiss):
        return same(text, right)
    return says(text, replace(asked, answer=right))


def drift(model: LanguageModel, adapter: str, anchors: Sequence[Anchor]) -> tuple[float, float]:
    """(perplexity with an adapter / without, mean KL from the base in nats a token).

    The divergence takes the base's likeliest tokens one by one and all others as one.
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


def _context_gain(
    model: LanguageModel,
    adapter: str,
    prompts: Prompts,
    rows: Sequence[Reading],
    context_tokens: int,
) -> float:
    """How many more answers, as a share, are read as they were taught with the adapter on.

    What was taught was borne out by all wordings, so an adapter that is right where the base model
    misreads gains by it.
    """
    reader = SpanReader(model)
    gain = 0
    for row in rows:
        shown = [one.text for one in excerpts(row.sentences)]
        prompt = prompts.with_context(row.question, shown, context_tokens)
        for weights, part in ((adapter, 1), (None, -1)):
            spans = reader.spans(prompt, row.question, row.sentences, weights)
            gain += part * (bool(spans) and says(spans[0].text, row))
    return gain / max(1, len(rows))


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / max(1, len(values))


def _test(
    name: str, metrics: Mapping[str, float], limit: float, *, at_least: bool
) -> dict[str, Any]:
    value = metrics[name]
    passed = value >= limit if at_least else value <= limit
    return {"name": name, "value": value, "limit": limit, "passed": passed}
