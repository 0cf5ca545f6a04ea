"""Hits that say the same twice, or that a newer version of their file says otherwise.

The same text in two files is one chunk already; here the same words with other spacing, case or
punctuation become one hit, and a file that calls itself a copy or an old version of another (in
`old/`, `handbook (1).md`, `handbook_v2.md`) gives way to the newest. Alike texts in files whose
names say no such thing both stay: two teams' budgets may differ in a number only. Knows no index
and no question.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from ragcl.catalog.documents import StoredChunk

ALIKE = 0.5  # share of pairs of words in both, of those in either: a version of the same passage
_OLD = frozenset("old older obsolete outdated superseded previous archive archived attic".split())
_OLD |= {"backup", "backups", "bak", "orig"}
_COPY = re.compile(r"\(\d+\)|\bcopy( of)?\b|\bkopie\b")
_VERSION = re.compile(r"\bv(?:ersion)?[\s.]?(\d+)\b")


@dataclass(frozen=True)
class _Name:
    """What a path says: the document, and how current it calls itself."""

    document: tuple[str, ...]
    marked: bool
    old: bool
    version: int


def collapse(chunks: Sequence[StoredChunk]) -> dict[int, StoredChunk]:
    """Leave out what another chunk stands for.

    Args:
        chunks: what was retrieved, best first.

    Returns:
        What is shown, by the id of the chunk whose place it takes, best first; `elsewhere` names
        the other sources that say just the same.
    """
    shown: dict[int, StoredChunk] = {}
    for chunk in chunks:
        for place, other in shown.items():
            if chunk.heading != other.heading:
                continue
            if _words(chunk) == _words(other):
                sources = dict.fromkeys([*other.elsewhere, chunk.source, *chunk.elsewhere])
                sources.pop(other.source, None)
                shown[place] = replace(other, elsewhere=tuple(sources))
                break
            if _versions_of_one_passage(chunk, other):
                shown[place] = max(other, chunk, key=_currency)
                break
        else:
            shown[chunk.id] = chunk
    return shown


def _versions_of_one_passage(one: StoredChunk, other: StoredChunk) -> bool:
    if (one.root, one.source) == (other.root, other.source):
        return False
    first, second = _name(one.source), _name(other.source)
    if first.document != second.document or not (first.marked or second.marked):
        return False
    pairs, others = (set(pairwise(words)) for words in (_words(one), _words(other)))
    return len(pairs & others) >= ALIKE * len(pairs | others) > 0


def _currency(chunk: StoredChunk) -> tuple[bool, int, int]:
    name = _name(chunk.source)
    return not name.old, name.version, chunk.modified_ns


def _name(source: str) -> _Name:
    path = PurePosixPath(source.lower().replace("_", " ").replace("-", " "))
    stem = path.stem
    versions = [int(number) for number in _VERSION.findall(stem)]
    plain = re.findall(r"\w+", _COPY.sub(" ", _VERSION.sub(" ", stem)))
    document = tuple(word for word in plain if word not in _OLD)
    folders = {word for folder in path.parts[:-1] for word in folder.split()}
    old = len(document) < len(plain) or bool(folders & _OLD)
    marked = old or bool(versions) or _COPY.search(stem) is not None
    return _Name(document, marked, old, max(versions, default=0))


def _words(chunk: StoredChunk) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", chunk.text.lower()))
