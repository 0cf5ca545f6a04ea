"""From a question to the jobs that may answer it: rewritten, retrieved, routed.

Knows no text of an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragcl.catalog.chunks import Filter
from ragcl.generation.active_set import Snapshot
from ragcl.generation.answerers.draft import Job
from ragcl.generation.conversation import Conversation, History
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.routing import Decision, decide
from ragcl.results import Mode
from ragcl.search.retrieval import Retrieval
from ragcl.search.retriever import Retriever
from ragcl.settings import AnsweringSettings
from ragcl.text.several import asks_for_several


@dataclass(frozen=True)
class Found:
    """A question and what it retrieved; `asked` is the original, if a conversation rewrote it.

    `trusted` is what trusted folders alone hold for it; None: all that it retrieved is of them.
    """

    question: str
    retrieval: Retrieval
    asked: str | None
    trusted: Retrieval | None = None


class Attempts:
    """Finds what may answer questions, and the route to each."""

    def __init__(
        self,
        retriever: Retriever,
        model: LanguageModel,
        reader: JudgingReader,
        settings: AnsweringSettings,
    ) -> None:
        self._retriever = retriever
        self._reader = reader
        self._settings = settings
        self._conversation = Conversation(retriever, model, settings)

    def found(self, asked: Sequence[str], chosen: Filter | None, turns: History) -> list[Found]:
        """Rewrite follow-up questions to stand alone, and retrieve."""
        questions = [self._conversation.stand_alone(one, turns, chosen) for one in asked]
        passages = self._settings.passages
        retrievals = self._retriever.retrieve(questions, passages, chosen, whole_tables=True)
        said = asked if turns else [None] * len(questions)
        found = [
            Found(question, retrieval, original)
            for question, retrieval, original in zip(questions, retrievals, said, strict=True)
        ]
        mixed = [
            i for i, one in enumerate(found) if not all(hit.trusted for hit in one.retrieval.hits)
        ]
        if mixed:
            firm = self._retriever.retrieve(
                [questions[i] for i in mixed], passages, chosen, whole_tables=True, trusted=True
            )
            for i, retrieval in zip(mixed, firm, strict=True):
                found[i] = replace(found[i], trusted=retrieval)
        return found

    def jobs(
        self, found: Found, mode: Mode, snapshot: Snapshot, chosen: Filter | None
    ) -> list[Job]:
        """The jobs for a question, of which the first that is answered counts.

        What is untrusted, anybody may have written, and made it fit the question best: it is read
        only where the trusted passages are irrelevant or do not answer.
        """
        every = self._job(found, found.retrieval, mode, snapshot, chosen)
        if found.trusted is None:
            return [every]
        firm = self._job(found, found.trusted, mode, snapshot, chosen)
        if firm.decision.route == "none" or firm.decision.doubt:
            return [every]
        reason = (
            f"{firm.decision.reason}; untrusted passages are read only if trusted ones are silent"
        )
        firm = replace(firm, decision=replace(firm.decision, reason=reason))
        return [firm] if mode == "weights" else [firm, every]

    def _job(
        self,
        found: Found,
        retrieval: Retrieval,
        mode: Mode,
        snapshot: Snapshot,
        chosen: Filter | None,
    ) -> Job:
        """The question with its route."""
        # Asked only where something is read: another model's thresholds may have to be measured.
        reads = mode != "weights" and self._settings.reading != "quote"
        decision = decide(
            mode,
            found.question,
            retrieval,
            snapshot.adapters,
            snapshot.current,
            self._settings.false_answers,
            snapshot.demoted,
            reader_tells=reads and self._reader.forms.tells_unknown,
            several=asks_for_several(found.question),
            filtered=bool(chosen),
        )
        if chosen and decision.route == "weights" and decision.adapter is None:
            reason = "no adapter holds anything of the documents chosen"
            decision = Decision("none", None, reason)
        return Job(found.question, retrieval, decision, snapshot, chosen, found.asked)
