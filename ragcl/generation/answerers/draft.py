"""A question on its way to an answer: the job, and the draft that one of the answerers makes.

Knows no model and no log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragcl.catalog.chunks import Filter
from ragcl.catalog.passage import Passage
from ragcl.generation.active_set import Snapshot
from ragcl.generation.judging import Judgement
from ragcl.generation.language_model import Completion
from ragcl.generation.prompts import ABSTENTION, is_abstention
from ragcl.generation.reading import Reading
from ragcl.generation.routing import Decision
from ragcl.results import Form
from ragcl.search.retrieval import Retrieval
from ragcl.text.answers import same

UNKNOWN = Completion(ABSTENTION, (), 0.0)
UNPROVED = "the weights did not say what they were proved to know about this"


@dataclass(frozen=True)
class Job:
    """A question with its retrieval and its route.

    Questions that are answered together have the same filter `chosen` and the same snapshot of the
    active set.
    """

    question: str
    retrieval: Retrieval
    decision: Decision
    snapshot: Snapshot
    chosen: Filter | None = None
    asked: str | None = None  # the original, if a conversation rewrote the question


@dataclass(frozen=True)
class Draft:
    """An answer before it is finished: its route, its text, its support and its cost.

    `said` has the supporting sentences by content hash of their chunk; `forms` the reader's
    log-probability of each form of answer (nats). `fit`: that of a proved answer from the weights;
    None: it was not needed, or there is no such answer.
    """

    decision: Decision
    completion: Completion
    prompt_tokens: int
    support: tuple[Passage, ...]
    reading: Reading | None = None
    form: Form = "phrase"
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    forms: Mapping[str, float] = field(default_factory=dict)
    fit: float | None = None

    @property
    def silent(self) -> bool:
        """Whether it is an abstention; a span that was read is an answer, even "Unknown"."""
        if self.decision.route == "none":
            return True
        if self.reading is not None or self.form == "quotation":
            return not self.completion.text.strip()
        return is_abstention(self.completion.text)

    @property
    def shortcoming(self) -> str | None:
        """Why an answer from the weights is not accepted; None if it is."""
        needed, expected = self.decision.min_confidence, self.decision.expected
        fits = self.decision.min_fit
        if needed is not None and self.completion.logprob < needed:
            return f"the weights were less sure of their answer than the calibrated {needed:.2f}"
        if expected is not None and not same(self.completion.text, expected):
            return UNPROVED
        if fits is None:
            return None
        if self.fit is None:
            return UNPROVED
        if self.fit < fits:
            return f"the passage says it less clearly ({self.fit:.2f}) than the needed {fits:.2f}"
        return None


def unanswered(decision: Decision, seen: Judgement) -> Draft:
    """The draft that abstains, since the reader saw no answer in the passages."""
    reason = decision.doubt or "the passages found do not say it"
    silent = replace(decision, route="none", adapter=None, reason=reason)
    return Draft(silent, UNKNOWN, seen.prompt_tokens, (), form="none", forms=seen.likely)
