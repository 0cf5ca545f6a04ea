"""Structure-aware splitting within the embedder's token limit.

A section that fits is one chunk. A longer one is split between its blocks (paragraphs, rows, code
between blank lines), and a block only if it alone is too long. Each piece of a split row begins
with the row's first cell. Records too many for a chunk share none with other text. Knows no
tokenizer: the caller counts tokens.
"""

import hashlib
import re
import unicodedata
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from operator import itemgetter

from ingest import cleaning
from ingest.readers.document import Document, Kind, Section

_LEAST_TOKENS = 16
_RULE_ROW = re.compile(r"[ \t|:-]*-[ \t|:-]*")
_CELL = re.compile(r"[^:;|\n]{1,100}: ([^;\n]{1,100}); ")
# Where a line that is too long is split: after a sentence, a clause, a word. No space need follow
# the stops of Armenian, Arabic, Hindi, Tibetan, Burmese, Ethiopic, Khmer, Chinese and Japanese.
_STOPS = (
    "\u0589\u061f\u06d4\u0964\u0965\u0f0d\u0f0e\u104b\u1362\u1367\u17d4\u17d5"
    "\u3002\uff01\uff1f\uff61"
)
_PAUSES = "\u060c\u061b\u104a\u1363-\u1366\u3001\uff0c\uff1a\uff1b\uff64"
_CLOSING = "\u2019\u201d\u300b\u300d\u300f\u3011\uff09"
# The start of a row, and the key that leads to it if it is a record: `berths.name: North`.
_ROW = re.compile(r"([^\s:;|#]+)\.[^\s.:;|]+: |[^\s#]")
_NEXT_CELL = r"(?<=;)\s+(?=[^\s:;][^:;]{0,99}:\s)"  # of a row that names its columns
_SEPARATORS = [
    rf"(?<=[.!?])\s+|(?:(?<=[{_STOPS}])|(?<=[{_STOPS}][{_CLOSING}]))(?![{_STOPS}{_CLOSING}])",
    rf"(?<=[;:,])\s+|(?<=[{_PAUSES}])",
    r"\s+",
]


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: the unit of retrieval, citation and learning.

    Attributes:
        text: The source's own text; a piece of a table begins with the table's header, and a piece
            of a row with the row's first cell.
        heading: The path of headings joined by " > ", the document's title first.
        lines: First and last line in the file, 1-based, where the format has lines.
        page: The page, where the format has pages.
        content_hash: The identity: equal for equal `heading` and `text`, up to white space where it
            has no meaning.
        flags: Why it must not be learned: see `cleaning.flags`.
    """

    text: str
    heading: str
    lines: tuple[int, int] | None
    page: int | None
    content_hash: str
    flags: frozenset[str]


@dataclass(frozen=True)
class _Block:
    """A stretch of a section that is not split further.

    `gap` is the text between it and the block before; `header` the table header above it (empty if
    it is, or begins with, the header); `key` the first cell of the row of which it is a later
    piece; `cost` its number of tokens without special tokens.
    """

    text: str
    gap: str
    lines: tuple[int, int] | None
    header: str
    cost: int
    kind: Kind
    key: str = ""


def embedding_text(heading: str, text: str) -> str:
    """The text that is embedded, to which the token limit applies."""
    return f"{heading}\n{text}" if heading else text


def content_hash(heading: str, text: str, kind: Kind = "prose") -> str:
    """32 hex characters of SHA-256 over heading path and text, white space folded.

    White space of code is kept, and that at the start or end of a table's lines: it has a meaning.
    """
    text = unicodedata.normalize("NFC", cleaning.normalise(text))
    if kind == "prose":
        text = _folded(text)
    elif kind == "table":
        text = re.sub(r"(?<=\S)[^\S\n]+", " ", text)
    heading = _folded(unicodedata.normalize("NFC", cleaning.normalise(heading)))
    return hashlib.sha256(f"{heading}\n{text}".encode()).hexdigest()[:32]


def _folded(text: str) -> str:
    return " ".join(text.split())


def chunk(
    document: Document, *, count_tokens: Callable[[str], int], max_tokens: int
) -> list[Chunk]:
    """Split a document into chunks whose `embedding_text` has at most `max_tokens` tokens.

    Consecutive sections under the same heading (a paragraph, its table, its code) are split as one.
    Nothing is joined across headings or pages, so that an edit under one heading changes no chunk
    under another. Where a long section is split depends on the text around the split and not on the
    distance from its start, so that an edit changes only the chunks near it (content-defined
    chunking). Sections that all pages of a site share have no title in their heading, so that they
    are the same chunk in every page.

    Args:
        document: The result of a reader.
        count_tokens: The embedder's token count of a text, special tokens included.
        max_tokens: The embedder's limit.

    Raises:
        ValueError: `max_tokens` leaves no room for text.
    """
    counter = _Counter(count_tokens)
    if max_tokens - counter.overhead < _LEAST_TOKENS:
        raise ValueError(
            f"max_tokens={max_tokens} leaves less than {_LEAST_TOKENS} tokens for text beside the "
            f"{counter.overhead} that the tokenizer always adds"
        )
    chunks: list[Chunk] = []
    for (path, page, shared), run in groupby(
        document.sections, key=lambda one: (one.heading, one.page, one.shared)
    ):
        title = "" if shared else document.title
        heading = _heading(title, path, counter, (max_tokens - counter.overhead) // 2)
        splitter = _Splitter(counter, heading, max_tokens)
        for group in splitter.groups(list(run)):
            text = _text(group)
            chunks.append(
                Chunk(
                    text=text,
                    heading=heading,
                    lines=_lines(group),
                    page=page,
                    content_hash=content_hash(heading, text, _kind(group)),
                    flags=cleaning.flags(embedding_text(heading, text)),
                )
            )
    return chunks


class _Counter:
    """Counts tokens with and without special tokens.

    Counts are cached, since splitting asks for most of them several times.
    """

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self.total = cache(count_tokens)
        self.overhead = count_tokens("")

    def own(self, text: str) -> int:
        """The tokens of the text itself; at least one, so that no piece is free."""
        return max(1, self.total(text) - self.overhead) if text else 0


class _Splitter:
    """Splits the sections under one heading."""

    def __init__(self, counter: _Counter, heading: str, max_tokens: int) -> None:
        self._counter = counter
        self._heading = heading
        self._max_tokens = max_tokens
        self._room = max_tokens - counter.overhead
        if heading:
            self._room -= counter.own(f"{heading}\n")

    def groups(self, sections: Sequence[Section]) -> Iterator[list[_Block]]:
        """The blocks of each chunk, in order."""
        whole = [
            _Block(
                text=section.text,
                gap="\n\n",
                lines=_Lines(section).span(0, len(section.text)),
                header="",
                cost=0,
                kind=section.kind,
            )
            for section in sections
            if section.text.strip()
        ]
        if whole and self._fits(whole):
            yield whole
            return
        blocks = [block for section in sections for block in self._blocks(section)]
        for some, room in self._apart(blocks):
            for group in self._pack(some, room):
                yield from self._within_limit(group)

    def _apart(self, blocks: Iterable[_Block]) -> Iterator[tuple[list[_Block], int]]:
        """Stretches of blocks that share no chunk, and the tokens that a chunk of each may take.

        The records below one key that do not fit into a chunk are such a stretch. They take half of
        one each: whatever stands beside a record in its chunk makes it harder to find.
        """
        rest: list[_Block] = []
        for key, run in groupby(_with_key(blocks), key=itemgetter(0)):
            some = [block for _, block in run]
            records = sum(block.text.startswith(f"{key}.") for block in some) if key else 0
            if records > 1 and sum(block.cost for block in some) > self._room:
                if rest:
                    yield rest, self._room
                yield some, self._room // 2
                rest = []
            else:
                rest += some
        if rest:
            yield rest, self._room

    def _pack(self, blocks: Iterable[_Block], room: int) -> Iterator[list[_Block]]:
        """Fill groups with so many tokens, in order.

        A group that is half full also ends where the checksum of its last block is even
        (content-defined chunking, Muthitacharoen et al., LBFS, SOSP 2001). So after an edit the
        boundaries are soon the same as before; filling alone would move all that follow.
        """
        group: list[_Block] = []
        cost = 0
        for block in blocks:
            if group:
                full = cost + block.cost > room
                may_end = cost * 2 >= room and _checksum(group[-1]) % 2 == 0
                if full or may_end:
                    yield group
                    group, cost = [], 0
            if not group:
                cost = self._counter.own(block.header) + self._counter.own(block.key)
            group.append(block)
            cost += block.cost
        if group:
            yield group

    def _within_limit(self, group: list[_Block]) -> Iterator[list[_Block]]:
        """The group, split further if it is too long when counted as a whole."""
        if self._fits(group):
            yield group
        elif len(group) > 1:
            middle = len(group) // 2
            yield from self._within_limit(group[:middle])
            yield from self._within_limit(group[middle:])
        elif group[0].header or group[0].key:
            yield from self._within_limit([replace(group[0], header="", key="")])
        else:
            for half in _halves(group[0]):
                yield from self._within_limit([half])

    def _fits(self, group: Sequence[_Block]) -> bool:
        text = embedding_text(self._heading, _text(group))
        return self._counter.total(text) <= self._max_tokens

    def _blocks(self, section: Section) -> Iterator[_Block]:
        """The blocks of a section, split to the token limit where possible."""
        lines = _Lines(section)
        header_end = _header_end(section)
        header = section.text[:header_end].rstrip("\n")
        if header and self._counter.own(f"{header}\n") * 2 > self._room:
            header, header_end = "", 0
        room = self._room - self._counter.own(f"{header}\n" if header else "")
        last_end = 0
        for start, end, key in self._pieces(section, header_end, room):
            gap = section.text[last_end:start] if last_end else "\n\n"
            if section.kind != "code":
                gap = re.sub(r"\n\s*\n", "\n\n", gap)
            text = section.text[start:end]
            yield _Block(
                text=text,
                gap=gap,
                lines=lines.span(start, end),
                header=header if start >= header_end else "",
                cost=self._counter.own(gap + text),
                key=key,
                kind=section.kind,
            )
            last_end = end

    def _pieces(
        self, section: Section, header_end: int, room: int
    ) -> Iterator[tuple[int, int, str]]:
        """The start and end in the section's text, and the key, of every block."""
        for start, end in _natural(section, header_end):
            if self._counter.own(section.text[start:end]) <= room:
                yield start, end, ""
                continue
            key = "" if section.kind != "table" else self._key(section.text[start:end], room)
            left = room - self._counter.own(key)
            for line in re.finditer(r".*\S", section.text[start:end]):
                at = start + line.start()
                if self._counter.own(line[0]) <= left:
                    yield at, at + len(line[0]), key if at > start else ""
                    continue
                for piece in self._divided(line[0], left, by_cell=bool(key)):
                    if piece.strip():
                        yield at, at + len(piece.rstrip()), key if at > start else ""
                    at += len(piece)

    def _key(self, row: str, room: int) -> str:
        """The first cells of a row that names its columns, up to one that has a word.

        Empty if there is none, or it is too long.
        """
        key = ""
        while match := _CELL.match(row, len(key)):
            key += match[0]
            if re.search(r"[^\W\d_]", match[1]):  # more than a number
                return key if self._counter.own(key) * 4 <= room else ""
        return ""

    def _divided(self, text: str, room: int, *, by_cell: bool) -> list[str]:
        """A line split into pieces that add up to it; only a single word may still be too long."""
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(
            separators=[_NEXT_CELL, *_SEPARATORS] if by_cell else _SEPARATORS,
            is_separator_regex=True,
            keep_separator="end",
            strip_whitespace=False,
            chunk_size=room,
            chunk_overlap=0,
            length_function=self._counter.own,
        )
        return splitter.split_text(text)


def _heading(title: str, path: tuple[str, ...], counter: _Counter, room: int) -> str:
    """Title and headings joined, shortened from the start to at most `room` tokens."""
    parts = [" ".join(part.split()) for part in path]
    title = " ".join(title.split())
    if title and title not in parts[:1]:
        parts.insert(0, title)
    while len(parts) > 1 and counter.own(" > ".join(parts) + "\n") > room:
        del parts[0]
    heading = " > ".join(part for part in parts if part)
    while heading and counter.own(f"{heading}\n") > room:
        heading = heading[: len(heading) // 2].rstrip()
    return heading


def _natural(section: Section, header_end: int) -> Iterator[tuple[int, int]]:
    """The start and end of paragraphs, of rows, or of code between blank lines.

    A row includes the indented lines below it, and the first row the table's header.
    """
    if section.kind == "table":
        pattern = re.compile(r"^\S.*(?:\n(?:[ \t].*)?(?=\n|\Z))*|^[ \t]+\S.*", re.MULTILINE)
    else:
        pattern = re.compile(r"^.*\S.*(?:\n.*\S.*)*", re.MULTILINE)
    begin = 0 if header_end else None
    for match in pattern.finditer(section.text, header_end):
        start = match.start() if begin is None else begin
        begin = None
        yield start, match.start() + len(match[0].rstrip())


def _header_end(section: Section) -> int:
    """Where the first row after the header of a Markdown table starts; 0 without a header."""
    if section.kind != "table":
        return 0
    names, _, rest = section.text.partition("\n")
    rule, _, rows = rest.partition("\n")
    return len(section.text) - len(rows) if rows and _RULE_ROW.fullmatch(rule) and names else 0


def _halves(block: _Block) -> list[_Block]:
    """A block without any place to split, split in the middle; a blank half is dropped."""
    middle = len(block.text) // 2
    if not middle:
        raise ValueError(f"the character {block.text!r} alone takes more than max_tokens")
    first = last = block.lines
    if block.lines:
        line = block.lines[0] + block.text.count("\n", 0, middle)
        first, last = (block.lines[0], line), (line, block.lines[1])
    halves = [
        replace(block, text=block.text[:middle], lines=first),
        replace(block, text=block.text[middle:], gap="", lines=last),
    ]
    return [half for half in halves if half.text.strip()]


def _with_key(blocks: Iterable[_Block]) -> Iterator[tuple[str, _Block]]:
    """Blocks with the key that leads to the record that they are or belong to; empty: to none."""
    key = ""
    for block in blocks:
        if block.kind != "table" or block.header:
            key = ""
        elif begun := None if block.key else _ROW.match(block.text):
            key = begun[1] or ""
        yield key, block


def _text(group: Sequence[_Block]) -> str:
    """The text of a chunk of these blocks."""
    first, *others = group
    text = f"{first.key}{first.text.lstrip()}" if first.key else first.text
    parts = [f"{first.header}\n{text}" if first.header else text]
    for block in others:
        parts.extend((block.gap, block.text))
    return "".join(parts)


def _kind(group: Sequence[_Block]) -> Kind:
    """The kind of a chunk of these blocks: the one in which white space matters most."""
    kinds = {block.kind for block in group}
    return "code" if "code" in kinds else "table" if "table" in kinds else "prose"


def _lines(group: Sequence[_Block]) -> tuple[int, int] | None:
    """First and last line of a chunk of these blocks."""
    spans = [block.lines for block in group if block.lines]
    # A record may go on behind a comment that is the last block.
    return (spans[0][0], max(last for _, last in spans)) if spans else None


class _Lines:
    """Maps positions in a section's text to lines of the file."""

    def __init__(self, section: Section) -> None:
        self._first = section.first_line
        self._breaks = [match.start() for match in re.finditer("\n", section.text)]
        self._ends = sorted(section.ends)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last line of the text from `start` to before `end`."""
        if self._first is None:
            return None
        first = self._first + bisect_left(self._breaks, start)
        last = self._first + bisect_left(self._breaks, end)
        # The last row may go on behind a comment within it.
        before = bisect_left(self._ends, (last + 1, 0))
        row, row_end = self._ends[before - 1] if before else (0, 0)
        return first, max(last, row_end) if row >= first else last


def _checksum(block: _Block) -> int:
    """A checksum of the block's words, without white space."""
    return zlib.crc32(" ".join(block.text.split()).encode())
