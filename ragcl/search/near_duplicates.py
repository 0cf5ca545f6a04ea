"""Near duplicates among hits, and older versions of the same passage.

The same text in two files is one chunk already. Here two hits become one if they have the same
words with other spacing, case or punctuation, or if one holds every sentence of the other. Of two
versions of a file only the newest is shown. Files are versions of each other if

- the name of one marks it as a copy, a version or old (in `old/`, `handbook (1).md`,
  `handbook_v2.md`),
- their paths differ only in the date of a folder (`2025/handbook.md`, `2026/handbook.md`),
- or most of their chunks are the same, and their names have the same numbers.

Similar texts of other files both stay. So do texts that differ in a word in which their paths
differ: of two teams' budgets, or two products' releases, neither is out of date. Of the same words
under many headings only the first few hits are shown.

An untrusted text never replaces a trusted one: anybody may write it, and call it the newest
version. Knows no index and no question.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath

from ragcl.catalog.passage import Passage
from ragcl.search.recipe import SEARCH
from ragcl.text.scripts import spaced
from ragcl.text.sentences import split_sentences

KEPT_TEXTS = 4096  # whose words are remembered: those of a search are compared with one another
_OLD = frozenset("old older obsolete outdated superseded previous archive archived attic".split())
_OLD |= {"backup", "backups", "bak", "orig"}
# A number keeps its sign and decimals, and C++ its signs: without them they would be other words.
_WORD = re.compile(
    r"(?<![\w.,])[-+\u2212]?\d+(?:[.,:]\d+)*(?![^\W_])|[^\W\d_][^\W_]*(?:\+\+|#)?|\w+|[%$\u20ac\u00a3]"
)
_COPY = re.compile(r"\(\d+\)|\bcopy( of)?\b|\bkopie\b")
_VERSION = re.compile(r"\bv(?:ersion)?[\s.]?(\d+)\b")
_DATE = re.compile(r"\b((?:19|20)\d\d)(?:[ .]?(0[1-9]|1[0-2])(?:[ .]?(0[1-9]|[12]\d|3[01]))?)?\b")

Contents = Callable[[str, str], frozenset[int]]  # root, source → the ids of that file's chunks


@dataclass(frozen=True)
class _Name:
    """A parsed path: the document's name, and what marks its version."""

    document: tuple[str, ...]
    folders: str  # without their dates
    words: frozenset[str]
    marked: bool
    old: bool
    version: int
    date: tuple[str, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers in the document's name."""
        return tuple(re.findall(r"\d+", " ".join(self.document)))


def collapse(chunks: Sequence[Passage], contents: Contents) -> list[Passage]:
    """Leave out what another chunk stands for.

    Args:
        chunks: what was retrieved, best first.
        contents: gives the ids of all chunks of a file, by its root and source.

    Returns:
        What is shown, each in the place of the best chunk that it stands for; `elsewhere` names the
        other sources that say just the same, `supersedes` those of older versions.
    """
    shown: list[Passage] = []
    places: dict[tuple[tuple[str, ...], str], list[int]] = {}  # in `shown`, by heading
    repeats: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for chunk in chunks:
        same_heading = places.setdefault(_heading(chunk), [])
        for place in same_heading:
            stands = _stands_for_both(shown[place], chunk, contents)
            if stands is not None:
                shown[place] = stands
                break
        else:
            words = _words(chunk.text), chunk.trusted
            repeats[words] += 1
            if repeats[words] <= SEARCH.repeats:
                same_heading.append(len(shown))
                shown.append(chunk)
    # A replacement may duplicate a third hit that the replaced one did not.
    return shown if len(shown) == len(chunks) else collapse(shown, contents)


def _stands_for_both(one: Passage, other: Passage, contents: Contents) -> Passage | None:
    """The chunk to show in the place of two under the same heading; None if both are."""
    if one.trusted != other.trusted:
        trusted, guest = (one, other) if one.trusted else (other, one)
        return _stands_for_guest(trusted, guest, contents)
    if _words(one.text) == _words(other.text):
        return _also_in(one, other)
    if _versions_of_one_passage(one, other, contents):
        return _superseding(other, one) if _newer(other, one) else _superseding(one, other)
    if _sentences(other.text) < _sentences(one.text):
        return _also_in(one, other)
    if _sentences(one.text) < _sentences(other.text):
        return _also_in(other, one)
    return None


def _stands_for_guest(trusted: Passage, guest: Passage, contents: Contents) -> Passage | None:
    """A trusted chunk, where it says all that an untrusted one does, or says it anew."""
    if _words(trusted.text) == _words(guest.text):
        return _also_in(trusted, guest)
    if _versions_of_one_passage(trusted, guest, contents):
        return _superseding(trusted, guest) if _newer(trusted, guest) else None
    return _also_in(trusted, guest) if _sentences(guest.text) < _sentences(trusted.text) else None


def _also_in(shown: Passage, same: Passage) -> Passage:
    sources = dict.fromkeys([*shown.elsewhere, same.source, *same.elsewhere])
    sources.pop(shown.source, None)
    older = dict.fromkeys([*shown.supersedes, *same.supersedes])
    known = [*shown.vouched, *([same.source] if same.trusted else []), *same.vouched]
    vouched = tuple(one for one in dict.fromkeys(known) if one != shown.source)
    return replace(shown, elsewhere=tuple(sources), supersedes=tuple(older), vouched=vouched)


def _superseding(shown: Passage, older: Passage) -> Passage:
    sources = dict.fromkeys([*shown.supersedes, older.source, *older.elsewhere, *older.supersedes])
    sources.pop(shown.source, None)
    return replace(shown, supersedes=tuple(sources))


def _versions_of_one_passage(one: Passage, other: Passage, contents: Contents) -> bool:
    if (one.root, one.source) == (other.root, other.source):
        return False
    pairs, others = _pairs(one.text), _pairs(other.text)
    shared = len(pairs & others)
    if not shared or shared < SEARCH.alike * (len(pairs) + len(others) - shared):
        return False
    first, second = _name(one.root, one.source), _name(other.root, other.source)
    if first.document == second.document and (first.marked or second.marked):
        return True
    if _named_apart(one, first, other, second):
        return False
    if first.document == second.document and first.folders == second.folders:
        return bool(first.date and second.date) and first.date != second.date
    if first.numbers != second.numbers:  # two months, two rooms
        return False
    held, also_held = contents(one.root, one.source), contents(other.root, other.source)
    both = len(held & also_held)
    return both >= SEARCH.shared_chunks and both >= SEARCH.shared * max(len(held), len(also_held))


def _named_apart(one: Passage, first: _Name, other: Passage, second: _Name) -> bool:
    """Whether the texts differ in words by which the paths differ: they are about two things."""
    words, others = set(_words(one.text)), set(_words(other.text))
    return bool(
        (words - others) & (first.words - second.words)
        or (others - words) & (second.words - first.words)
    )


def _newer(one: Passage, other: Passage) -> bool:
    """By what the paths say; else by when the files were changed."""
    (named, date), (also_named, other_date) = _currency(one), _currency(other)
    if named != also_named:
        return named > also_named
    if date and other_date and date != other_date:
        return date > other_date
    return one.modified_ns > other.modified_ns


def _currency(chunk: Passage) -> tuple[tuple[bool, int], tuple[str, ...]]:
    also = chunk.vouched if chunk.trusted else chunk.elsewhere
    names = [_name(chunk.root, source) for source in (chunk.source, *also)]
    return max((not name.old, name.version) for name in names), max(name.date for name in names)


def _heading(chunk: Passage) -> tuple[tuple[str, ...], str]:
    """The heading path; a title that is but the name of the file, as what document it names."""
    title, _, rest = chunk.heading.partition(" > ")
    if title == PurePosixPath(chunk.source.rpartition("/")[2]).stem:
        return _name(chunk.root, chunk.source).document, rest
    return (title,), rest


@lru_cache(maxsize=1024)
def _name(root: str, source: str) -> _Name:
    path = PurePosixPath(_spaced(source))
    stem = path.stem
    versions = [int(number) for number in _VERSION.findall(stem)]
    plain = re.findall(r"\w+", _COPY.sub(" ", _VERSION.sub(" ", stem)))
    document = tuple(word for word in plain if word not in _OLD)
    folders = {word for folder in path.parts[:-1] for word in folder.split()}
    old = len(document) < len(plain) or bool(folders & _OLD)
    place = str(PurePosixPath(_spaced(root), path).parent)
    dates = [tuple(filter(None, found)) for found in _DATE.findall(place)]
    return _Name(
        document=document,
        folders=" ".join(re.findall(r"\w+", _DATE.sub(" ", place))),
        words=frozenset(re.findall(r"\w+", f"{place} {stem}")),
        marked=old or bool(versions) or _COPY.search(stem) is not None,
        old=old,
        version=max(versions, default=0),
        date=max(dates, default=()),
    )


def _spaced(path: str) -> str:
    return path.lower().replace("_", " ").replace("-", " ")


@lru_cache(maxsize=KEPT_TEXTS)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(spaced(text).lower()))


@lru_cache(maxsize=KEPT_TEXTS)
def _pairs(text: str) -> frozenset[int]:
    """The hashes of word bigrams: so two texts are compared in microseconds."""
    return frozenset(map(hash, pairwise(_words(text))))


@lru_cache(maxsize=KEPT_TEXTS)
def _sentences(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(words for words in map(_words, split_sentences(text)) if words)
