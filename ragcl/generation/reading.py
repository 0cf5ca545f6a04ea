"""Extractive reading: narrow the passages to sentences, then choose the likeliest span.

Knows no route and no log.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcl.catalog.passage import Passage
from ragcl.catalog.stored_reading import StoredReading, StoredSentence
from ragcl.files.digests import digest
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import (
    Narrower,
    Sentence,
    excerpts,
    fitting,
    sentences_of,
    word_shares,
)
from ragcl.generation.prompts import Prompts
from ragcl.generation.recipe import READING
from ragcl.generation.scoring import Prompt
from ragcl.generation.spans import Span, SpanReader
from ragcl.models.trained_reader import Forms
from ragcl.once import once
from ragcl.results import Form
from ragcl.search.embedder import Embedder
from ragcl.search.retrieval import Retrieval
from ragcl.text.answers import holds, same
from ragcl.text.languages import asks_to_explain
from ragcl.text.recipe import TEXT
from ragcl.text.sentences import split_sentences
from ragcl.text.several import asks_for_several

if TYPE_CHECKING:
    import torch

NEVER = -1e3  # nats of what is impossible; finite, since JSON has no infinity
VERSION = "19"  # of this code: raised when it reads the same question differently


@dataclass(frozen=True)
class Reading:
    """The answer that the model read for one question: an answer to a user, or a study row.

    - `content_hash`: the chunk that holds the answer.
    - `ids`: its `n` tokens; `logprob`: their mean log-probability, with the end token.
    - `top_ids`, `top_logprobs`, `(n + 1, k)`: soft labels, the model's likeliest tokens at each.
    - `trust` in [0, 1]: the posterior share of the answer among all spans.
    - `candidates`: the likeliest spans, each with its share.
    - `sentences`: the sentences in the prompt, the best last.
    - `vector`, `(dim,) float32`: the question's embedding; `found`: the retrieved chunks, the best
      first; `score` and `margin`: the first one's cosine, and its lead in fused score.
    - `written`: whether a teacher wrote the question, and no user asked it.
    - `found_again`: whether the question in brief gets the same answer; None if not asked.
    """

    question: str
    answer: str
    content_hash: str
    ids: tuple[int, ...]
    logprob: float
    top_ids: "torch.Tensor"
    top_logprobs: "torch.Tensor"
    trust: float
    sentences: tuple[Sentence, ...]
    vector: np.ndarray
    found: tuple[str, ...]
    score: float
    margin: float
    written: bool = False
    candidates: tuple[tuple[str, float], ...] = ()
    found_again: bool | None = None

    def holds(self, sentence: Sentence) -> bool:
        """Whether a sentence is of the answer's chunk and holds the answer."""
        return sentence.content_hash == self.content_hash and self.answer in sentence.text

    def stored(self) -> StoredReading:
        """The reading for the catalog, with rounded figures."""
        return StoredReading(
            **{name: getattr(self, name) for name in _PLAIN},
            ids=list(self.ids),
            found=list(self.found),
            candidates=[(text, round(share, 4)) for text, share in self.candidates],
            top_ids=self.top_ids.tolist(),
            top_logprobs=[[round(x, 3) for x in row] for row in self.top_logprobs.tolist()],
            sentences=[
                StoredSentence(**{**vars(one), "score": round(one.score, 4)})
                for one in self.sentences
            ],
            vector=[round(float(x), 6) for x in self.vector],
        )

    @classmethod
    def of(cls, stored: StoredReading) -> "Reading":
        """The reading that was stored."""
        import torch

        return cls(
            **{name: getattr(stored, name) for name in _PLAIN},
            ids=tuple(stored.ids),
            found=tuple(stored.found),
            top_ids=torch.tensor(stored.top_ids),
            top_logprobs=torch.tensor(stored.top_logprobs),
            sentences=tuple(Sentence(*one) for one in stored.sentences),
            vector=np.array(stored.vector, np.float32),
            candidates=tuple((text, share) for text, share in stored.candidates),
        )


_PLAIN = (
    *("question", "answer", "content_hash", "logprob", "trust", "score", "margin"),
    *("written", "found_again"),
)


@dataclass(frozen=True)
class Outlook:
    """The possible answers of a reader to one question: the best phrase, and the forms.

    `phrase`, `quote` and `unknown` are log-probabilities (nats) of any scored phrase, of the start
    of a quotation, and of the abstention. The last two are meaningful only for a model that was
    trained to read. `prompt_tokens` is the length of all its prompts. `several`: the question asks
    for several things, or compares rows of a table. `alone`: the log-odds (nats) of the abstention
    against the phrase where its sentence is shown alone; None if it was not. Beside a sentence that
    names what is asked about, a reader takes a phrase for the answer that says it of something
    else. `looked_up`: the phrase is a value found by table lookup, with any weights.
    """

    reading: Reading | None
    phrase: float
    quote: float
    unknown: float
    prompt_tokens: int
    several: bool = False
    alone: float | None = None
    looked_up: bool = False

    def form(self, forms: Forms, limit: float) -> Form:
        """The form that the answer should take.

        Args:
            forms: the thresholds of this reader.
            limit: the threshold of `not_knowing`, in nats, above which it abstains.
        """
        if self.not_knowing() > limit:
            return "none"
        return "quotation" if self.asks_for_sentences(forms) else "phrase"

    def asks_for_sentences(self, forms: Forms) -> bool:
        """Whether the question should be answered by sentences, and not by a phrase.

        The threshold was set on questions in English. In another language the question word tells,
        if it can.
        """
        if self.several:
            return True
        told = None if self.reading is None else asks_to_explain(self.reading.question)
        return self.quote - self.phrase > forms.quote if told is None else told

    def not_knowing(self) -> float:
        """The log-odds (nats) of the abstention against any answer, the mean of both looks."""
        beside = self.unknown - _log_sum([self.phrase, self.quote])
        return beside if self.alone is None else (beside + self.alone) / 2


class Reader:
    """Reads the answer to a question from its retrieved passages."""

    def __init__(
        self, model: LanguageModel, narrower: Narrower | None, context_tokens: int
    ) -> None:
        """Without a narrower it reads given sentences alone."""
        self._model = model
        self._narrower = narrower
        self._context_tokens = context_tokens
        self._spans = SpanReader(model)

    def teacher(self, embedder: Embedder | None) -> str:
        """Models, version and recipes: readings of different teachers are not mixed.

        The embedder decides what is read, and its vectors are a part of a reading.
        """
        files = self._model.files
        found_by = embedder.name if embedder else ""
        return f"{files.name}@{files.revision}/{found_by}/{VERSION}-{digest(READING, TEXT)}"

    @once
    def prompts(self) -> Prompts:
        """The prompts of its model."""
        return Prompts.of(self._model)

    def rank(
        self, questions: Sequence[str], retrievals: Sequence[Retrieval]
    ) -> list[list[Sentence]]:
        """All sentences of the passages found for each question, the best last."""
        assert self._narrower is not None
        return self._narrower.rank(questions, retrievals)

    def fitting(
        self, ranked: Sequence[Sentence], tokens: int = READING.shown_tokens
    ) -> list[Sentence]:
        """The best of ranked sentences that fit into a prompt."""
        return fitting(ranked, tokens, self.prompts.count_tokens)

    def prompt(self, question: str, sentences: Sequence[Sentence]) -> Prompt:
        """The prompt that shows these sentences."""
        texts = [one.text for one in excerpts(sentences)]
        return self.prompts.with_context(question, texts, self._context_tokens)

    def read(
        self,
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> Reading | None:
        """The reading of the best span; None if no span could be an answer."""
        return self.first_look(question, retrieval, sentences, adapter).reading

    def look_again(self, outlook: Outlook, forms: Forms) -> Outlook:
        """The outlook with `alone`, where a phrase may be the answer and the reader may abstain."""
        reading = outlook.reading
        if reading is None or outlook.looked_up or not forms.tells_unknown:
            return outlook
        if outlook.asks_for_sentences(forms):
            return outlook
        shown = [one for one in reading.sentences if reading.holds(one)][-1:]
        prompt = self.prompt(reading.question, shown)
        return replace(
            outlook,
            alone=self._spans.not_knowing(prompt, reading.answer, reading.ids),
            prompt_tokens=outlook.prompt_tokens + len(prompt.ids),
        )

    def likelihood(
        self, question: str, passage: Passage, asked: str, answer: str
    ) -> tuple[float, int] | None:
        """How likely a passage's answer to the question `asked` is as the answer to another one.

        The base model is shown the sentence that holds the answer, alone: of those that do, the one
        with most words of `asked`.

        Returns:
            The log-probability (nats) of the answer, and the length of the prompt; None if no
            sentence holds it.
        """
        every = sentences_of(passage)
        held = [one for one in every if holds(one.text, answer)]
        if not held:
            return None
        shares = word_shares(asked, [one.text for one in held], [""] * len(held))
        best = max(zip(shares, held, strict=True), key=lambda pair: pair[0])[1]
        shown = [one for one in every if one.place in (best.header, best.place)]
        prompt = self.prompt(question, shown)
        return self._spans.span(prompt, answer, 0).logprob, len(prompt.ids)

    def first_look(
        self,
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> Outlook:
        """The best span of the sentences, and how likely it is that no span answers."""
        several = asks_for_several(question) or any(one.compared for one in sentences[-1:])
        looked_up = [one for one in sentences if one.value]
        if looked_up:
            reading = self.given(question, retrieval, looked_up, looked_up[0].value)
            tokens = len(self.prompt(question, looked_up).ids)
            return Outlook(reading, 0.0, NEVER, NEVER, tokens, several, looked_up=True)
        prompt = self.prompt(question, sentences)
        weighed = self._spans.weigh(prompt, question, sentences, adapter)
        spans = weighed.spans
        reading = None
        if spans:
            best = spans[0]
            if not best.spelt:  # what is learned is written as in the text
                best = self._spans.span(prompt, best.text, best.sentence)
            reading = self._reading(question, retrieval, sentences, best, spans)
        return Outlook(
            reading,
            _log_sum([one.logprob for one in spans]),
            weighed.quote,
            weighed.unknown,
            len(prompt.ids),
            several,
        )

    def best_span(self, question: str, sentences: Sequence[Sentence]) -> str | None:
        """The text of the best span of given sentences; None if there is none."""
        spans = self._spans.spans(self.prompt(question, sentences), question, sentences)
        return spans[0].text if spans else None

    def given(
        self, question: str, retrieval: Retrieval, sentences: Sequence[Sentence], answer: str
    ) -> Reading | None:
        """The reading of a given answer; None if no hit holds it."""
        shown = list(sentences)
        if not _places(shown, answer):
            shown += [
                Sentence(text, hit.content_hash, retrieval.calibration.passages(hit.score))
                for hit in retrieval.hits
                for text in split_sentences(hit.text)
                if holds(text, answer)
            ][:1]
        places = _places(shown, answer)
        if not places:
            return None
        span = self._spans.span(self.prompt(question, shown), answer.strip(), places[-1])
        return self._reading(question, retrieval, shown, span, [span])

    def put(self, reading: Reading, answer: str) -> Reading:
        """The reading with another answer; unchanged if no sentence holds it.

        Tokens are read again if they do not spell the answer: they may include a final full stop.
        Whether it is found again is unknown of another answer.
        """
        places = _places(reading.sentences, answer)
        if not places or self._model.tokenizer.decode(reading.ids).strip() == answer:
            return reading
        prompt = self.prompt(reading.question, reading.sentences)
        span = self._spans.span(prompt, answer, places[-1])
        found_again = reading.found_again if same(reading.answer, answer) else None
        return replace(reading, **_span_fields(span), found_again=found_again)

    @staticmethod
    def _reading(
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        best: Span,
        spans: Sequence[Span],
    ) -> Reading:
        return Reading(
            **_span_fields(best),
            question=question,
            content_hash=sentences[best.sentence].content_hash,
            trust=_trust(spans),
            candidates=_shares(spans),
            sentences=tuple(sentences),
            vector=retrieval.vector,
            found=retrieval.found,
            score=retrieval.hits[0].score,
            margin=retrieval.margin,
        )


def _places(sentences: Sequence[Sentence], answer: str) -> list[int]:
    """The indices of the sentences that hold an answer."""
    return [i for i, one in enumerate(sentences) if holds(one.text, answer)]


def _span_fields(span: Span) -> dict[str, Any]:
    """The fields of a reading that come from its span."""
    top = span.logprobs.topk(min(READING.soft_labels, span.logprobs.shape[-1]), dim=-1)
    return {
        "answer": span.text,
        "ids": span.ids,
        "logprob": span.logprob / (len(span.ids) + 1),
        "top_ids": top.indices.cpu(),
        "top_logprobs": top.values.cpu(),
    }


def _shares(spans: Sequence[Span]) -> tuple[tuple[str, float], ...]:
    """The likeliest spans, each with its posterior share among all."""
    weights = [math.exp(span.score - spans[0].score) for span in spans]
    total = sum(weights)
    return tuple(
        (span.text, weight / total)
        for span, weight in zip(spans[: READING.candidates], weights, strict=False)
    )


def _log_sum(logprobs: Sequence[float]) -> float:
    """The log of the sum of probabilities given as logs."""
    top = max(logprobs, default=NEVER)
    if top <= NEVER:
        return NEVER
    return top + math.log(sum(math.exp(one - top) for one in logprobs))


def _trust(spans: Sequence[Span]) -> float:
    """The posterior share of the best answer, including longer spans that hold it."""
    top = spans[0].score
    total = sum(math.exp(span.score - top) for span in spans)
    same = sum(math.exp(span.score - top) for span in spans if holds(span.text, spans[0].text))
    return same / total
