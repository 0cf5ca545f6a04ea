"""The result of a reader: a document made of sections. Knows no format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["prose", "table", "code"]
Metadata = Mapping[str, tuple[str, ...]]  # such as author and tags


@dataclass(frozen=True)
class Section:
    r"""A stretch of one kind of text under one heading.

    Attributes:
        heading: The path of headings above it, outermost first; may be empty.
        text: Normalised text. In prose a blank line ends a paragraph; in a table a line is a row,
            and an indented line belongs to the row before it.
        kind: How the text may be divided.
        first_line: The 1-based line of the file where `text` starts: line i of `text` (from 0) is
            line `first_line + i` of the file. None if the format has no lines.
        page: The 1-based page, if the format has pages.
        ends: Pairs of lines of the file: the line that a row is given on, and the last of the lines
            that it was written on, where these are more.
        shared: All pages of a site have it, such as its footer; the file's title is not its
            heading.
    """

    heading: tuple[str, ...]
    text: str
    kind: Kind = "prose"
    first_line: int | None = None
    page: int | None = None
    ends: tuple[tuple[int, int], ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Document:
    """One file as text with its structure; keys and values of the metadata in lower case.

    `notes` are lines about what was left out, such as "pages 3 and 7 hold no text". `sha256` is
    the digest of the bytes that were read, as 64 hex characters.
    """

    title: str
    media_type: str
    sections: tuple[Section, ...]
    metadata: Metadata = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sha256: str = ""


class Parsed(NamedTuple):
    """The result of parsing a file's bytes; a reader without notes may return a pair."""

    title: str
    sections: Sequence[Section]
    notes: Sequence[str] = ()


def counted(number: int, what: str) -> str:
    """`1 page`, `2 pages`: for notes."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Outline:
    """The path of headings at one place of a document, updated heading by heading."""

    def __init__(self) -> None:
        """Begin above the first heading."""
        self._open: list[tuple[int, str, int | None]] = []

    def enter(self, level: int, title: str, line: int | None = None) -> None:
        """Begin a heading; it ends those of the same and of lower levels."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        if title:
            self._open.append((level, title, line))

    def bare(self, sections: Sequence[Section | None], level: int = 0) -> Section | None:
        """The innermost heading as a section, if a heading of `level` ends it without a body.

        Called before `enter`, and at the end of a document: so a line of an agenda, or a slide with
        only a title, is text that can be found.

        Args:
            sections: The sections so far.
            level: The level of the heading that follows; 0 at the end.
        """
        if not self._open or self._open[-1][0] < level:
            return None
        path = self.path
        last = next((section for section in reversed(sections) if section), None)
        if last is not None and last.heading[: len(path)] == path:
            return None
        return Section(path[:-1], path[-1], first_line=self._open[-1][2])

    @property
    def path(self) -> tuple[str, ...]:
        """The open headings, outermost first."""
        return tuple(title for _, title, _ in self._open)


def block(
    lines: list[str],
    first_line: int,
    heading: tuple[str, ...] = (),
    kind: Kind = "prose",
) -> Section | None:
    """A section of these lines, stripped of blank lines; None if all are blank."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if not filled:
        return None
    text = "\n".join(lines[filled[0] : filled[-1] + 1])
    return Section(heading, text, kind, first_line + filled[0])
