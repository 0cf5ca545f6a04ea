"""Markdown: headings, fenced code, pipe tables, YAML front matter."""

import re

from ingest.readers.document import Kind, Metadata, Outline, Section, block
from ingest.readers.encoding import decode
from ingest.readers.keyed import keyed_section, top_values


def read_markdown(data: bytes, name: str) -> tuple[str, list[Section]]:
    """Sections of the source text itself, marks included, divided as CommonMark divides it.

    The title is that of the front matter, else the first top heading, else the file's name. The
    front matter is a table of its own: every value with the path of keys that leads to it.
    """
    title, sections = markdown_sections(decode(data).split("\n"), Outline())
    return title or name, sections


def front_matter(data: bytes) -> Metadata:
    """The keys of the front matter."""
    lines = decode(data).split("\n")
    end = _front_matter_end(lines)
    return top_values(lines[1 : end - 1]) if end else {}


def markdown_sections(lines: list[str], outline: Outline) -> tuple[str, list[Section]]:
    """The title, empty if there is none, and the sections of these lines, going on in `outline`."""
    from markdown_it import MarkdownIt

    sections: list[Section | None] = []
    title = ""
    body = 0
    if end := _front_matter_end(lines):
        sections.append(keyed_section(lines[1 : end - 1], 2))
        title = _front_matter_title(lines[1 : end - 1])
        body = end
    # Blank lines in the place of the front matter keep the line numbers; only the block structure
    # is wanted, and inline parsing is where hostile input costs time.
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    tokens = parser.parse("\n".join([""] * body + lines[body:]))

    done = body  # lines before this one are in a section, or are a heading
    for position, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        first, last = token.map
        if token.type == "heading_open":
            sections.append(block(lines[done:first], done + 1, outline.path))
            heading = _plain(tokens[position + 1].content)
            level = int(token.tag[1:])
            outline.enter(level, heading)
            if level == 1 and not title:
                title = heading
            done = last
        elif token.type in ("fence", "code_block", "table_open"):
            sections.append(block(lines[done:first], done + 1, outline.path))
            kind: Kind = "table" if token.type == "table_open" else "code"
            taken = lines[first:last]
            if kind == "table":
                taken = [_compact(line) for line in taken]
            sections.append(block(taken, first + 1, outline.path, kind))
            done = last
    sections.append(block(lines[done:], done + 1, outline.path))
    return title, [section for section in sections if section]


def _compact(row: str) -> str:
    """A table row without what only lines it up: a rule of dashes may cost a token each."""
    return re.sub(r"-{4,}", "---", re.sub(r"(?<=\S) {2,}", " ", row))


def _front_matter_end(lines: list[str]) -> int:
    """The number of lines the front matter takes, its two marks included; 0 without one."""
    if lines[0] != "---" or not any(re.match(r"[\w-]+\s*:", line) for line in lines[1:20]):
        return 0
    for number, line in enumerate(lines[1:], start=2):
        if line in ("---", "..."):
            return number
    return 0


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
