"""Sentences: where a text may be cut so that each piece still says something. Knows no grammar."""

import re

# The escapes are the stops of Chinese and Japanese, which put no space after them.
_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n+")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; a line of a table or list is one of its own."""
    return [part.strip() for part in _END.split(text) if part.strip()]
