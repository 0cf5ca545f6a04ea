"""Quoting: which sentences answer a question (how, why) that no phrase answers.

A model that was trained to read gives the probability that a quotation begins with each sentence;
for any other model the sentence's score for the question decides. An answer continues in the
following sentences, so the probability that a sentence is part of it is that of beginning it, plus
that of continuing it from the sentence before. Knows no route and no log.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence, excerpts, fitting
from ragcl.generation.prompts import QUOTE, Prompts, answer_tokens
from ragcl.generation.recipe import QUOTING
from ragcl.generation.scoring import Fork
from ragcl.text.scripts import ITEM_MARK, spaced

COLONS = (":", "\uff1a")  # a list or a value follows
ITEM = re.compile(rf"\s*(?:(?:[-*+\u2022|]|\(?\w{{1,2}}[.)])\s|{ITEM_MARK})")


@dataclass(frozen=True)
class Weight:
    """A sentence with the probabilities that the answer begins with it, and that it includes it."""

    sentence: Sentence
    begins: float
    holds: float


class Quoter:
    """Chooses sentences of retrieved passages to quote."""

    def __init__(self, model: LanguageModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts

    def fitting(self, ranked: Sequence[Sentence]) -> list[Sentence]:
        """The best of ranked sentences that fit into the prompt."""
        return fitting(ranked, QUOTING.shown_tokens, self._prompts.count_tokens)

    def weigh(self, question: str, ranked: Sequence[Sentence]) -> tuple[list[Weight], int]:
        """The weights of the sentences, the likeliest first, and the prompt's length in tokens.

        Only the best are in the prompt, but an answer may continue in any.

        Args:
            question: the question.
            ranked: the sentences of the passages, the best last.
        """
        shown = self.fitting(ranked)
        scores = np.array([QUOTING.fit * one.score for one in shown])
        tokens = 0
        if self._prompts.trained and shown:
            texts = [one.text for one in excerpts(shown)]
            prompt = self._prompts.with_context(question, texts, 2 * QUOTING.shown_tokens)
            tokens = len(prompt.ids)
            starts = answer_tokens(self._model.tokenizer, [f"{QUOTE} {one.text}" for one in shown])
            ids = [one.ids[: QUOTING.start_tokens + 1] for one in starts]
            distinct = list(dict.fromkeys(ids))
            [found] = self._model.continuations(
                [Fork(prompt, distinct)], adapter=None, keep=len(distinct)
            )
            started = {distinct[one.candidate]: one.begun[-1] for one in found}
            scores = scores + QUOTING.reader * np.array([started[one] for one in ids])
        shares = np.exp(scores - scores.max(initial=-np.inf))
        shares /= shares.sum() or 1.0
        begins = dict(zip(map(_place, shown), shares.tolist(), strict=True))
        return parts(ranked, begins), tokens


def choose(weights: Sequence[Weight]) -> list[Sentence]:
    """The sentences to quote: first those of the passage in which the answer most likely begins.

    Within a passage the likeliest is first. A list item comes with the sentence that introduces the
    list, a row with its header.
    """
    placed = {_place(one.sentence): one.sentence for one in weights}
    chosen: dict[tuple[str, int], Sentence] = {}
    words = 0
    for one in weights:
        if chosen and (one.holds < QUOTING.least or words >= QUOTING.words):
            break
        for key in _with_what_it_needs(one.sentence, placed):
            if key not in chosen:
                chosen[key] = placed[key]
                words += len(spaced(placed[key].text).split())
    begins = defaultdict[str, float](float)
    for one in weights:
        begins[one.sentence.content_hash] += one.begins
    return sorted(chosen.values(), key=lambda one: -begins[one.content_hash])


def parts(sentences: Sequence[Sentence], begins: Mapping[tuple[str, int], float]) -> list[Weight]:
    """The weights of sentences, given the probabilities that an answer begins with some of them."""
    holds: dict[tuple[str, int], float] = {}
    found = []
    before: Sentence | None = None
    for one in sorted(sentences, key=_place):
        key = _place(one)
        holds[key] = begins.get(key, 0.0)
        if before is not None and _place(before) == (one.content_hash, one.place - 1):
            holds[key] += _goes_on(before.text, one.text) * holds[_place(before)]
        found.append(Weight(one, begins.get(key, 0.0), min(1.0, holds[key])))
        before = one
    return sorted(found, key=lambda one: -one.holds)


def _goes_on(text: str, following: str) -> float:
    """The probability that an answer continues from one sentence to the following one."""
    if text.rstrip().endswith(COLONS):
        return 1.0
    if ITEM.match(text):
        return QUOTING.list_goes_on if ITEM.match(following) else QUOTING.list_ends
    return QUOTING.goes_on


def _place(sentence: Sentence) -> tuple[str, int]:
    return sentence.content_hash, sentence.place


def _with_what_it_needs(
    sentence: Sentence, placed: Mapping[tuple[str, int], Sentence]
) -> list[tuple[str, int]]:
    """The places of a sentence and of its header or the sentence that introduces its list."""
    key, place = sentence.content_hash, sentence.place
    needed = [] if sentence.header is None else [(key, sentence.header)]
    if ITEM.match(sentence.text):
        while (before := placed.get((key, place - 1))) and ITEM.match(before.text):
            place -= 1
        if before and before.text.endswith(COLONS):
            needed.append((key, place - 1))
    return [one for one in needed if one in placed] + [(key, sentence.place)]
