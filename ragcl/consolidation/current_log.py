"""The log of questions, with each question about an edited text moved to the current text.

Knows no heat and no adapter.
"""

from collections.abc import Sequence
from dataclasses import replace

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.consolidation.selection import chunk_with_correction
from ragcl.generation.recipe import ROUTING
from ragcl.search.retrieval import Retrieval, similarity
from ragcl.search.retriever import Retriever
from ragcl.settings import AnsweringSettings
from ragcl.text.answers import holds


def current_log(
    catalog: Catalog, retriever: Retriever, settings: AnsweringSettings
) -> list[AskRecord]:
    """The log, with asks about edited text moved to the text that replaced it.

    The replacement is found by retrieval: it is about as similar to the question as the old text
    was. If there is none, the text was deleted, and the ask makes nothing hot. Ratings are dropped,
    since they judged the old text; a correction counts if the new text holds it. A correction that
    the passages of its time do not hold is looked for in the same way, since users correct what a
    document does not say yet.
    """
    log = catalog.asks.log()
    edited, unsupported = _edited(log, catalog), _with_unsupported_correction(log, catalog)
    old = sorted(edited | unsupported)
    if not old:
        return log
    scales = retriever.calibrate()
    asked = [log[i].question for i in old]
    vectors = retriever.embedder.encode_questions(asked)
    found = retriever.nearest(vectors, settings.passages, asked, trusted=True)
    moved = list(log)
    for i, retrieval in zip(old, found, strict=True):
        correction = log[i].correction
        if not any(holds(hit.text, correction or "") for hit in retrieval.hits):
            correction = None
        if i in edited:
            relevant = scales.needed(retrieval.vector, settings.false_answers)
            moved[i] = _moved(log[i], retrieval, relevant, correction)
        elif correction:
            moved[i] = replace(log[i], hits=retrieval.hits)
    return moved


def _edited(log: Sequence[AskRecord], catalog: Catalog) -> set[int]:
    """Which asks were answered from a text that is not current any more."""
    hashes = {hit.content_hash for ask in log for hit in ask.hits}
    current = catalog.documents.current_hashes(hashes)
    return {
        i for i, ask in enumerate(log) if ask.hits and not current.issuperset(ask.trace.support[:1])
    }


def _with_unsupported_correction(log: Sequence[AskRecord], catalog: Catalog) -> set[int]:
    """Which asks were corrected to something that none of their passages holds."""
    current = catalog.documents.current(
        {hit.content_hash for ask in log if ask.correction for hit in ask.hits}
    )
    return {
        i
        for i, ask in enumerate(log)
        if ask.hits and ask.correction and chunk_with_correction(ask, current) is None
    }


def _moved(
    ask: AskRecord, retrieval: Retrieval, relevant: float, correction: str | None
) -> AskRecord:
    """The ask with the hits that replace its own.

    Args:
        ask: about an edited text.
        retrieval: what is found for it now.
        relevant: the fused score that a hit needs.
        correction: the correction that a hit supports, if there is one.
    """
    # Not its score, which may be a cosine of another embedder.
    needed = similarity(ask.hits[0]) - ROUTING.wording
    hits = tuple(
        hit
        for hit in retrieval.hits
        if retrieval.calibration.passages(hit.score) >= needed and hit.fused >= relevant
    )
    trace = replace(ask.trace, support=tuple(hit.content_hash for hit in hits[:1]))
    return replace(ask, hits=hits, trace=trace, ratings=(), correction=correction)
