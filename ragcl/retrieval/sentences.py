"""Sentences: where a text may be cut so that each piece still says something. Knows no grammar."""

import re

# The escapes are the stops of Chinese and Japanese, which put no space after them.
_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n+")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; a line of a table or list is one of its own.

    A question stays with what follows it: alone it resembles whoever asks it, and says nothing.
    """
    found: list[str] = []
    for part in filter(None, map(str.strip, _END.split(text))):
        if found and _asks(found[-1]) and not _asks(part):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _asks(sentence: str) -> bool:
    return sentence.endswith(("?", "\uff1f"))
