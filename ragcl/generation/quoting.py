"""Quoting: which sentences answer a question that no phrase answers, word for word and in order.

Of how, why and what-happens a reader that was trained to read says which sentences it would begin
to quote; any other is not asked, and how well a sentence fits the question decides. Knows no route
and no log.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence, excerpts, fitting
from ragcl.generation.prompts import QUOTE, Prompts, answer_tokens
from ragcl.generation.scoring import Fork

SHOWN_TOKENS = 420  # of sentences and headings that are weighed; trained on as many
START_TOKENS = 8  # of a sentence: they tell it from the others
FIT = 3.3  # nats for a fit of one; this and the next two chosen on written questions set aside
MASS = 0.99  # of all that may answer, what is quoted
WORDS = 100  # that a quotation has at most, a last sentence beyond them included
ITEM = re.compile(r"\s*(?:[-*+\u2022|]|\(?\w{1,2}[.)])\s")


@dataclass(frozen=True)
class Weight:
    """A sentence and the share of the answer that it holds, in [0, 1]."""

    sentence: Sentence
    share: float


class Quoter:
    """Chooses sentences of retrieved passages to quote."""

    def __init__(self, model: LanguageModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts

    def fitting(self, ranked: Sequence[Sentence]) -> list[Sentence]:
        """Those of ranked sentences that are weighed."""
        return fitting(ranked, SHOWN_TOKENS, self._prompts.count_tokens)

    def weigh(
        self, question: str, ranked: Sequence[Sentence], adapter: str | None = None
    ) -> tuple[list[Weight], int]:
        """The sentences by what they hold of the answer, the most first; and the prompt's tokens.

        Args:
            question: what was asked.
            ranked: the sentences of the passages found, the best last.
            adapter: which adapter reads.
        """
        shown = self.fitting(ranked)
        scores = np.array([FIT * one.score for one in shown])
        tokens = 0
        if self._prompts.trained and shown:
            texts = [one.text for one in excerpts(shown)]
            prompt = self._prompts.with_context(question, texts, 2 * SHOWN_TOKENS)
            tokens = len(prompt.ids)
            starts = answer_tokens(self._model.tokenizer, [f"{QUOTE} {one.text}" for one in shown])
            ids = [one.ids[: START_TOKENS + 1] for one in starts]
            distinct = list(dict.fromkeys(ids))
            [found] = self._model.continuations(
                [Fork(prompt, distinct)], adapter=adapter, keep=len(distinct)
            )
            started = {distinct[one.candidate]: one.begun[-1] for one in found}
            scores = scores + np.array([started[one] for one in ids])
        shares = np.exp(scores - scores.max(initial=-np.inf))
        shares /= shares.sum() or 1.0
        order = np.argsort(-shares, kind="stable")
        return [Weight(shown[i], float(shares[i])) for i in order], tokens


def choose(weights: Sequence[Weight]) -> list[Sentence]:
    """The sentences that hold what can be held of the answer in so many words.

    An item of a list comes with the sentence that introduces the list, a row with its header.
    """
    placed = {(one.sentence.content_hash, one.sentence.place): one.sentence for one in weights}
    chosen: dict[tuple[str, int], Sentence] = {}
    mass, words = 0.0, 0
    for one in weights:
        if chosen and (mass >= MASS or words >= WORDS):
            break
        mass += one.share
        for key in _with_what_it_needs(one.sentence, placed):
            if key not in chosen:
                chosen[key] = placed[key]
                words += len(placed[key].text.split())
    return list(chosen.values())


def _with_what_it_needs(
    sentence: Sentence, placed: Mapping[tuple[str, int], Sentence]
) -> list[tuple[str, int]]:
    """A sentence, and what it cannot be understood without: where they stand."""
    key, place = sentence.content_hash, sentence.place
    needed = [] if sentence.header is None else [(key, sentence.header)]
    if ITEM.match(sentence.text):
        while (before := placed.get((key, place - 1))) and ITEM.match(before.text):
            place -= 1
        if before and before.text.endswith((":", "\uff1a")):
            needed.append((key, place - 1))
    return [one for one in needed if one in placed] + [(key, sentence.place)]
