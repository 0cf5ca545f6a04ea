"""The log of questions and answers, and the readings that the next round studies.

Knows not how an answer was made.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.errors import CatalogError, KnowledgeBaseBusyError
from ragcl.generation.answerers.draft import Draft, Job
from ragcl.generation.reading import Reader
from ragcl.results import Answer

log = logging.getLogger(__name__)


class AskLog:
    """Logs answers in the catalog."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader
        self._said = False

    def record(
        self, jobs: Sequence[Job], drafts: Sequence[Draft], answers: Sequence[Answer]
    ) -> list[Answer]:
        """Log the answers; an answer is returned even if it cannot be logged.

        Readings of the base model on all documents are stored for the next round's study.
        """
        if self._catalog.database.read_only:
            self._say_that_nothing_is_logged()
            return list(answers)
        now = time.time()
        embedder = jobs[0].retrieval.embedder if jobs else None
        entries = [
            AskRecord(
                id=0,
                asked_at=now,
                question=answer.question,
                mode=answer.mode,
                route=answer.route,
                answer=answer.text,
                trace=answer.trace,
                hits=job.retrieval.hits,
            )
            for job, answer in zip(jobs, answers, strict=True)
        ]
        try:
            ids = self._catalog.asks.record(entries)
            self._catalog.learning.add_study(
                self._reader.teacher(embedder),
                [
                    draft.reading.stored()
                    for job, draft in zip(jobs, drafts, strict=True)
                    if draft.reading is not None
                    and draft.decision.adapter is None
                    and job.chosen is None
                ],
            )
        except (CatalogError, KnowledgeBaseBusyError) as error:
            log.warning("The answer could not be logged: %s", error)
            return list(answers)
        return [replace(answer, id=i) for answer, i in zip(answers, ids, strict=True)]

    def _say_that_nothing_is_logged(self) -> None:
        if not self._said:
            log.warning(
                "No question is logged: %s may not be written.", self._catalog.database.path
            )
        self._said = True
