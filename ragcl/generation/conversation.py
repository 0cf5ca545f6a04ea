"""Rewrites a follow-up question so that it stands alone, before retrieval.

Rules generate candidate rewritings; retrieval scores and the language model choose among them. A
model that writes well rewrites the question itself. An earlier answer is never evidence: it is only
used to resolve pronouns. Knows nothing of how a question is answered.
"""

import re
from collections.abc import Sequence

import numpy as np

from ragcl.catalog.chunks import Filter
from ragcl.errors import UsageError
from ragcl.generation.antecedents import Turn
from ragcl.generation.followups import Candidate, FollowUp, follow_up
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.plain_text import text_ids
from ragcl.generation.prompts import Prompts, is_abstention
from ragcl.generation.recipe import CONVERSATION
from ragcl.generation.scoring import Fork, Prompt
from ragcl.search.retrieval import Retrieval
from ragcl.search.retriever import Retriever
from ragcl.settings import AnsweringSettings
from ragcl.text.english import English, is_english, words
from ragcl.text.languages import ENGLISH, language
from ragcl.text.scripts import spaced, unspaced

History = Sequence[tuple[str, str]]

_SYSTEM = (
    "You rewrite the last question of a conversation so that it can be understood without the "
    "conversation: put names in the place of pronouns and add what is left out. Add nothing else. "
    "If it can be understood by itself, repeat it. Write the question alone."
)


def checked(history: History) -> list[tuple[str, str]]:
    """The last `CONVERSATION.turns` turns of a conversation, validated.

    Raises:
        UsageError: a turn is no pair of texts.
    """
    if isinstance(history, str | bytes):
        raise UsageError("history is a text: give the earlier turns as [(question, answer), …].")
    turns = []
    for number, turn in enumerate(history, start=1):
        if (
            isinstance(turn, str | bytes)
            or not isinstance(turn, Sequence)
            or len(turn) != 2
            or not all(isinstance(text, str) for text in turn)
        ):
            raise UsageError(
                f"turn {number} of the history is {turn!r:.80}: give a pair of texts, the question "
                "and its answer."
            )
        turns.append((turn[0], turn[1]))
    return turns[-CONVERSATION.turns :]


class Conversation:
    """Rewrites follow-ups with the help of one knowledge base's index."""

    def __init__(
        self, retriever: Retriever, model: LanguageModel, settings: AnsweringSettings
    ) -> None:
        self._retriever = retriever
        self._model = model
        self._settings = settings

    def stand_alone(self, question: str, history: History, chosen: Filter | None = None) -> str:
        """The question rewritten to stand alone; unchanged if it does already.

        Args:
            question: the question as asked.
            history: the earlier turns, from `checked`; each may be a follow-up too.
            chosen: the documents to search; None: all.
        """
        turns: list[Turn] = []
        for earlier, answer in history:
            if turns:
                earlier = self._settled(earlier, turns, chosen)
            known = "" if is_abstention(answer) else answer[: CONVERSATION.answer_chars]
            turns.append(Turn(earlier, known.encode(errors="ignore").decode()))
        return self._settled(question, turns, chosen) if turns else question

    def _settled(self, question: str, turns: Sequence[Turn], chosen: Filter | None) -> str:
        last = turns[-1]
        english = is_english(f"{last.question} {question}") and language(question) is ENGLISH
        if english:
            found = follow_up(question, turns)
        elif is_english(last.question):  # words of another language would help no search
            found = FollowUp((Candidate(question),))
        else:
            found = _any_language(question, last)
        longest = self._settings.max_question_chars
        rest = tuple(one for one in found.candidates[1:] if len(one.question) <= longest)
        if self._settings.reading == "write" and (rest or not english):
            written = self._rewritten(question, turns)
            if written:
                return written
        if not rest:
            return question
        return self._best(FollowUp((found.candidates[0], *rest), found.open), turns, chosen)

    def _best(self, found: FollowUp, turns: Sequence[Turn], chosen: Filter | None) -> str:
        """The best candidate by retrieval, language model and rules."""
        questions = [one.question for one in found.candidates]
        retrievals = self._retriever.retrieve(questions, CONVERSATION.hits, chosen, rerank=False)
        if not any(one.hits for one in retrievals):
            return questions[0]
        index = np.array([one.hits[0].fused if one.hits else -1.0 for one in retrievals])
        best = 0
        if len(questions) > 1:
            best = 1 + int(np.argmax(self._worth(found.candidates[1:], index[1:], turns)))
        if found.open and not _needed(retrievals[0], retrievals[best]):
            return questions[0]
        return questions[best if index[best] > index[0] - CONVERSATION.tolerated_loss else 0]

    def _worth(
        self, candidates: Sequence[Candidate], index: np.ndarray, turns: Sequence[Turn]
    ) -> np.ndarray:
        """The scores of `n` candidates, `(n,)`; `index` has their best retrieval scores."""
        rules = np.array([one.prior for one in candidates])
        if len(candidates) == 1:
            return rules
        model = self._likelihoods([one.question for one in candidates], turns)
        return (
            CONVERSATION.index_weight * _standardised(index)
            + CONVERSATION.model_weight * _standardised(model)
            + CONVERSATION.rules_weight * rules
        )

    def _likelihoods(self, questions: Sequence[str], turns: Sequence[Turn]) -> np.ndarray:
        """How likely the base model goes on with each question (nats), `(n,)`."""
        said = "".join(
            f"Question: {turn.question}\nAnswer: {turn.answer or 'unknown'}\n" for turn in turns
        )
        fork = Fork(Prompt(self._ids(f"{said}Question:")), [self._ids(f" {q}") for q in questions])
        [scored] = self._model.continuations([fork], keep=len(questions))
        values = np.empty(len(questions))
        for one in scored:
            values[one.candidate] = one.stopped[-1]
        return values

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(text_ids(self._model.tokenizer, text))

    def _rewritten(self, question: str, turns: Sequence[Turn]) -> str | None:
        """The question rewritten by the model; None if the rewriting adds other words."""
        said = "".join(
            f"Question: {turn.question}\nAnswer: {turn.answer or 'unknown'}\n\n" for turn in turns
        )
        prompt = Prompts.of(self._model).instructed(_SYSTEM, f"{said}Last question: {question}")
        [completion] = self._model.generate([prompt], max_new_tokens=64)
        written = completion.text.strip().strip('"')
        fits = 0 < len(written) <= self._settings.max_question_chars
        return written if fits and is_faithful(written, f"{said}{question}", question) else None


def is_faithful(written: str, conversation: str, question: str) -> bool:
    """Whether a rewriting adds no word to the conversation and keeps the question's content words.

    English function words may be added; words are compared by stems.
    """
    if "\n" in written or is_abstention(written):
        return False
    known = {word.low for word in words(conversation)}
    stems = {_stem(word) for word in known}
    free = English.FUNCTION_WORDS
    own = {word.low for word in words(written)}
    telling = {word.low for word in words(question)} - free
    kept = {_stem(word) for word in telling} <= {_stem(word) for word in own}
    return bool(own) and kept and all(w in free or w in known or _stem(w) in stems for w in own)


def _stem(word: str) -> str:
    """An approximate stem of a word."""
    bare = re.sub(r"'s?$|\W", "", word)
    return bare[: max(CONVERSATION.stem_letters, len(bare) - 2)] if bare.isalpha() else bare


def _any_language(question: str, last: Turn) -> FollowUp:
    """Candidates without rules: the question, or the last question's words before it."""
    found = words(spaced(question))
    short = (
        len(question) < len(last.question)
        if unspaced(question)
        else len(found) <= CONVERSATION.short_words
    )
    as_it_is = Candidate(question)
    known = {word.low for word in found} | language(last.question).words | language(question).words
    content = [word.text for word in words(spaced(last.question)) if word.low not in known]
    if not short or not content:
        return FollowUp((as_it_is,))
    return FollowUp((as_it_is, Candidate(f"{' '.join(content)} {question}")), open=True)


def _needed(plain: Retrieval, full: Retrieval) -> bool:
    """Whether retrieval needs the rewriting: it leads clearly, and the question alone does not.

    The rewriting's best passage must also be among the hits of the question alone.
    """
    if not plain.hits or not full.hits:
        return bool(full.hits)
    lead = full.hits[0].fused - plain.hits[0].fused
    return (
        plain.margin < CONVERSATION.clear_margin
        and lead >= CONVERSATION.needed_lead
        and full.hits[0].content_hash in plain.found
    )


def _standardised(values: np.ndarray) -> np.ndarray:
    """Values in standard deviations from their mean."""
    spread = values.std()
    centred: np.ndarray = values - values.mean()
    return centred / spread if spread else centred
