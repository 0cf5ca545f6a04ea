"""Attribution: what the sources and the adapter of a logged answer contribute to it.

The sources are taken with their current text. How a contribution is measured, `influence` knows.
"""

from dataclasses import replace
from functools import partial

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.catalog.passage import Passage
from ragcl.generation.active_set import ActiveSet, Snapshot
from ragcl.generation.answerers.closed_book import ClosedBook
from ragcl.generation.answerers.draft import Job
from ragcl.generation.answerers.extractive import Extractive
from ragcl.generation.answerers.written import Writer
from ragcl.generation.influence import Influence, leave_one_out, likelihood
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.routing import Decision
from ragcl.search.retrieval import Retrieval, fused
from ragcl.search.retriever import Retriever


class Attribution:
    """Measures what logged answers rest on."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        model: LanguageModel,
        active: ActiveSet,
        *,
        closed_book: ClosedBook,
        extractive: Extractive,
        writer: Writer,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._model = model
        self._active = active
        self._closed_book = closed_book
        self._extractive = extractive
        self._writer = writer

    def of(self, ask: AskRecord) -> Influence:
        """The influence of the sources, and of the weights, on an answer.

        For an answer from the weights it is measured on the prompt that the base model would read.
        Nothing is measured for an abstention, or for an adapter that is no longer active.
        """
        if ask.route == "none" or not ask.answer:
            return Influence({}, None)
        with self._active.taken() as snapshot:
            return self._measured(ask, snapshot)

    def _measured(self, ask: AskRecord, snapshot: Snapshot) -> Influence:
        adapter = ask.trace.adapter
        active = {one.id for one in snapshot.adapters.adapters}
        if ask.route == "both" and adapter is not None and adapter not in active:
            return Influence({}, None)
        reads = adapter if ask.route == "both" else None
        current = self._catalog.documents.current(hit.content_hash for hit in ask.hits)
        retrieval = self._found_again(ask, current)
        job = Job(ask.question, retrieval, Decision("context", reads, ""), snapshot)
        if ask.trace.form == "written":
            shown, compose = self._writer.shown(job), partial(self._writer.prompt, ask.question)
        else:
            shown = self._extractive.shown(job, ask.trace.form)
            compose = partial(self._extractive.prompt, ask.question)
        carried = leave_one_out(self._model, ask.answer, shown, compose, reads)
        weights = None
        if adapter in active:
            prompt = (
                self._closed_book.prompt(ask.question)
                if ask.route == "weights"
                else compose([one.text for one in shown])
            )
            with_adapter, without = (
                likelihood(self._model, prompt, ask.answer, one) for one in (adapter, None)
            )
            weights = with_adapter - without
        return Influence({key: carried.get(key, 0.0) for key in current}, weights)

    def _found_again(self, ask: AskRecord, current: dict[str, Passage]) -> Retrieval:
        """What the question retrieved, of the passages that are current, with the same scores."""
        calibration = self._retriever.calibrate()
        hits = tuple(
            replace(
                current[hit.content_hash],
                score=hit.score,
                lexical=hit.lexical,
                fused=fused(calibration.passages(hit.score), hit.lexical),
            )
            for hit in ask.hits
            if hit.content_hash in current
        )
        embedder = self._retriever.embedder
        [vector] = embedder.encode_questions([ask.question])
        return Retrieval(vector, hits, calibration, embedder=embedder)
