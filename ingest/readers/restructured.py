"""reStructuredText: headings and tables, without comments.

Directives that insert files or raw output are disabled.
"""

import re
from typing import TYPE_CHECKING

from ingest.readers.document import Outline, Section, block
from ingest.readers.encoding import decode
from ingest.readers.rows import row_text

if TYPE_CHECKING:
    from docutils.nodes import Element, document, table

_SAFE = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "syntax_highlight": "none",
    "line_length_limit": 10_000_000,
    # Messages, such as those about directives of Sphinx, are dropped: the source text is kept.
    "report_level": 5,
    "halt_level": 6,
    "warning_stream": False,
    # A heading stays a heading.
    "doctitle_xform": False,
    "docinfo_xform": False,
    "smart_quotes": False,
}
# Explicit markup that is no footnote, no target, no substitution and no directive.
_COMMENT = re.compile(r"\.\.(?:$|\s+(?!\[|_|\||[\w:+.-]+\s*::))")


def read_restructured(data: bytes, name: str) -> tuple[str, list[Section]]:
    """Sections of the source text, with its marks; the rows of a table name their columns.

    The title is the first heading, else the file's name.
    """
    from docutils import nodes
    from docutils.core import publish_doctree
    from docutils.parsers.rst import Parser, states

    text = "\n".join(_without_comments(decode(data).split("\n")))
    # Inline marks are not parsed: with hostile input that takes hours.
    inliner = states.Inliner()
    inliner.parse = lambda text, *_: ([nodes.Text(text)], [])
    parser = Parser(inliner=inliner)
    tree: document = publish_doctree(text, parser=parser, settings_overrides=_SAFE)
    lines = text.split("\n")
    outline = Outline()
    sections: list[Section | None] = []
    title = ""
    done = 0
    for node in tree.findall(lambda one: isinstance(one, nodes.section | nodes.table)):
        if not node.line or node.line <= done:
            continue  # inside a table that is taken already
        if isinstance(node, nodes.section):
            first = _heading_start(lines, node.line)
            sections.append(block(lines[done:first], done + 1, outline.path))
            heading = _plain(node[0].astext())
            level = _level(node)
            sections.append(outline.bare(sections, level))
            outline.enter(level, heading, first + 1)
            title = title or heading
            done = node.line
            continue
        first, last = node.line - 1, _table_end(lines, node.line - 1)
        rows = _rows(node, lines, first, last)
        if rows:
            sections.append(block(lines[done:first], done + 1, outline.path))
            sections.append(block(rows, first + 1, outline.path, "table"))
            done = last
    sections.append(block(lines[done:], done + 1, outline.path))
    sections.append(outline.bare(sections))
    return title or name, [section for section in sections if section]


def _without_comments(lines: list[str]) -> list[str]:
    """The lines, with blank ones in place of comments."""
    kept = list(lines)
    within = False
    for number, line in enumerate(lines):
        if within and line.strip() and not line[0].isspace():
            within = False
        if _COMMENT.match(line):
            following = "".join(lines[number + 1 : number + 2])
            within = bool(line[2:].strip() or following.strip())  # ".." alone comments nothing out
            kept[number] = ""
        elif within:
            kept[number] = ""
    return kept


def _plain(heading: str) -> str:
    """A heading's text without the marks of roles, links, emphasis and code."""
    heading = re.sub(r"``(.+?)``", r"\1", heading)
    heading = re.sub(r"(?::[\w:.+-]+:)?`([^`<]*[^`< ])(?: ?<[^`<>]*>)?`_{0,2}", r"\1", heading)
    heading = re.sub(r"(\*\*?)(?=\S)([^*]+?)(?<=\S)\1", r"\2", heading)
    return " ".join(heading.split())


def _level(section: "Element") -> int:
    """The depth of a section, from 1."""
    level = 0
    node: Element | None = section
    while node is not None:
        level += node.tagname == "section"
        node = node.parent
    return level


def _heading_start(lines: list[str], end: int) -> int:
    """The index of the first line of a heading whose last line has the number `end`."""
    above = lines[end - 3].rstrip() if end > 2 else ""
    overlined = above and above == lines[end - 1].rstrip() and not above[0].isalnum()
    return end - 3 if overlined else end - 2


def _table_end(lines: list[str], first: int) -> int:
    """The index after the last line of the table, or of the directive, that begins at `first`."""
    opening = lines[first]
    indent = len(opening) - len(opening.lstrip())
    end = first + 1
    if opening.lstrip().startswith(".."):
        while end < len(lines) and (
            not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
        ):
            end += 1
    elif opening.lstrip().startswith("="):
        rule = re.compile(r"\s*=+(?: +=+)*")
        while end < len(lines) and not (
            rule.fullmatch(lines[end]) and not "".join(lines[end + 1 : end + 2]).strip()
        ):
            end += 1
        end = min(end + 1, len(lines))
    else:
        while end < len(lines) and lines[end].strip():
            end += 1
    return end


def _rows(node: "table", lines: list[str], first: int, last: int) -> list[str]:
    """The rows of a table, each on the line of the file where it begins; other lines are blank.

    Empty if the parser has no line for some row, as in the directive `csv-table`: then the source
    text is used.
    """
    from docutils import nodes

    header: list[str] = []
    placed = [""] * (last - first)
    title = next(iter(node.findall(nodes.title)), None)
    if title is not None:
        placed[0] = " ".join(title.astext().split())
    for row in node.findall(nodes.row):
        cells: list[str] = []
        for entry in row:
            text = " ".join(entry.astext().split())
            cells += [text] * (min(int(entry.get("morecols", 0)), 100) + 1)
        if isinstance(row.parent, nodes.thead):
            header = cells
            continue
        numbers = [one.line for one in row.findall() if one.line]
        at = min(numbers, default=0) - 1 - first
        text = " ".join(row_text(header, cells).split())
        if not text:
            continue
        if not 0 <= at < len(placed) or placed[at]:
            return []
        placed[at] = text
    return placed
