"""Calibrating the reader: what its probabilities mean, on questions that it was not trained on.

Documents set aside are ingested together with all others of their kind, so that each question meets
the distractors that a user's would, and is asked beside questions that were written on others.
From what the reader makes of every question come the limits that tell a phrase from a quotation and
from not knowing. Knows no training.
"""

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.probes import evenly
from benchmarks.reader.lessons import PASSAGES, Source, sources
from benchmarks.reader.material import Asked, Document
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains, exact_match
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.generation.quoting import Quoter, choose
from ragcl.generation.reading import Outlook, Reader
from ragcl.generation.recipe import QUOTING
from ragcl.models.trained_reader import Forms
from ragcl.text.answers import compatible

RATES = (0.01, 0.02, 0.05, 0.1, 0.2)  # of false abstentions, for which limits are kept
STRANGE = 0.02  # of questions about quite other things: so many are answered all the same
LOOK_AGAIN = 0.0  # nats of not knowing, below which no limit is
A_KIND = 100  # questions of one kind of document that are asked at most
UNRELATED = 30  # questions of other kinds that are asked of each
CONTEXT_TOKENS = 900


@dataclass(frozen=True)
class Look:
    """What the reader made of one question that was set aside, a second look included.

    `found` says whether the text of the right answer is among the sentences shown, and `related`
    whether the question is about these documents at all.
    """

    kind: str
    asked: Asked
    outlook: Outlook
    ranked: list[Sentence]
    found: bool
    related: bool = True

    @property
    def form(self) -> str:
        """The form of the right answer."""
        return "phrase" if self.asked.phrase else "quotation" if self.asked.quotes else "none"


def looks(
    model: LanguageModel,
    kinds: dict[str, list[Document]],
    others: dict[str, list[Document]],
    folder: Path,
) -> list[Look]:
    """What a reader makes of questions on documents of some kinds, set among others."""
    found = []
    for kind, documents in kinds.items():
        own = sources([(f"{kind}-aside", documents)], 0)
        beside = sources([(kind, others.get(kind, []))], 0)
        strange = [
            replace(asked, section=-1, phrase="", quotes=())
            for other, some in kinds.items()
            if other != kind
            for document in some
            for asked in document.asked
            if asked.section >= 0
        ]
        found += _looks(model, kind, own, beside, evenly(strange, UNRELATED), folder / kind)
    return found


def _looks(
    model: LanguageModel,
    kind: str,
    own: Sequence[Source],
    beside: Sequence[Source],
    strange: Sequence[Asked],
    folder: Path,
) -> Iterable[Look]:
    for source in [*own, *beside]:
        path = folder / "docs" / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.text, encoding="utf-8")
    pairs: list[tuple[Source | None, Asked]] = [
        *evenly([(source, asked) for source in own for asked in source.document.asked], A_KIND),
        *((None, asked) for asked in strange),
    ]
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(folder / "docs")
        questions = [asked.question for _, asked in pairs]
        retrievals = kb._retriever.retrieve(questions, PASSAGES)
        reader = Reader(model, kb._narrower, CONTEXT_TOKENS)
        ranked = reader.rank(questions, retrievals)
    for (source, asked), retrieval, sentences in zip(pairs, retrievals, ranked, strict=True):
        path = source.path if source else None
        mine = {h.content_hash for h in retrieval.hits if h.source == path}
        shown = reader.fitting(sentences)
        texts = [one.text for one in shown if one.content_hash in mine]
        wanted = asked.phrase.split("\n") if asked.phrase else asked.quotes
        outlook = reader.look(asked.question, retrieval, shown)
        if outlook.asks_for_sentences(reader.forms) and outlook.not_knowing() > LOOK_AGAIN:
            more = reader.fitting(sentences, QUOTING.shown_tokens)
            again = reader.look(asked.question, retrieval, more).not_knowing()
            less = min(0.0, again - outlook.not_knowing())
            outlook = replace(outlook, unknown=outlook.unknown + less)
        yield Look(
            kind,
            asked,
            outlook,
            sentences,
            any(contains(text, [one]) for text in texts for one in wanted if one),
            source is not None,
        )


def calibrated(rows: Sequence[Look]) -> Forms:
    """The limits by which most forms are right, and those for rates of false abstention."""
    known = [one for one in rows if one.form != "none"]
    gains = sorted(one.outlook.quote - one.outlook.phrase for one in known)
    # As many of either kind: how often people ask for sentences is not known.
    quote = max(
        gains,
        key=lambda limit: sum(
            statistics.mean(
                (one.outlook.quote - one.outlook.phrase > limit) == (form == "quotation")
                for one in known
                if one.form == form
            )
            for form in ("phrase", "quotation")
        ),
    )
    kinds = sorted({one.kind for one in rows})
    unknown = [[one.outlook.not_knowing() for one in known if one.kind == kind] for kind in kinds]
    limits = tuple(
        (rate, max(float(np.quantile(some, 1 - rate)) for some in unknown)) for rate in RATES
    )
    strange = [one.outlook.not_knowing() for one in rows if not one.related]
    return Forms(float(quote), _sure(known), limits, float(np.quantile(strange, STRANGE)))


def _sure(known: Sequence[Look]) -> float:
    """The share among all spans from which on phrases are worth giving: most right, fewest wrong.

    A right one counts for as much as a wrong one against; kinds of documents count alike.
    """
    kinds: dict[str, list[tuple[float, bool]]] = {}
    for one in known:
        if one.form == "phrase" and one.outlook.reading is not None:
            answer = one.outlook.reading.answer
            right = any(compatible(answer, accepted) for accepted in one.asked.phrase.split("\n"))
            kinds.setdefault(one.kind, []).append((one.outlook.reading.trust, right))

    def worth(limit: float) -> float:
        return sum(
            sum(1 if right else -1 for trust, right in some if trust >= limit) / len(some)
            for some in kinds.values()
        )

    return float(max((n / 20 for n in range(20)), key=worth))


def auc(rows: Sequence[Look]) -> float:
    """How well not knowing tells what nothing answers from what something does: area under ROC."""
    values: dict[bool, list[float]] = {True: [], False: []}
    for one in rows:
        values[one.form == "none"].append(one.outlook.not_knowing())
    nothing, something = np.array(values[True]), np.array(values[False])
    return float((nothing[:, None] > something[None]).mean())


def scores(model: LanguageModel, rows: Sequence[Look], forms: Forms) -> dict[str, float]:
    """What the reader is worth on questions set aside, by kind of document and in all."""
    started = time.time()
    found: dict[str, float] = {}
    quoter = Quoter(model, Prompts.of(model))
    for kind in sorted({one.kind for one in rows}):
        strange = [one for one in rows if one.kind == kind and not one.related]
        some = [one for one in rows if one.kind == kind and one.related]
        phrases = [one for one in some if one.form == "phrase"]
        read = [one.outlook.reading.answer if one.outlook.reading else "" for one in phrases]
        accepted = [one.asked.phrase.split("\n") for one in phrases]
        shown = [one.found for one in phrases]
        right = [contains(a, b) for a, b in zip(read, accepted, strict=True)]
        exact = [exact_match(a, b) for a, b in zip(read, accepted, strict=True)]
        found |= {
            f"{kind}: phrases contained": statistics.mean(right),
            f"{kind}: phrases exact": statistics.mean(exact),
            f"{kind}: phrases shown": statistics.mean(shown),
            f"{kind}: contained where shown": statistics.mean(
                one for one, seen in zip(right, shown, strict=True) if seen
            ),
            f"{kind}: AUC of not knowing": auc(some),
            f"{kind}: unrelated abstained": statistics.mean(
                one.outlook.form(forms, forms.limit(0.05)) == "none" for one in strange
            ),
        }
        for form in ("phrase", "quotation", "none"):
            asked = [one for one in some if one.form == form]
            if asked:
                taken = [one.outlook.form(forms, forms.limit(0.05)) for one in asked]
                found[f"{kind}: {form} as such"] = statistics.mean(one == form for one in taken)
                found[f"{kind}: {form} abstained"] = statistics.mean(one == "none" for one in taken)
        quoted = [one for one in some if one.form == "quotation"][:40]
        if quoted:
            words, recall = [], []
            for one in quoted:
                weights, _ = quoter.weigh(one.asked.question, one.ranked)
                text = " ".join(sentence.text for sentence in choose(weights))
                words.append(len(text.split()))
                recall.append(statistics.mean(_within(text, quote) for quote in one.asked.quotes))
            found[f"{kind}: sentences quoted"] = statistics.mean(recall)
            found[f"{kind}: words quoted"] = statistics.mean(words)
    found["seconds"] = round(time.time() - started)
    return {name: round(value, 3) for name, value in found.items()}


def _within(text: str, quote: str) -> bool:
    return " ".join(quote.split()) in " ".join(text.split())
