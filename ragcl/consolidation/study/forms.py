"""Forms: whether what was read for two questions is one piece of the text, at different lengths.

It is only where both were read in the same place of the same text: "2 hours" and "2" of "It takes 2
hours", but not of "The 2 tugs take 2 hours", where nobody knows which "2" was read. Knows no vote.
"""

from ragcl.generation.reading import Reading
from ragcl.text.answers import same, same_piece


def one_piece(one: Reading, other: Reading) -> bool:
    """Whether the answers of two readings are the same piece of a chunk."""
    if one.content_hash != other.content_hash:
        return False
    shown = dict.fromkeys([*_shown(one), *_shown(other)])
    return one.answer == other.answer or same_piece(list(shown), one.answer, other.answer)


def says(text: str, reading: Reading) -> bool:
    """Whether an answer is that of a reading, or the same piece of what was read for it."""
    return same(text, reading.answer) or same_piece(_shown(reading), text, reading.answer)


def _shown(reading: Reading) -> list[str]:
    """The sentences of the chunk that a reading's answer stands in."""
    return [one.text for one in reading.sentences if one.content_hash == reading.content_hash]
