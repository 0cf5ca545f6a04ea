"""Forms: whether two answers are the same span of a text, at different lengths.

They must come from the same place of the same chunk: "2 hours" and "2" of "It takes 2 hours" do. Of
"The 2 tugs take 2 hours" they do not, since "2" is ambiguous there. Knows no pooling.
"""

from ragcl.generation.reading import Reading
from ragcl.text.answers import same, same_piece


def same_span(one: Reading, other: Reading) -> bool:
    """Whether the answers of two readings are the same span of a chunk, at any length."""
    if one.content_hash != other.content_hash:
        return False
    shown = dict.fromkeys([*_shown(one), *_shown(other)])
    return one.answer == other.answer or same_piece(list(shown), one.answer, other.answer)


def is_answer_of(text: str, reading: Reading) -> bool:
    """Whether a text is the answer of a reading, or the same span at another length."""
    return same(text, reading.answer) or same_piece(_shown(reading), text, reading.answer)


def _shown(reading: Reading) -> list[str]:
    """The sentences that were read of the chunk that holds the answer."""
    return [one.text for one in reading.sentences if one.content_hash == reading.content_hash]
