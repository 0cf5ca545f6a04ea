"""Markdown: headings, fenced code, pipe tables, front matter; no comments and no struck-out text.

Knows the blocks of CommonMark and none of its inline marks, which stay in the text.
"""

import re
from itertools import groupby
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.readers.document import Kind, Metadata, Outline, Section, block
from ingest.readers.encoding import decode
from ingest.readers.keyed import is_mapping, keyed_section, top_values

if TYPE_CHECKING:
    from markdown_it.token import Token

_LEFT_OUT = re.compile(
    r"""
      (?P<code>(?<!`)(`+)(?!`)(?:[^\n]|\n(?!\s*\n))*?(?<!`)\2(?!`))  # inline code is as it is
    | ^\ {0,3}<!--.*?-->                # a block: may hold blank lines
    | <!--(?:[^\n]|\n(?!\s*\n))*?-->   # within a paragraph
    | ^\[(?://|comment)\]:\ (?:\#|<>)\ ["'(].*?["')]$  # a link that nothing refers to
    | (?P<struck>(?<![~\\])~~(?=[^\s~])(?:[^\n]|\n(?!\s*\n))*?(?<=[^\s~])~~(?!~)
        |<(?P<tag>del|s|strike)>(?:[^\n]|\n(?!\s*\n))*?</(?P=tag)>)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_MAY_LEAVE_OUT = re.compile(r"<!--|^\[|~~|<(?:del|s|strike)>", re.IGNORECASE | re.MULTILINE)
_BARE_MARK = re.compile(r"[\s>]*(?:[-*+]|\d+[.)])?\s*(?:\[[ xX]\])?\s*")
_DESCRIBING = frozenset({"description", "summary", "abstract", "excerpt", "subtitle"})
# The title, which is that of the document; tags, which are for filters; keys of site generators.
_NOT_TEXT = frozenset(
    "title linktitle tags tag keywords categories category layout template permalink slug url "
    "aliases alias redirect_from redirects weight order nav_order nav_exclude parent has_children "
    "sidebar sidebar_position sidebar_label hide_title toc draft published comments math mermaid "
    "image images cover thumbnail icon css class cssclass cssclasses jupyter kernelspec "
    "output bibliography csl".split()
)
# A line of front matter that is no valid YAML: `title: Ports: an overview`.
_LIKE_YAML = re.compile(r"[\w.-]+\s*:(?:\s|$)|\s|-\s|#|$")


def read_markdown(data: bytes, name: str) -> tuple[str, list[Section]]:
    """Sections of the source text, with its marks, divided by the blocks of CommonMark.

    The title is that of the front matter, else the first top heading, else the file's name. A
    description in the front matter is prose. Its other keys are a table, every value with the path
    of its keys, except keys that say nothing about the subject.
    """
    outline = Outline()
    sections: list[Section] = []
    title = add_markdown(sections, decode(data).split("\n"), outline)
    if bare := outline.bare(sections):
        sections.append(bare)
    return title or name, sections


def front_matter(data: bytes) -> Metadata:
    """The keys of the front matter."""
    lines = decode(data).split("\n")
    end = _front_matter_end(lines)
    return top_values(lines[1 : end - 1]) if end else {}


def add_markdown(sections: list[Section], lines: list[str], outline: Outline) -> str:
    """Add the sections of these lines below `outline`; returns the title, or "" without one.

    A heading without a body at the end is left to the caller: more may follow.
    """

    def add(section: Section | None) -> None:
        if section:
            sections.append(section)

    title = ""
    body = 0
    if end := _front_matter_end(lines):
        inside = lines[1 : end - 1]
        described, fields = _front_matter_parts(inside)
        for section in described:
            add(section)
        add(keyed_section(fields, 2))
        title = _front_matter_title(inside)
        body = end
    # Blank lines in the place of the front matter keep the line numbers.
    lines = [""] * body + lines[body:]
    tokens = _blocks(lines)
    if any(_MAY_LEAVE_OUT.search(line) for line in lines):
        lines = _without_what_is_left_out(lines, tokens)
        tokens = _blocks(lines)

    done = body  # lines before this one are in a section, or are a heading
    for position, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        first, last = token.map
        if token.type == "heading_open":
            add(block(lines[done:first], done + 1, outline.path))
            heading = _plain(tokens[position + 1].content)
            level = int(token.tag[1:])
            add(outline.bare(sections, level))
            outline.enter(level, heading, first + 1)
            if level == 1 and not title:
                title = heading
            done = last
        elif token.type in ("fence", "code_block", "table_open"):
            add(block(lines[done:first], done + 1, outline.path))
            kind: Kind = "table" if token.type == "table_open" else "code"
            taken = lines[first:last]
            if kind == "table":
                taken = [_compact(line) for line in taken]
            add(block(taken, first + 1, outline.path, kind))
            done = last
    add(block(lines[done:], done + 1, outline.path))
    return title


def _blocks(lines: list[str]) -> "list[Token]":
    """The blocks of these lines; inline marks are not parsed, which hostile input makes slow."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser.parse("\n".join(lines))


def _without_what_is_left_out(lines: list[str], tokens: "list[Token]") -> list[str]:
    """As many lines, without comments and struck-out text; code stays."""
    code: set[int] = set()
    for token in tokens:
        if token.type in ("fence", "code_block") and token.map:
            code.update(range(*token.map))
    kept: list[str] = []
    for is_code, run in groupby(range(len(lines)), key=code.__contains__):
        text = "\n".join(lines[number] for number in run)
        if not is_code and _MAY_LEAVE_OUT.search(text):
            text = _LEFT_OUT.sub(_in_its_place, text)
        kept += text.split("\n")
    # Of an item that is struck out as a whole only its mark is left.
    return [
        "" if line != before and _BARE_MARK.fullmatch(line) else line.rstrip()
        for line, before in zip(kept, lines, strict=True)
    ]


def _in_its_place(found: re.Match[str]) -> str:
    between = " " if found["struck"] else ""
    return found["code"] or "\n" * found[0].count("\n") + between


def _compact(row: str) -> str:
    """A table row without padding: every dash of a rule may cost a token."""
    return re.sub(r"-{4,}", "---", re.sub(r"(?<=\S) {2,}", " ", row))


def _front_matter_end(lines: list[str]) -> int:
    """The number of lines of the front matter with its two marks; 0 without one."""
    if lines[0] != "---":
        return 0
    end = next((at for at, line in enumerate(lines[1:], start=2) if line in ("---", "...")), 0)
    inside = lines[1 : end - 1]
    if not any(re.match(r"[\w.-]+\s*:", line) for line in inside):
        return 0
    # A letter may begin with a rule too; its text has no keys and values.
    return end if is_mapping(inside) or all(map(_LIKE_YAML.match, inside)) else 0


def _front_matter_parts(lines: list[str]) -> tuple[list[Section], list[str]]:
    """The descriptions in front matter, and its lines without them and without keys of no use.

    Removed lines are blank.
    """
    values = {key.lower(): " ".join(found) for key, found in top_values(lines).items()}
    described: list[Section] = []
    fields: list[str] = []
    taken = False
    for number, line in enumerate(lines, start=2):
        if found := re.match(r"([\w.-]+)\s*:(?:\s|$)", line):
            key = found[1].lower()
            text = normalise(" ".join(values.get(key, "").split())) if key in _DESCRIBING else ""
            if text:
                described.append(Section((), text, first_line=number))
            taken = bool(text) or key in _NOT_TEXT
        elif line.startswith("#"):
            taken = True  # a note for whoever edits it
        fields.append("" if taken else line)
    return described, fields


def _front_matter_title(lines: list[str]) -> str:
    """The value of a top-level `title:`, without its quotes."""
    for line in lines:
        if match := re.match(r"title\s*:\s+(.+)$", line, re.IGNORECASE):
            value = match[1].strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            return "" if value in ("|", ">", "|-", ">-") else value
    return ""


def _plain(heading: str) -> str:
    """A heading's text without the marks of links, emphasis, code and anchors."""
    heading = " ".join(heading.split())
    heading = re.sub(r"!?\[([^\]\[]*)\](?:\([^()]*\)|\[[^\]\[]*\])", r"\1", heading)
    heading = re.sub(r"\s*\{[#.:][^{}]*\}\s*$", "", heading)
    heading = re.sub(r"</?[A-Za-z][^<>]*>", "", heading)
    heading = re.sub(r"(\*\*|__|\*|`|~~)(?=\S)([^*`~]+?)(?<=\S)\1", r"\2", heading)
    return " ".join(heading.split())
