"""What is shown for free writing: the hits, joined with what a cut left beside them.

A section that was too long became several chunks, and a hit may end just before what it promises.
Only tokens that the hits themselves leave over are spent on it, on the best hits first. Knows no
ranking and no prompt.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragcl.catalog.documents import StoredChunk
from ragcl.search.retriever import Retrieved

Beside = Callable[[StoredChunk], tuple[StoredChunk | None, StoredChunk | None]]


def joined(
    hits: Sequence[Retrieved], beside: Beside, count_tokens: Callable[[str], int], max_tokens: int
) -> list[Retrieved]:
    """The hits in their order, their text and lines reaching into the chunks beside them.

    Args:
        hits: what is shown, best first.
        beside: the chunks before and after one that the same section was cut into.
        count_tokens: how many tokens a text is to the reader.
        max_tokens: for all of the text.
    """
    left = max_tokens - sum(count_tokens(hit.chunk.passage) for hit in hits)
    shown = {hit.chunk.id for hit in hits}
    found = []
    for hit in hits:
        chunk = hit.chunk
        # The rest of a text is likelier to be missed than what led up to it.
        for other, is_after in zip(reversed(beside(chunk)), (True, False), strict=True):
            if other is None or other.id in shown:
                continue
            first, second = (chunk, other) if is_after else (other, chunk)
            longer = replace(
                chunk,
                text=f"{first.text}\n{second.text}",
                lines=first.lines and second.lines and (first.lines[0], second.lines[1]),
            )
            cost = count_tokens(longer.passage) - count_tokens(chunk.passage)
            if cost <= left:
                left -= cost
                shown.add(other.id)
                chunk = longer
        found.append(replace(hit, chunk=chunk))
    return found
