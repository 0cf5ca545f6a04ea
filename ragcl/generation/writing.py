"""Checks a written answer, sentence by sentence, against the passages that it cites.

A sentence stays if its passages have every number and name in it, and most of its words. Citations
that do not support it are replaced by one that does. Knows no model and no route.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ragcl.generation.quoting import ITEM
from ragcl.generation.recipe import QUOTING
from ragcl.text.numerals import with_digits
from ragcl.text.scripts import STOPS, as_ascii
from ragcl.text.sentences import split_sentences
from ragcl.text.words import content_words, stems

_MARK = re.compile(r"\s*\[(\d+(?:\s*,\s*\d+)*)\]")
_STOP = f"[.!?{STOPS}]"
_BEHIND = re.compile(rf"({_STOP})((?:\s*\[\d+(?:\s*,\s*\d+)*\])+)")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<=[\w,;)] )[^\W\d_a-z]\w*")  # within a sentence; with a capital


@dataclass(frozen=True)
class Written:
    """A sentence that stays, with its citations; `rests_on` are (passage, sentence of it) pairs."""

    text: str
    rests_on: tuple[tuple[int, str], ...]


class Checker:
    """Checks sentences against numbered passages, each a heading with the text below it."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = passages
        self._read = [with_digits(as_ascii(one)) for one in passages]
        self._stems = [stems(one) for one in self._read]

    def checked(self, text: str) -> list[Written]:
        """The supported sentences of a text; an unfinished last one is judged as it is."""
        found = [self._sentence(one) for one in split_sentences(_inside(text))]
        return [one for one in found if one is not None]

    def stream(self, pieces: Iterable[str]) -> Iterator[Written]:
        """As `checked`, for a streamed text: each sentence as soon as it is complete."""
        text = ""
        for piece in pieces:
            text += piece
            *whole, last = split_sentences(_inside(text)) or [""]
            if whole and not last.startswith("["):  # it may be a citation of the sentence before
                yield from self.checked("\n".join(whole))
                text = last + text[len(text.rstrip()) :]
        yield from self.checked(text)

    def _sentence(self, text: str) -> Written | None:
        numbers = [int(n) - 1 for mark in _MARK.findall(text) for n in mark.split(",")]
        cited = [n for n in dict.fromkeys(numbers) if 0 <= n < len(self._passages)]
        plain = _MARK.sub("", text).strip()
        if not content_words(plain):
            return None
        choices = [cited] if cited else []
        choices += [[n] for n in range(len(self._passages))]
        chosen = next((some for some in choices if self._supports(plain, some)), None)
        if chosen is None:
            return None
        marks = "".join(f"[{n + 1}]" for n in chosen)
        stop = re.search(rf"{_STOP}*$", plain)
        place = stop.start() if stop else len(plain)
        return Written(
            f"{plain[:place]} {marks}{plain[place:]}",
            tuple((n, self._nearest(plain, n)) for n in chosen),
        )

    def _supports(self, plain: str, passages: Sequence[int]) -> bool:
        """Whether passages together support a sentence."""
        plain = with_digits(as_ascii(plain))
        texts = " ".join(self._read[n] for n in passages)
        for number in _NUMBER.findall(plain):
            if not re.search(rf"(?<![\d.,:/-]){re.escape(number)}(?![.,:/-]?\d)", texts):
                return False
        held = set().union(*(self._stems[n] for n in passages))
        names = [name for name in _NAME.findall(plain) if name[0].isupper()]
        if any(not stems(name) <= held for name in names):
            return False
        words = stems(" ".join(content_words(plain)))
        return len(words & held) >= QUOTING.support * len(words)

    def _nearest(self, plain: str, passage: int) -> str:
        """The sentence of a passage that shares most stems with the written one."""
        words = stems(plain)
        text = self._passages[passage].partition("\n")[2]
        return max(split_sentences(text), key=lambda one: len(words & stems(one)))


def _inside(text: str) -> str:
    """The text with citations after a full stop moved before it."""
    return _BEHIND.sub(r"\2\1", text)


def joined(sentences: Sequence[Written]) -> str:
    """The text of sentences; an item of a list begins a line."""
    text = ""
    for one in sentences:
        text += ("\n" if ITEM.match(one.text) else " ") * bool(text) + one.text
    return text
