"""Word documents (.docx): headings, paragraphs, tables, text boxes, notes, headers and footers.

Hidden, struck-out and deleted text (tracked changes) and page numbers are left out.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.cleaning import normalise
from ingest.readers.archive import check_archive, parsing_xml
from ingest.readers.document import Kind, Outline, Parsed, Section
from ingest.readers.office import OBJECT, PICTURE, left_out, undescribed
from ingest.readers.rows import Label, table_text
from ingest.readers.word_styles import Numbering, Styles, W, is_on, value
from ingest.readers.word_text import Paragraph, Texts, parse

_WRAPPERS = frozenset(
    f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")
)
_WIDEST = 100  # columns that a cell may span


def read_word(data: bytes, name: str) -> Parsed:
    """Sections in the order of the page; the rows of a table each name their columns.

    Notes and comments are below their paragraph; headers and footers are last, once. The title is
    that of the properties, else a paragraph of style Title, else the first top heading, else the
    file's name.
    """
    import docx

    check_archive(data, "a Word document")
    with parsing_xml():
        document = docx.Document(io.BytesIO(data))
        parts = _Parts(document.part)
        story = _Story(parts, parts.texts(document.part))
        for element in _within(document.element.body, f"{W}p", f"{W}tbl"):
            story.take(element)
        story.end()
        margins = parts.margins()
        _count_left_out(document.element.body, parts.left_out)
    own = " ".join((document.core_properties.title or "").split())
    generic = re.fullmatch(r"(word |untitled|document).{0,20}", own, re.IGNORECASE)
    title = (own if not generic else "") or story.title or name
    margin = normalise("\n".join(line for line in margins if line != title))
    sections = [*story.sections, *([Section((), margin)] if margin.strip() else [])]
    return Parsed(title, sections, left_out(parts.left_out))


def _count_left_out(body: Any, counts: Counter[str]) -> None:
    """Count pictures without a description, and embedded objects of other formats."""
    counts[PICTURE] += undescribed(body)
    for element in body.iter("{*}imagedata", "{*}OLEObject", f"{W}altChunk"):
        if next(element.iterancestors("{*}Fallback"), None) is not None:
            continue  # drawn a second time for older programs
        if not element.tag.endswith("}imagedata"):
            counts[OBJECT] += 1
        elif next(element.iterancestors(f"{W}object"), None) is None:
            counts[PICTURE] += 1


def _within(parent: Any, *tags: str) -> Iterator[Any]:
    """The elements of these kinds in order, also those inside content controls and insertions."""
    pending = list(reversed(parent))
    while pending:
        element = pending.pop()
        if element.tag in tags:
            yield element
        elif element.tag in _WRAPPERS:
            pending.extend(reversed(element))


class _Parts:
    """The parts of a document besides its body."""

    def __init__(self, main: Any) -> None:
        self._main = main
        self.styles = Styles(self._root("styles"))
        self.numbering = Numbering(self._root("numbering"), self.styles)
        self.left_out: Counter[str] = Counter()
        self._notes: dict[tuple[str, str], str] = {}
        for part, tag, kind in (
            ("footnotes", "footnote", "Note"),
            ("endnotes", "endnote", "Note"),
            ("comments", "comment", "Comment"),
        ):
            self._read_notes(part, tag, kind)

    def _related(self, *kinds: str) -> list[Any]:
        """The parts of the document of these kinds."""
        relations = [one for one in self._main.rels.values() if not one.is_external]
        found = [one for one in relations if one.reltype.rpartition("/")[2] in kinds]
        return [
            one.target_part
            for one in sorted(found, key=lambda one: kinds.index(one.reltype.rpartition("/")[2]))
        ]

    def _root(self, kind: str) -> Any:
        parts = self._related(kind)
        return parse(parts[0].blob) if parts else None

    def texts(self, part: Any) -> Texts:
        """A reader for the paragraphs of a part."""
        return Texts(part, self.styles, self._notes, self.left_out)

    def _read_notes(self, part: str, tag: str, kind: str) -> None:
        for found in self._related(part):
            texts = self.texts(found)
            for note in parse(found.blob).iter(f"{W}{tag}"):
                paragraphs = (texts.read(one).text for one in note.iter(f"{W}p"))
                text = " ".join(" ".join(paragraphs).split())
                self._notes[kind, note.get(f"{W}id", "")] = text

    def margins(self) -> list[str]:
        """The lines of all headers and footers, each once, without bare page numbers."""
        lines: dict[str, None] = {}
        for part in self._related("header", "footer"):
            texts = self.texts(part)
            for element in parse(part.blob).iter(f"{W}p"):
                read = texts.read(element)
                words = len(re.findall(r"[^\W\d_]{2,}", read.text))
                if not read.has_page_number or words > 2 or re.search(r"\d", read.text):
                    lines.update(
                        dict.fromkeys(" ".join(line.split()) for line in read.whole.split("\n"))
                    )
        return [line for line in lines if line]


class _Story:
    """Collects the sections of a document from its paragraphs and tables in order."""

    def __init__(self, parts: _Parts, texts: Texts) -> None:
        self.sections: list[Section] = []
        self.title = ""
        self._styles = parts.styles
        self._numbering = parts.numbering
        self._texts = texts
        self._outline = Outline()
        self._paragraphs: list[tuple[str, bool]] = []  # and whether it is an item of a list

    def take(self, element: Any, *, boxed: bool = False) -> None:
        """Read one paragraph or table; in a text box there are no headings."""
        if element.tag == f"{W}tbl":
            self._take_table(element, boxed=boxed)
            return
        read = self._texts.read(element)
        self._take_paragraph(element, read, boxed=boxed)
        for box in read.boxes:
            for one in _within(box, f"{W}p", f"{W}tbl"):
                self.take(one, boxed=True)

    def _take_paragraph(self, element: Any, read: Paragraph, *, boxed: bool) -> None:
        text = read.text.strip()
        place = self._numbering.label(element) if text else None
        names = self._styles.names(element)
        level = 0 if boxed else self._styles.level(element)
        if text and "title" in names[:2] and not self.title and not boxed:
            self.title = " ".join(text.split())
            read.text = ""
        elif text and level:
            self.end_section()
            heading = " ".join(text.split())
            self.title = self.title or (heading if level == 1 else "")
            numbered = place is not None and place[0] not in ("-", "")
            self._keep_bare(level)
            self._outline.enter(level, f"{place[0]} {heading}" if numbered and place else heading)
            read.text = ""
        elif text:
            if place is None and names and names[0].startswith("list"):
                place = "-", 0
            read.text = _item(text, *place) if place else text
        if read.text.strip() or read.notes:
            whole = "\n".join([*([read.text.rstrip()] if read.text.strip() else []), *read.notes])
            self._paragraphs.append((whole, place is not None))

    def _take_table(self, element: Any, *, boxed: bool) -> None:
        cells = [_cells(row) for row in _rows(element)]
        if _lays_out(cells):
            for cell in (cell for row in cells for cell in row):
                for one in _within(cell, f"{W}p", f"{W}tbl"):
                    self.take(one, boxed=boxed)
            return
        self.end_section()
        self._add(self._table(element), "table")

    def end(self) -> None:
        """End the document."""
        self.end_section()
        self._keep_bare(0)

    def _keep_bare(self, level: int) -> None:
        """Make a heading without a body a section."""
        if bare := self._outline.bare(self.sections, level):
            self.sections.append(bare)

    def end_section(self) -> None:
        """Make the paragraphs so far a section; the items of a list stay together."""
        text = ""
        above = False
        for paragraph, is_item in self._paragraphs:
            text += ("\n" if above and is_item else "\n\n") + paragraph
            above = is_item
        self._paragraphs = []
        self._add(text)

    def _add(self, text: str, kind: Kind = "prose") -> None:
        text = normalise(text).strip("\n")
        if text.strip():
            self.sections.append(Section(self._outline.path, text, kind))

    def _table(self, table: Any) -> str:
        """A table as one line a row; a spanning cell is repeated in each row and column."""
        rows: list[list[str]] = []
        named = 0
        labelled = _labels_first_column(table)
        for row in _rows(table):
            texts = [""] * _number(value(row, "trPr/gridBefore"), 0)
            above = rows[-1] if rows else []
            for number, cell in enumerate(_cells(row)):
                merged = value(cell, "tcPr/vMerge")
                if merged is not None and merged != "restart" and len(texts) < len(above):
                    text = above[len(texts)]
                else:
                    text = self._cell(cell)
                if labelled:
                    text = Label(text) if number == 0 else str(text)
                texts += [text] * _number(value(cell, "tcPr/gridSpan"), 1)
            named += is_on(row, "trPr/tblHeader") is True and named == len(rows)
            rows.append(texts)
        return table_text(rows, named=named)

    def _cell(self, cell: Any) -> str:
        """The text of a cell on one line, with nested tables; a `Label` if all is bold."""
        texts: list[str] = []
        for element in _within(cell, f"{W}p", f"{W}tbl"):
            if element.tag == f"{W}tbl":
                texts.append(" / ".join(self._table(element).split("\n")))
                continue
            read = self._texts.read(element)
            place = self._numbering.label(element) if read.text.strip() else None
            texts.append(f"{place[0]} {read.whole}" if place else read.whole)
            texts += [self._cell(box) for box in read.boxes]
        text = " ".join(" ".join(texts).split())
        return Label(text) if self._is_bold(cell) else text

    def _is_bold(self, cell: Any) -> bool:
        """Whether all text of a cell is bold."""
        runs = [run for run in cell.iter(f"{W}r") if run.find(f"{W}t") is not None]
        return bool(runs) and all(self._styles.run_is(run, "b") for run in runs)


def _item(text: str, label: str, level: int) -> str:
    """An item of a list; it is indented, unless its number, such as 4.1, shows the depth."""
    indent = "" if any(sign.isdigit() for sign in label) else "  " * level
    return f"{indent}{label} {text}" if label else text


def _rows(table: Any) -> list[Any]:
    """The rows of a table itself, without those that a tracked change deleted."""
    rows = _within(table, f"{W}tr")
    return [row for row in rows if row.find(f"{W}trPr/{W}del") is None]


def _cells(row: Any) -> list[Any]:
    """The cells of a row itself."""
    return list(_within(row, f"{W}tc"))


def _lays_out(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a table is for layout: one column, or one row of cells with much text."""
    if all(len(row) == 1 for row in rows):
        return True
    if len(rows) > 1:
        return False
    return any(
        cell.find(f"{W}tbl") is not None
        or sum(one.find(f".//{W}t") is not None for one in _within(cell, f"{W}p")) > 1
        for cell in rows[0]
    )


def _labels_first_column(table: Any) -> bool:
    """Whether the table's style marks the first column as labels, and not the first row."""
    look = table.find(f"{W}tblPr/{W}tblLook")
    if look is None:
        return False
    said = (look.get(f"{W}firstColumn"), look.get(f"{W}firstRow"))
    return said == ("1", "0")


def _number(said: str | None, otherwise: int) -> int:
    """A number of columns, as stored in a table."""
    return min(int(said), _WIDEST) if said and said.isdecimal() else otherwise
