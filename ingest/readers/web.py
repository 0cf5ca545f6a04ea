"""HTML: headings, paragraphs, lists, tables; menus, scripts and hidden parts left out.

The header and footer of a site are last, and marked as shared, so that they are stored once.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.cleaning import normalise, without_controls
from ingest.errors import ReadError
from ingest.readers.document import Kind, Metadata, Outline, Section
from ingest.readers.encoding import decode
from ingest.readers.links import write_out
from ingest.readers.raised import raised
from ingest.readers.rows import find_header, form_text, is_labelled, join_names, row_text
from ingest.readers.visible import (
    CLOSER,
    HEADINGS,
    OPENER,
    has_no_place,
    is_left_out,
    keep_most,
    show_what_opens,
)

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# fmt: off
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr",
    "html", "li", "main", "ol", "p", "section", "summary", "table", "tbody", "td", "th", "tr",
    "ul",
})
# fmt: on
# Names of the header and footer of a site. Classes are more specific, since cards and tables have a
# "header" too.
_SITE_ROLES = frozenset({"banner", "contentinfo"})
_SITE_IDS = frozenset({"header", "masthead", "footer", "colophon", "site-header", "site-footer"})
_SITE_CLASSES = frozenset({"site-header", "site-footer", "page-footer"})
# fmt: off
_OWNERS = (
    "article", "aside", "main", "section", "td", "li", "blockquote", "details", "header", "footer",
)
# fmt: on
_HEADINGS = {**{tag: level for level, tag in enumerate(HEADINGS, start=1)}, OPENER: 7}
_MAX_SPAN = 1000  # as the HTML standard clamps colspan
_MAX_CELLS = 2_000_000
_MAX_HEAD = 65_536  # characters of a page without a body


def read_html(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The visible text of the page, or of its <main> element if there is exactly one."""
    from lxml import html

    text = decode(data, declared=_declared(data))
    if not text.strip():
        return name, []
    # huge_tree raises libxml2's depth limit from 256 to 2,048. Deeper elements are lost without an
    # error, so the parser's message about them becomes one.
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_pis=True)
    try:
        root = html.document_fromstring(text.encode(), parser=parser)
    except (html.etree.ParserError, html.etree.XMLSyntaxError) as error:
        if "empty" in str(error).lower():
            return name, []
        raise
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise ReadError("its HTML is nested deeper than 2,048 levels")
    _drop_controls(root)
    show_what_opens(root)
    keep_most(root)
    write_out(root)
    _write_powers(root)
    page = _Page()
    mains = [main for main in root.iter("main") if "hidden" not in main.attrib]
    page.walk(mains[0] if len(mains) == 1 and _words(mains[0]) else root)
    title = " ".join((root.findtext(".//title") or "").split())
    return title or page.first_heading or name, [*page.sections, *page.shared]


def _drop_controls(root: "HtmlElement") -> None:
    """Remove control characters from the texts: lxml reads `&#27;`, but refuses it elsewhere."""
    for element in root.iter():
        for name in ("text", "tail"):
            text = getattr(element, name) or ""
            if (clean := without_controls(text)) != text:
                setattr(element, name, clean)


def _write_powers(root: "HtmlElement") -> None:
    """Write superscripts: 10 with a raised 6 is 10^6, not 106."""
    for sign in root.iter("sup"):
        previous, parent = sign.getprevious(), sign.getparent()
        before = parent.text if previous is None and parent is not None else previous.tail
        if not len(sign):
            sign.text = raised(before or "", sign.text or "")


def meta_elements(data: bytes) -> Metadata:
    """The `<meta name=... content=...>` of the head, such as author and keywords."""
    from lxml import html

    text = decode(data, declared=_declared(data))
    body = re.search("<body", text, re.IGNORECASE)
    head = text[: body.start() if body else _MAX_HEAD]
    parser = html.HTMLParser(encoding="utf-8")
    try:
        root = html.document_fromstring(head.encode(), parser=parser)
    except html.etree.ParserError:  # nothing but blank space and comments
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for element in root.iter("meta"):
        name = element.get("name", "")
        found[name] = (*found.get(name, ()), element.get("content", ""))
    return found


def _declared(data: bytes) -> str | None:
    """The encoding that the page declares."""
    match = re.search(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]+)", data[:4096], re.IGNORECASE)
    return match[1].decode() if match else None


class _Page:
    """Collects the sections of a page from its elements in document order."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.shared: list[Section] = []  # with the other pages of the site
        self.first_heading = ""
        self._outline = Outline()
        self._paragraphs: list[str] = []
        self._line: list[str] = []
        self._mark = ""  # what the next paragraph begins with

    def walk(self, root: "HtmlElement") -> None:
        """Read all elements below `root`, without recursion: a page may be nested deeply."""
        from lxml import etree

        walker = etree.iterwalk(root, events=("start", "end", "comment"))
        for event, element in walker:
            tag = element.tag
            if event == "start":
                whole = tag in _HEADINGS or tag == "pre" or _is_data(element)
                if is_left_out(element) or whole:
                    walker.skip_subtree()
                    self._take(element)
                elif element is not root and _is_of_site(element):
                    walker.skip_subtree()
                    self._end_paragraph()
                    part = _Page()
                    part.walk(element)
                    self.shared += [replace(section, shared=True) for section in part.sections]
                else:
                    if tag in _BLOCKS:
                        self._end_paragraph()
                        self._mark = "- " if tag == "li" else self._mark
                    elif tag == CLOSER:
                        self._end_section()
                        self._enter(_HEADINGS[OPENER], "")
                    elif tag == "br":
                        self._line.append("\n")
                    self._line.append(element.text or "")
                continue
            if event == "end" and tag in _BLOCKS:
                self._end_paragraph()
                self._mark = ""
            if element is not root:
                self._line.append(element.tail or "")
        self._end_section()
        self._keep_bare(0)

    def _take(self, element: "HtmlElement") -> None:
        """Read an element as a whole."""
        if is_left_out(element):
            self._line.append(" ")
        elif element.tag in _HEADINGS:
            self._end_section()
            heading = _words(element)
            self.first_heading = self.first_heading or heading
            self._enter(_HEADINGS[element.tag], heading)
        elif element.tag == "pre":
            self._end_section()
            self._add(_all_text(element), "code")
        else:
            self._end_section()
            caption = element.find("caption")
            if caption is not None and not is_left_out(caption):
                self._add(_words(caption))
            self._add(_table(element), "table")

    def _enter(self, level: int, heading: str) -> None:
        """Begin a heading."""
        self._keep_bare(level)
        self._outline.enter(level, heading)

    def _keep_bare(self, level: int) -> None:
        """Make a heading without a body a section."""
        if bare := self._outline.bare(self.sections, level):
            self.sections.append(bare)

    def _end_paragraph(self) -> None:
        """End the current paragraph."""
        lines = (" ".join(line.split()) for line in "".join(self._line).split("\n\n"))
        text = "\n".join(line for line in lines if line)
        self._line = []
        if text:
            self._paragraphs.append(self._mark + text)
            self._mark = ""

    def _end_section(self) -> None:
        """Make the paragraphs so far a section; the items of a list stay together."""
        self._end_paragraph()
        text = "\n\n".join(self._paragraphs)
        self._paragraphs = []
        self._add(re.sub(r"\n\n(?=- )", "\n", text))

    def _add(self, text: str, kind: Kind = "prose") -> None:
        text = normalise(text).strip("\n")
        if text.strip():
            self.sections.append(Section(self._outline.path, text, kind))


def _is_of_site(element: "HtmlElement") -> bool:
    """Whether an element is the header or footer of the site, not of an article or a section.

    One with a heading of the first levels belongs to the page.
    """
    named = (
        element.tag in ("header", "footer")
        or element.get("role") in _SITE_ROLES
        or element.get("id", "").lower() in _SITE_IDS
        or not _SITE_CLASSES.isdisjoint(element.get("class", "").lower().split())
    )
    if not named or next(element.iter("h1", "h2"), None) is not None:
        return False
    return next(element.iterancestors(*_OWNERS), None) is None


def _is_data(element: "HtmlElement") -> bool:
    """Whether it is a table of data, and not for layout."""
    if element.tag != "table" or element.get("role") == "presentation":
        return False
    return not any(True for _ in element.iterdescendants("table", "h1", "h2", "h3", "pre"))


def _all_text(element: "HtmlElement") -> str:
    """The visible text of an element."""
    from lxml import etree

    pieces: list[str] = []
    walker = etree.iterwalk(element, events=("start", "end", "comment"))
    for event, node in walker:
        if event == "start" and node is not element and is_left_out(node):
            walker.skip_subtree()
        elif event == "start":
            pieces.append("\n" if node.tag == "br" else node.text or "")
        if event != "start":
            pieces.append(" " if node.tag in _BLOCKS else "")
            pieces.append(node.tail or "" if node is not element else "")
    return "".join(pieces)


def _words(element: "HtmlElement") -> str:
    """The text of an element on one line."""
    return " ".join(_all_text(element).split())


class _Row(NamedTuple):
    """A row of a table by columns: the texts, which are headers, and the number of the cell."""

    texts: list[str]
    heads: list[bool]
    cells: list[int]

    def add(self, text: str, head: bool, cell: int) -> None:
        """Add a column."""
        self.texts.append(text)
        self.heads.append(head)
        self.cells.append(cell)

    @property
    def across(self) -> bool:
        """Whether the row is a single cell."""
        return len(set(self.cells)) == 1

    @property
    def names_columns(self) -> bool:
        """Whether all cells are headers, apart from empty ones such as the first."""
        filled = [head for head, text in zip(self.heads, self.texts, strict=True) if text]
        return not self.across and all(filled) and (len(filled) > 1 or all(self.heads))


def _table(table: "HtmlElement") -> str:
    """A table as one line a row; a spanning cell is repeated in each row and column."""
    rows: list[_Row] = []
    # column → rows still to fill, text, is header, number of the cell
    pending: dict[int, tuple[int, str, bool, int]] = {}
    cells_seen = number = 0
    for line in table.iter("tr"):
        if is_left_out(line) or _is_in_hidden_part(line, table):
            continue
        row = _Row([], [], [])

        def fill(row: _Row = row) -> None:
            while len(row.texts) in pending:
                left, text, head, cell = pending.pop(len(row.texts))
                if left > 1:
                    pending[len(row.texts)] = (left - 1, text, head, cell)
                row.add(text, head, cell)

        for cell in line.iterchildren("td", "th"):
            left_out = is_left_out(cell)
            if left_out and has_no_place(cell):
                continue
            fill()
            number += 1
            text, head = "" if left_out else _words(cell), cell.tag == "th"
            down = _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if down > 1:
                    pending[len(row.texts)] = (down - 1, text, head, number)
                row.add(text, head, number)
        fill()
        cells_seen += len(row.texts)
        if cells_seen > _MAX_CELLS:
            raise ReadError(f"a table of more than {_MAX_CELLS:,} cells")
        if any(row.texts):
            rows.append(row)
    return "\n".join(_row_lines(rows))


def _is_in_hidden_part(row: "HtmlElement", table: "HtmlElement") -> bool:
    """Whether a row is in a part of its table that is left out."""
    part = row.getparent()
    return part is not None and part is not table and is_left_out(part)


def _row_lines(rows: list[_Row]) -> list[str]:
    """The lines of a table, each with the names of its columns or of its row."""
    marked = any(any(row.heads) for row in rows)
    divided = [row.texts for row in rows if not row.across]
    if not marked and is_labelled(divided):
        lines = [row.texts[0] if row.across else form_text(row.texts) for row in rows]
    else:
        header = range(0) if marked else range(*find_header(divided))
        lines = [
            line
            for names, body in _sections(rows, header)
            for line in _section_lines(join_names(names) if names else [], body)
        ]
    return [line for line in lines if line]


def _sections(rows: Sequence[_Row], header: range) -> Iterator[tuple[list[list[str]], list[_Row]]]:
    """The parts of a table: the rows of a header, which may be none, and those below it.

    Args:
        rows: of the table.
        header: which of the divided rows name the columns, beside those that are marked.
    """
    names: list[list[str]] = []
    body: list[_Row] = []
    at = 0  # among the divided rows
    for row in rows:
        names_columns = row.names_columns or (not row.across and at in header)
        at += not row.across
        if not names_columns:
            body.append(row)
            continue
        if body:
            yield names, body
            names, body = [], []
        names.append(row.texts)
    yield names, body


def _section_lines(named: Sequence[str], body: Sequence[_Row]) -> Iterator[str]:
    """The line of the columns that have no value in any row; then those of the rows."""
    said = {
        column for row in body if not row.across for column, text in enumerate(row.texts) if text
    }
    unsaid = [name for column, name in enumerate(named) if name and column not in said]
    yield "; ".join(dict.fromkeys(unsaid))
    for row in body:
        if row.across:
            yield row.texts[0]
        elif row.heads[0] and not any(row.heads[1:]) and not named:
            values = dict(zip(row.cells[1:], row.texts[1:], strict=True)).values()
            together = "; ".join(text for text in values if text)
            yield ": ".join(text for text in (row.texts[0], together) if text)
        else:
            yield row_text(named, row.texts)


def _span(cell: Any, attribute: str) -> int:
    """The number of rows or columns of a cell."""
    value = cell.get(attribute, "")
    return min(max(int(value), 1), _MAX_SPAN) if re.fullmatch(r"\d{1,6}", value) else 1
