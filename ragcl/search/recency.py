"""Questions for the newest of something: passages of a document with later dates rank higher.

A question for the latest release asks for the entry with the last date. Its text may lack the word
"latest", and its other words are those of every entry. Dates are in ISO 8601, 2025-03-12; one later
than the file itself is a plan and does not count. Knows no index.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ragcl.catalog.passage import Passage
from ragcl.search.recipe import SEARCH
from ragcl.text.superlatives import NEWEST
from ragcl.text.words import parts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = NEWEST | {"recently", "current", "currently"}
_DATE = re.compile(r"(?<![\d-])(?:19|20)\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])")


def asks_for_newest(question: str) -> bool:
    """Whether a question asks for the newest of something."""
    return not _NEWEST.isdisjoint(parts(question))


def newest_first(chunks: Sequence[Passage], scores: Sequence[float]) -> list[int]:
    """The order of what a question for the newest retrieved.

    Every document keeps its places. Those are taken by its passages in the order of their scores,
    to which the last date of the document adds `SEARCH.newest_weight`, the one before it half of
    that, the next a third, and so on.

    Args:
        chunks: what was retrieved, best first.
        scores: of each.

    Returns:
        Positions in `chunks`.
    """
    documents: dict[tuple[str, str], list[int]] = {}
    for position, chunk in enumerate(chunks):
        documents.setdefault((chunk.root, chunk.source), []).append(position)
    order: dict[tuple[str, str], Iterator[int]] = {}
    for document, positions in documents.items():
        dates = {position: _last_date(chunks[position]) for position in positions}
        newest = sorted({date for date in dates.values() if date}, reverse=True)
        worth = {date: SEARCH.newest_weight / place for place, date in enumerate(newest, start=1)}
        weighed = {one: scores[one] + worth.get(dates[one], 0.0) for one in positions}
        order[document] = iter(sorted(positions, key=lambda one: -weighed[one]))
    return [next(order[chunk.root, chunk.source]) for chunk in chunks]


def _last_date(chunk: Passage) -> str:
    """The last date in a chunk that is not after its file, in any time zone; empty: none."""
    saved = _EPOCH + timedelta(microseconds=chunk.modified_ns // 1000, days=1)
    dates = (date for date in _DATE.findall(chunk.text) if date <= saved.date().isoformat())
    return max(dates, default="")
