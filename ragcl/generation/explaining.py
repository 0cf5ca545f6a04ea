"""Explaining an answer: the log's record of it, compared with what is current and learned now.

Reads the catalog; influence is measured elsewhere. Knows no model.
"""

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.generation.influence import Influence
from ragcl.results import Citation, ExplainedSource, Explanation, seen_as


def explanation(ask: AskRecord, catalog: Catalog, measured: Influence | None) -> Explanation:
    """Why an answer was given, from which text, and whether that text is still current."""
    current = catalog.documents.current_hashes(hit.content_hash for hit in ask.hits)
    traced = {hit.content_hash: hit for hit in ask.trace.hits}
    learned = {
        chunk.content_hash: (adapter.id, adapter.created_at)
        for adapter in catalog.learning.active()[1]
        for chunk in adapter.chunks
    }
    return Explanation(
        id=ask.id,
        asked_at=ask.asked_at,
        question=ask.question,
        answer=ask.answer,
        route=ask.route,
        mode=ask.mode,
        reason=ask.trace.reason,
        adapter=ask.trace.adapter,
        features=ask.trace.features,
        sources=[
            ExplainedSource(
                **vars(seen_as(Citation, hit)),
                rank=rank,
                lexical=traced[hit.content_hash].lexical if traced else None,
                fused=traced[hit.content_hash].fused if traced else None,
                cited=hit.content_hash in ask.trace.support,
                current=hit.content_hash in current,
                adapter=learned.get(hit.content_hash, (None, None))[0],
                learned_at=learned.get(hit.content_hash, (None, None))[1],
                influence=measured.chunks.get(hit.content_hash) if measured else None,
            )
            for rank, hit in enumerate(ask.hits)
        ],
        ratings=list(ask.ratings),
        correction=ask.correction,
        weights_influence=measured.weights if measured else None,
    )
