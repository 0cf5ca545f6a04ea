"""Reading an answer out of retrieved text: narrow to sentences, then pick the likeliest span.

A small model loses its way in long passages and rambles when it writes freely. So it is shown only
the sentences nearest to the question, the nearest last, and its answer is the piece of them that
it finds the likeliest to be the whole answer: nothing can be invented. Knows no route and no log.
"""

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcl.evaluation.metrics import contains, normalise
from ragcl.generation.language_model import LanguageModel, Prompt
from ragcl.generation.prompts import Prompts, answer_tokens
from ragcl.generation.scoring import Continuation, Fork
from ragcl.retrieval.embedder import Embedder
from ragcl.retrieval.retriever import Retrieval, Retrieved
from ragcl.retrieval.sentences import split_sentences

if TYPE_CHECKING:
    import torch

SENTENCES = 3  # what the default model reads best
STARTS = 12  # spans are scored from this many of the likeliest first words
SPAN_TOKENS = 12
NEARNESS = 10.0  # nats for a fit of one; these figures chosen on questions that are not tested on
WORDS = 0.5  # cosine for a sentence that holds every word of the question
HEADING = 0.5  # what a word is worth that stands in the heading of the sentence
KEPT_CHUNKS = 4096
TOP = 20  # soft labels a token; as good as the whole vocabulary (Cartridges, arXiv 2506.06266)
RECIPE = "7"  # raised whenever the same question would be read differently

_WORD = re.compile(r"(?<!\w)\w")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a chunk and how well it fits the question, in units of cosine similarity."""

    text: str
    content_hash: str
    score: float


class Narrower:
    """Finds the sentences of the hits that fit a question best, by meaning and by words.

    The vectors of a chunk's sentences are computed once and kept (by content, so never stale).
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: OrderedDict[str, tuple[list[str], np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def narrow(
        self, questions: Sequence[str], retrievals: Sequence[Retrieval], limit: int = SENTENCES
    ) -> list[list[Sentence]]:
        """The `limit` best sentences among each question's hits, the best last."""
        with self._lock:
            self._embed([hit for retrieval in retrievals for hit in retrieval.hits])
            return [
                self._best(question, retrieval, limit)
                for question, retrieval in zip(questions, retrievals, strict=True)
            ]

    def _best(self, question: str, retrieval: Retrieval, limit: int) -> list[Sentence]:
        found: dict[str, Sentence] = {}
        headings = []
        for hit in retrieval.hits:
            texts, vectors = self._kept[hit.chunk.content_hash]
            for text, score in zip(texts, vectors @ retrieval.vector, strict=True):
                if text not in found:
                    found[text] = Sentence(text, hit.chunk.content_hash, float(score))
                    headings.append(hit.chunk.heading)
        shares = _shares(question, list(found), headings)
        fits = [
            replace(sentence, score=sentence.score + WORDS * share)
            for sentence, share in zip(found.values(), shares, strict=True)
        ]
        return sorted(fits, key=lambda sentence: sentence.score)[-limit:]

    def _embed(self, hits: Sequence[Retrieved]) -> None:
        missing = {
            hit.chunk.content_hash: hit.chunk
            for hit in hits
            if hit.chunk.content_hash not in self._kept
        }
        split = {key: split_sentences(chunk.text) for key, chunk in missing.items()}
        texts = [f"{missing[key].heading}\n{text}" for key in split for text in split[key]]
        vectors = self._embedder.encode(texts)
        start = 0
        for key, sentences in split.items():
            self._kept[key] = (sentences, vectors[start : start + len(sentences)])
            start += len(sentences)
        for hit in hits:
            self._kept.move_to_end(hit.chunk.content_hash)
        needed = len({hit.chunk.content_hash for hit in hits})
        while len(self._kept) > max(KEPT_CHUNKS, needed):
            self._kept.popitem(last=False)


def _shares(question: str, sentences: Sequence[str], headings: Sequence[str]) -> list[float]:
    """How much of what a question's words weigh each sentence holds, in [0, 1].

    A word weighs the more, the fewer of these sentences hold it.
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
    whole = sum(weights.values()) or 1.0
    return [
        sum(w if s in h else HEADING * w for s, w in weights.items() if s in h or s in a) / whole
        for h, a in zip(held, above, strict=True)
    ]


def stems(text: str) -> set[str]:
    """Words without their endings, in any language near enough: long ones lose three letters."""
    return {word[: max(4, len(word) - 3)] for word in re.findall(r"\w+", text.lower())}


@dataclass(frozen=True)
class Span:
    """A piece of a sentence as an answer.

    `score` ranks the spans of one question; `logprob` is the log-probability (nats) that the model
    writes just this and stops; `ids` are the first `n` tokens of the `continuation` it was part of.
    """

    text: str
    sentence: int
    score: float
    logprob: float
    ids: tuple[int, ...]
    continuation: Continuation

    @property
    def logprobs(self) -> "torch.Tensor":
        """The model's at each of its tokens and the stop, `(n + 1, vocabulary) float32`."""
        return self.continuation.logprobs[: len(self.ids) + 1]


def continuation(
    model: LanguageModel, prompt: Prompt, text: str, *, adapter: str | None = None
) -> tuple[tuple[int, ...], Continuation]:
    """The tokens of one given answer, and how likely the prompt is to go on with them."""
    [tokens] = answer_tokens(model.tokenizer, [text])
    [[scored]] = model.continuations([Fork(prompt, [tokens.ids])], adapter=adapter, keep=1)
    return tokens.ids, scored


class SpanReader:
    """Answers from sentences with the span of them that the model finds likeliest."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def spans(
        self,
        prompt: Prompt,
        question: str,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> list[Span]:
        """Every span that was weighed, the best first.

        A span is as good as it is likely to be the whole answer and its sentence is near to the
        question. One that holds no word beyond those of the question says nothing: left out.
        """
        candidates = self._candidates([sentence.text for sentence in sentences])
        if not candidates:
            return []
        asked = set(content_words(question))
        nearness = [NEARNESS * sentences[one.sentence].score for one in candidates]
        best: dict[str, Span] = {}
        fork = Fork(prompt, [one.ids for one in candidates], nearness)
        [weighed] = self._model.continuations([fork], adapter=adapter, keep=STARTS)
        for scored in weighed:
            candidate = candidates[scored.candidate]
            for length, end in candidate.ends:
                text = candidate.text[:end].strip(" ,;:.\u2014-\"'")
                logprob = scored.stopped[length - 1]
                score = logprob + nearness[scored.candidate]
                if asked.issuperset(content_words(text)):
                    continue
                if text not in best or best[text].score < score:
                    ids = candidate.ids[:length]
                    best[text] = Span(text, candidate.sentence, score, logprob, ids, scored)
        return sorted(best.values(), key=lambda span: -span.score)

    def span(self, prompt: Prompt, text: str, sentence: int) -> Span:
        """A given text as the answer, found in the sentence with this number."""
        ids, scored = continuation(self._model, prompt, text)
        logprob = scored.stopped[-1]
        return Span(text, sentence, logprob, logprob, ids, scored)

    def _candidates(self, sentences: Sequence[str]) -> list["_Candidate"]:
        """Everything that starts at a word, with the lengths at which it may end."""
        texts, places = [], []
        for number, sentence in enumerate(sentences):
            for start in _WORD.finditer(sentence):
                texts.append(sentence[start.start() :][: SPAN_TOKENS * 6])
                places.append(number)
        found: dict[tuple[int, ...], _Candidate] = {}
        encoded = answer_tokens(self._model.tokenizer, texts)
        for text, number, tokens in zip(texts, places, encoded, strict=True):
            key = tokens.ids[:SPAN_TOKENS]
            ends = tuple(
                (length, end)
                for length, end in enumerate(tokens.ends[:SPAN_TOKENS], start=1)
                if end and not text[end : end + 1].isalnum()
            )
            if ends and key not in found:
                found[key] = _Candidate(text, number, key, ends)
        return list(found.values())


@dataclass(frozen=True)
class _Candidate:
    text: str
    sentence: int
    ids: tuple[int, ...]
    ends: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reading:
    """What the model read out of the text for one question, and how: an answer or a study row.

    `content_hash` is the chunk that the answer stands in; `ids` are its `n` tokens and `logprob`
    their mean log-probability, the stop included; the soft labels, `(n + 1, TOP)`, are the model's
    likeliest tokens at those places. `trust` in [0, 1] is the share of the answer among all spans.
    `sentences` is what was read, the best last.
    `written`: the question was written by a teacher and not asked by anybody.
    `vector`, `(dim,) float32`, is the question's; `found` are the chunks that were retrieved, the
    best first, and `score` and `margin` the first one's cosine and its fused lead.
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

    def to_json(self) -> dict[str, Any]:
        """The reading as plain data."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "ids": list(self.ids),
            "found": list(self.found),
            "written": self.written,
            "top_ids": self.top_ids.tolist(),
            "top_logprobs": [[round(x, 3) for x in row] for row in self.top_logprobs.tolist()],
            "sentences": [[s.text, s.content_hash, round(s.score, 4)] for s in self.sentences],
            "vector": [round(float(x), 6) for x in self.vector],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Reading":
        """The reading that `to_json` gave."""
        import torch

        return cls(
            **{name: values[name] for name in _PLAIN},
            ids=tuple(values["ids"]),
            found=tuple(values["found"]),
            top_ids=torch.tensor(values["top_ids"]),
            top_logprobs=torch.tensor(values["top_logprobs"]),
            sentences=tuple(Sentence(*sentence) for sentence in values["sentences"]),
            vector=np.array(values["vector"], np.float32),
            written=values.get("written", False),
        )


_PLAIN = ("question", "answer", "content_hash", "logprob", "trust", "score", "margin")


class Reader:
    """Reads the answer to a question out of what was retrieved for it."""

    def __init__(self, model: LanguageModel, narrower: Narrower, context_tokens: int) -> None:
        self._model = model
        self._narrower = narrower
        self._context_tokens = context_tokens
        self._spans = SpanReader(model)

    @property
    def teacher(self) -> str:
        """Who reads, and in which way: readings of two different teachers are not mixed."""
        return f"{self._model.files.name}@{self._model.files.revision}/{RECIPE}"

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts(self._model.tokenizer)

    def narrow(
        self, questions: Sequence[str], retrievals: Sequence[Retrieval]
    ) -> list[list[Sentence]]:
        """The sentences that are to be read for each question, the best last."""
        return self._narrower.narrow(questions, retrievals)

    def prompt(self, question: str, sentences: Sequence[Sentence]) -> Prompt:
        """The prompt that shows these sentences."""
        texts = [sentence.text for sentence in sentences]
        return self._prompts.with_context(question, texts, self._context_tokens)

    def read(
        self,
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> Reading | None:
        """The best span of the sentences; None where there is nothing that could be an answer."""
        spans = self._spans.spans(self.prompt(question, sentences), question, sentences, adapter)
        if not spans:
            return None
        return self._reading(question, retrieval, sentences, spans[0], _trust(spans))

    def given(
        self, question: str, retrieval: Retrieval, sentences: Sequence[Sentence], answer: str
    ) -> Reading | None:
        """The reading whose answer somebody vouches for; None if it stands in no hit."""
        shown = list(sentences)
        if not _places(shown, answer):
            shown += [
                Sentence(text, hit.chunk.content_hash, hit.score)
                for hit in retrieval.hits
                for text in split_sentences(hit.chunk.text)
                if contains(text, [answer])
            ][:1]
        places = _places(shown, answer)
        if not places:
            return None
        span = self._spans.span(self.prompt(question, shown), answer.strip(), places[-1])
        return self._reading(question, retrieval, shown, span, 1.0)

    def put(self, reading: Reading, answer: str) -> Reading:
        """The reading with its answer in this form; as it was if that stands in no sentence.

        What was read may end in the full stop behind it, which is no part of the answer.
        """
        places = _places(reading.sentences, answer)
        if not places or self._model.tokenizer.decode(reading.ids).strip() == answer:
            return reading
        prompt = self.prompt(reading.question, reading.sentences)
        return replace(reading, **_said(self._spans.span(prompt, answer, places[-1])))

    @staticmethod
    def _reading(
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        best: Span,
        trust: float,
    ) -> Reading:
        return Reading(
            **_said(best),
            question=question,
            content_hash=sentences[best.sentence].content_hash,
            trust=trust,
            sentences=tuple(sentences),
            vector=retrieval.vector,
            found=retrieval.found,
            score=retrieval.hits[0].score,
            margin=retrieval.margin,
        )


def _places(sentences: Sequence[Sentence], answer: str) -> list[int]:
    """The numbers of the sentences that hold an answer."""
    return [i for i, one in enumerate(sentences) if contains(one.text, [answer])]


def _said(span: Span) -> dict[str, Any]:
    """What a reading tells of its answer."""
    top = span.logprobs.topk(min(TOP, span.logprobs.shape[-1]), dim=-1)
    return {
        "answer": span.text,
        "ids": span.ids,
        "logprob": span.logprob / (len(span.ids) + 1),
        "top_ids": top.indices.cpu(),
        "top_logprobs": top.values.cpu(),
    }


def _trust(spans: Sequence[Span]) -> float:
    """The share of the best answer in the probability of all spans, longer variants included."""
    top = spans[0].score
    total = sum(math.exp(span.score - top) for span in spans)
    answer = f" {normalise(spans[0].text)} "
    same = sum(
        math.exp(span.score - top) for span in spans if answer in f" {normalise(span.text)} "
    )
    return same / total


_FUNCTION_WORDS = frozenset(
    "a an the of in on at to is are was were be for and or by with what which who whom whose when "
    "where how many much does do did it its as from that this there".split()
)


def content_words(text: str) -> list[str]:
    """The words of a text that carry meaning, in lower case and in their order."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _FUNCTION_WORDS]
