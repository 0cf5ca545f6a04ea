"""Calibrating the reader: what its probabilities mean, on questions that it was not trained on.

Documents set aside are ingested together with all others of their kind, so that each question meets
the distractors that a user's would, and is asked beside questions that were written on others.
From what the reader makes of every question come the limits that tell a phrase from a quotation and
from not knowing. Knows no training.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.probes import evenly
from benchmarks.reader.lessons import PASSAGES, Source, sources
from benchmarks.reader.material import Asked, Document
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains, exact_match
from ragcl.generation.calibrating import CONTEXT_TOKENS, Judged, Question
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.generation.quoting import Quoter, choose
from ragcl.generation.recipe import QUOTING, READING
from ragcl.models.trained_reader import Forms
from ragcl.results import Form
from ragcl.search.retrieval import Retrieval

LOOK_AGAIN = 0.0  # nats of not knowing, below which no limit is
A_KIND = 100  # questions of one kind of document that are asked at most
PACKAGED = 30  # of them that come with the package
UNRELATED = 30  # questions of other kinds that are asked of each


@dataclass(frozen=True)
class Look(Judged):
    """What the reader made of one question that was set aside, a second look included.

    `found` says whether the text of the right answer is among the sentences shown.
    """

    asked: Asked
    ranked: list[Sentence]
    found: bool


@dataclass(frozen=True)
class _Found:
    """A question with what was found for it; `own` are the passages of its document."""

    kind: str
    asked: Asked
    related: bool
    retrieval: Retrieval
    ranked: list[Sentence]
    own: frozenset[str]


def looks(
    model: LanguageModel,
    kinds: dict[str, list[Document]],
    others: dict[str, list[Document]],
    folder: Path,
) -> list[Look]:
    """What a reader makes of questions on documents of some kinds, set among others."""
    reader = JudgingReader(model, None, CONTEXT_TOKENS)
    return [_look(reader, one) for one in _found(kinds, others, folder, A_KIND, UNRELATED)]


def package_questions(
    model: LanguageModel,
    kinds: dict[str, list[Document]],
    others: dict[str, list[Document]],
    folder: Path,
) -> list[Question]:
    """The questions that come with the package, for models without a trained reader."""
    reader = JudgingReader(model, None, CONTEXT_TOKENS)
    return [
        Question(
            one.kind,
            one.asked.question,
            form_of(one.asked),
            _accepted(one.asked),
            one.related,
            # More than is shown, since other models need fewer tokens for as much.
            tuple(reader.fitting(one.ranked, 2 * READING.shown_tokens)),
        )
        for one in _found(kinds, others, folder, PACKAGED, PACKAGED // 5)
    ]


def _found(
    kinds: dict[str, list[Document]],
    others: dict[str, list[Document]],
    folder: Path,
    a_kind: int,
    unrelated: int,
) -> Iterator[_Found]:
    """At most `a_kind` questions of each kind, and `unrelated` ones of the other kinds."""
    for kind, documents in kinds.items():
        own = sources([(f"{kind}-aside", documents)], 0)
        strange = [
            replace(asked, section=-1, phrase="", quotes=())
            for other, some in kinds.items()
            if other != kind
            for document in some
            for asked in document.asked
            if asked.section >= 0
        ]
        for source in [*own, *sources([(kind, others.get(kind, []))], 0)]:
            path = folder / kind / "docs" / source.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.text, encoding="utf-8")
        pairs: list[tuple[Source | None, Asked]] = [
            *evenly([(one, asked) for one in own for asked in one.document.asked], a_kind),
            *((None, asked) for asked in evenly(strange, unrelated)),
        ]
        with KnowledgeBase.open(folder / kind / "kb") as kb:
            kb.ingest(folder / kind / "docs")
            questions = [asked.question for _, asked in pairs]
            retrievals = kb._retriever.retrieve(questions, PASSAGES)
            ranked = kb._narrower.rank(questions, retrievals)
        for (source, asked), retrieval, sentences in zip(pairs, retrievals, ranked, strict=True):
            path = source.path if source else None
            mine = frozenset(h.content_hash for h in retrieval.hits if h.source == path)
            yield _Found(kind, asked, source is not None, retrieval, sentences, mine)


def _look(reader: JudgingReader, one: _Found) -> Look:
    shown = reader.fitting(one.ranked)
    texts = [some.text for some in shown if some.content_hash in one.own]
    accepted = _accepted(one.asked)
    outlook = reader.look(one.asked.question, one.retrieval, shown)
    if outlook.asks_for_sentences(reader.forms) and outlook.not_knowing() > LOOK_AGAIN:
        more = reader.fitting(one.ranked, QUOTING.shown_tokens)
        again = reader.look(one.asked.question, one.retrieval, more).not_knowing()
        less = min(0.0, again - outlook.not_knowing())
        outlook = replace(outlook, unknown=outlook.unknown + less)
    return Look(
        one.kind,
        form_of(one.asked),
        accepted,
        one.related,
        outlook,
        one.asked,
        one.ranked,
        any(contains(text, [some]) for text in texts for some in accepted or one.asked.quotes),
    )


def _accepted(asked: Asked) -> tuple[str, ...]:
    """The phrases that are accepted."""
    return tuple(filter(None, asked.phrase.split("\n")))


def form_of(asked: Asked) -> Form:
    """The form of the right answer."""
    return "phrase" if asked.phrase else "quotation" if asked.quotes else "none"


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
        accepted = [one.answers for one in phrases]
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
