"""The passages for free writing: hits joined with neighbouring chunks of the same section.

A long section was split into several chunks, and the answer may continue in the next one.
Neighbours use only the tokens that the hits leave over, those of the best hits first. Knows no
ranking and no prompt.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragcl.catalog.passage import Passage

Beside = Callable[[Passage], tuple[Passage | None, Passage | None]]


def joined(
    hits: Sequence[Passage], beside: Beside, count_tokens: Callable[[str], int], max_tokens: int
) -> list[Passage]:
    """The hits in their order, their text and lines reaching into the chunks beside them.

    Args:
        hits: what is shown, best first.
        beside: the chunks before and after one that the same section was cut into.
        count_tokens: how many tokens a text is to the reader.
        max_tokens: for all of the text.
    """
    left = max_tokens - sum(count_tokens(hit.headed) for hit in hits)
    shown = {hit.id for hit in hits}
    found = []
    for hit in hits:
        longest = hit
        # The chunk after a hit is likelier to be needed than the one before.
        for other, is_after in zip(reversed(beside(hit)), (True, False), strict=True):
            if other is None or other.id in shown:
                continue
            first, second = (longest, other) if is_after else (other, longest)
            longer = replace(
                longest,
                text=f"{first.text}\n{second.text}",
                lines=first.lines and second.lines and (first.lines[0], second.lines[1]),
            )
            cost = count_tokens(longer.headed) - count_tokens(longest.headed)
            if cost <= left:
                left -= cost
                shown.add(other.id)
                longest = longer
        found.append(longest)
    return found
