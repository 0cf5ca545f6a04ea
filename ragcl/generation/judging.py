"""The form that an answer should take: a phrase, a quotation, or an abstention.

Knows the thresholds of every model's reader. Knows no route, and no text of an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ragcl.generation.calibrating import forms_of
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Outlook, Reader
from ragcl.generation.recipe import QUOTING
from ragcl.models.trained_reader import Forms
from ragcl.results import Form
from ragcl.search.retrieval import Retrieval


@dataclass(frozen=True)
class Judgement:
    """The form that an answer should take, the outlook that decided it, and the sentences shown.

    `prompt_tokens` is the length of the prompts of all looks.
    """

    form: Form
    outlook: Outlook
    shown: Sequence[Sentence]
    prompt_tokens: int

    @property
    def likely(self) -> dict[str, float]:
        """The log-probabilities (nats) of the forms, for the trace."""
        return {
            "phrase": round(self.outlook.phrase, 3),
            "quote": round(self.outlook.quote, 3),
            "unknown": round(self.outlook.not_knowing(), 3),
        }


class JudgingReader(Reader):
    """A reader that also decides which form the answer should take."""

    @property
    def forms(self) -> Forms:
        """The thresholds for the form of an answer."""
        return forms_of(self._model)

    def judge(
        self,
        question: str,
        retrieval: Retrieval,
        ranked: Sequence[Sentence],
        false_abstentions: float,
        *,
        doubt: bool = False,
    ) -> Judgement:
        """The form that the answer should take, by what the base model makes of the sentences.

        An adapter learns phrases, and with it a reader that knows what no passage says forgets to
        say so: the base model alone decides, as it was calibrated.

        Args:
            question: the question, which stands alone.
            retrieval: what was found for it.
            ranked: all sentences of the passages found, the best last.
            false_abstentions: the share of answerable questions that it may abstain from.
            doubt: whether similarity alone would not answer; then it abstains more readily.
        """
        forms = self.forms
        limit = forms.limit(false_abstentions)
        if doubt:
            limit = min(limit, forms.strange)
        shown = self.fitting(ranked)
        outlook = self.look(question, retrieval, shown)
        form, tokens = outlook.form(forms, limit), outlook.prompt_tokens
        if form == "none" and outlook.asks_for_sentences(forms):
            # Sentences are chosen from more of the text; so it gives up only if that says nothing.
            shown = self.fitting(ranked, QUOTING.shown_tokens)
            outlook = self.look(question, retrieval, shown)
            form = outlook.form(forms, limit)
            tokens += outlook.prompt_tokens
        return Judgement(form, outlook, shown, tokens)

    def look(self, question: str, retrieval: Retrieval, sentences: Sequence[Sentence]) -> Outlook:
        """What the base model makes of the sentences, and of that of the best span alone."""
        return self.look_again(self.first_look(question, retrieval, sentences), self.forms)
