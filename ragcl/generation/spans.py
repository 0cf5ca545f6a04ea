"""Spans: the pieces of sentences that are the likeliest answers.

A span of the text cannot be invented. Knows no retrieval and no route.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import ABSTENTION, QUOTE, answer_tokens
from ragcl.generation.recipe import READING
from ragcl.generation.scoring import Continuation, Fork, Prompt
from ragcl.once import once
from ragcl.text.numerals import counts_on, leading_number, phone_numbers
from ragcl.text.scripts import PAUSES, STOPS, starts, with_sign, within
from ragcl.text.words import content_words

if TYPE_CHECKING:
    import torch

_LONGEST = READING.span_tokens * 6  # characters that may begin with a span
_AROUND = f" ,;:.\u2014-\"'{PAUSES}{STOPS}"  # ends no answer


@dataclass(frozen=True)
class Span:
    """A piece of a sentence as an answer.

    `score` is the unnormalised log-posterior (nats), `logprob` plus the log-prior of its sentence.
    `logprob` is the log-probability (nats) that the model writes just this and stops. `ids` are the
    first `n` tokens of the `continuation` that was scored; `spelt`: they spell the text, and not
    its number in other digits.
    """

    text: str
    sentence: int
    score: float
    logprob: float
    ids: tuple[int, ...]
    continuation: Continuation
    spelt: bool = True

    @property
    def logprobs(self) -> "torch.Tensor":
        """Log-probabilities at each of its tokens and the end, `(n + 1, vocabulary) float32`."""
        return self.continuation.logprobs[: len(self.ids) + 1]


def continuation(
    model: LanguageModel, prompt: Prompt, text: str, *, adapter: str | None = None
) -> tuple[tuple[int, ...], Continuation]:
    """The tokens of a given answer, and their likelihood after the prompt."""
    [tokens] = answer_tokens(model.tokenizer, [text])
    [[scored]] = model.continuations([Fork(prompt, [tokens.ids])], adapter=adapter, keep=1)
    return tokens.ids, scored


@dataclass(frozen=True)
class Weighed:
    """The scored spans of a question, the best first, and the alternatives.

    `unknown` is the log-probability (nats) of the abstention, and `quote` that of the start of a
    quotation; both are meaningful only for a model that was trained to read.
    """

    spans: list[Span]
    unknown: float
    quote: float


class SpanReader:
    """Answers from sentences with their likeliest span."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def spans(
        self,
        prompt: Prompt,
        question: str,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> list[Span]:
        """Every scored span, the best first; see `weigh`."""
        return self.weigh(prompt, question, sentences, adapter).spans

    def weigh(
        self,
        prompt: Prompt,
        question: str,
        sentences: Sequence[Sentence],
        adapter: str | None = None,
    ) -> Weighed:
        """Score the spans of sentences as answers to a prompt that shows them.

        The score is the log-probability of the span as the whole answer, plus the log-prior of its
        sentence, `READING.fit` times the sentence's score. Spans without a content word that is not
        in the question are left out.
        """
        [unknown] = answer_tokens(self._model.tokenizer, [ABSTENTION])
        candidates = self._candidates([sentence.text for sentence in sentences])
        asked = set(content_words(question))
        nearness = [READING.fit * sentences[one.sentence].score for one in candidates]
        every = [unknown.ids, *(one.ids for one in candidates)]
        starts = [1, *(one.start for one in candidates)]
        fork = Fork(prompt, every, [0.0, *nearness], kept=1, starts=starts)
        [weighed] = self._model.continuations([fork], adapter=adapter, keep=READING.starts)
        best: dict[str, Span] = {}
        for scored in weighed:
            if scored.candidate == 0:
                abstention = scored
                continue
            candidate = candidates[scored.candidate - 1]
            for length, end in candidate.ends:
                text = candidate.text[:end].rstrip(_AROUND)
                logprob = scored.stopped[length - 1]
                score = logprob + nearness[scored.candidate - 1]
                if asked.issuperset(content_words(text)):
                    continue
                if text not in best or best[text].score < score:
                    ids, spelt = candidate.ids[:length], candidate.spelt
                    best[text] = Span(text, candidate.sentence, score, logprob, ids, scored, spelt)
        return Weighed(
            sorted(best.values(), key=lambda span: -span.score),
            abstention.stopped[-1],
            float(abstention.logprobs[0, self._quote]),
        )

    def not_knowing(self, prompt: Prompt, answer: str, ids: tuple[int, ...]) -> float:
        """The log-odds (nats) of the abstention against an answer, which was read as these tokens.

        It may also be written with its number in the digits of ASCII.
        """
        number = leading_number(answer)
        written = [] if number is None else [number[1] + answer[len(number[0]) :]]
        unknown, *others = answer_tokens(self._model.tokenizer, [ABSTENTION, *written])
        every = [unknown.ids, ids, *(one.ids for one in others)]
        fork = Fork(prompt, every, kept=len(every))
        [[abstention, *given]] = self._model.continuations([fork], keep=len(every))
        quote = float(abstention.logprobs[0, self._quote])
        likely = np.logaddexp.reduce([quote, *(one.stopped[-1] for one in given)])
        return abstention.stopped[-1] - float(likely)

    @once
    def _quote(self) -> int:
        """The token that a quotation begins with."""
        [mark] = answer_tokens(self._model.tokenizer, [QUOTE])
        return mark.ids[0]

    def span(self, prompt: Prompt, text: str, sentence: int) -> Span:
        """A given text as the answer, in the sentence with this index."""
        ids, scored = continuation(self._model, prompt, text)
        logprob = scored.stopped[-1]
        return Span(text, sentence, logprob, logprob, ids, scored)

    def _candidates(self, sentences: Sequence[str]) -> list["_Candidate"]:
        """The spans by start word, each with the lengths at which it may end.

        One that begins with a number in words or in digits of its script is also there in the
        digits of ASCII, which a model may write instead.
        """
        begun: list[tuple[int, int, tuple[str, str]]] = []
        for number, sentence in enumerate(sentences):
            for start in starts(sentence):
                begin = with_sign(sentence, start)
                if counts_on(sentence, begin):
                    continue
                begun.append((number, begin, ("", "")))
                if found := leading_number(sentence[begin:][:_LONGEST]):
                    begun.append((number, begin, found))
        texts = [
            digits + sentences[number][begin + len(written) :][:_LONGEST]
            for number, begin, (written, digits) in begun
        ]
        made: dict[tuple[int, ...], _Candidate] = {}
        encoded = answer_tokens(self._model.tokenizer, texts)
        for (number, begin, (written, digits)), tokens in zip(begun, encoded, strict=True):
            sentence, more = sentences[number], len(digits) - len(written)
            phones = phone_numbers(sentence)
            whole = next((end - begin for first, end in phones if first == begin), 0)
            limit = max(READING.span_tokens, sum(end <= whole for end in tokens.ends))
            key = tokens.ids[:limit]
            # A token that completes no character ends nothing.
            lengths = itertools.pairwise((0, *tokens.ends[:limit]))
            ends = tuple(
                (length, end - more)
                for length, (before, end) in enumerate(lengths, start=1)
                if before < end >= len(digits) and _may_end(sentence, begin + end - more)
            )
            if ends and key not in made:
                first = next(n for n, end in enumerate(tokens.ends, start=1) if end)
                text, start = sentence[begin:], min(first, len(key))
                made[key] = _Candidate(text, number, key, ends, start, spelt=not digits)
        return list(made.values())


def _may_end(sentence: str, at: int) -> bool:
    """Whether a span may end here: within no word, and not between a number and what it counts."""
    return not within(sentence, at) and not counts_on(sentence, at)


@dataclass(frozen=True)
class _Candidate:
    """A span's beginning in a sentence, with the (number of tokens, end) where it may end.

    `start` is the number of tokens that spell its first character. A token may be only the space
    before it, which all spans have, or a part of the character. `spelt`: the tokens are those of
    the text, and not of its number in other digits.
    """

    text: str
    sentence: int
    ids: tuple[int, ...]
    ends: tuple[tuple[int, int], ...]
    start: int
    spelt: bool
