"""Word documents (.docx): headings, paragraphs, tables."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingest.cleaning import normalise
from ingest.readers.archive import check_archive, parsing_xml
from ingest.readers.document import Kind, Outline, Section
from ingest.readers.rows import table_text

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXTS = (f"{_W}t", f"{_M}t")
_BREAKS = {f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}tab": "\t", f"{_W}noBreakHyphen": "-"}


def read_word(data: bytes, name: str) -> tuple[str, list[Section]]:
    """Sections in the order of the page; the rows of a table each name their columns.

    The title is that of the properties, else a paragraph of style Title, else the first top
    heading, else the file's name.
    """
    import docx

    check_archive(data, "a Word document")
    with parsing_xml():
        document = docx.Document(io.BytesIO(data))
    story = _Story(document)
    for element in _blocks(document.element.body):
        story.take(element)
    story.end_section()
    own = " ".join((document.core_properties.title or "").split())
    generic = re.fullmatch(r"(word |untitled|document).{0,20}", own, re.IGNORECASE)
    return (own if not generic else "") or story.title or name, story.sections


def _blocks(body: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, also those inside content controls and insertions."""
    pending = list(reversed(body))
    while pending:
        element = pending.pop()
        if element.tag in (f"{_W}p", f"{_W}tbl"):
            yield element
        elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"):
            pending.extend(reversed(element))


class _Story:
    """Collects the sections of a document while its paragraphs and tables go by."""

    def __init__(self, document: "WordDocument") -> None:
        self.sections: list[Section] = []
        self.title = ""
        self._styles = {style.style_id: str(style.name or "").lower() for style in document.styles}
        self._outline = Outline()
        self._paragraphs: list[str] = []

    def take(self, element: Any) -> None:
        """Read one paragraph or table."""
        if element.tag == f"{_W}tbl":
            self.end_section()
            self._add(_table(element), "table")
            return
        text = _text(element).strip()
        if not text:
            return
        style = self._styles.get(element.style or "", "")
        if style == "title" and not self.title:
            self.title = " ".join(text.split())
        elif match := re.fullmatch(r"heading ([1-9])", style):
            self.end_section()
            heading = " ".join(text.split())
            self.title = self.title or (heading if match[1] == "1" else "")
            self._outline.enter(int(match[1]), heading)
        else:
            numbered = element.find(f"{_W}pPr/{_W}numPr") is not None
            item = numbered or style.startswith("list")
            self._paragraphs.append(f"- {text}" if item else text)

    def end_section(self) -> None:
        """The paragraphs so far are a section; the items of a list stay together."""
        text = "\n\n".join(self._paragraphs)
        self._paragraphs = []
        self._add(re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", text))

    def _add(self, text: str, kind: Kind = "prose") -> None:
        text = normalise(text).strip("\n")
        if text.strip():
            self.sections.append(Section(self._outline.path, text, kind))


def _text(element: Any) -> str:
    """The text of a paragraph: with tracked insertions and equations, without what was deleted.

    python-docx's own `text` leaves out insertions and equations.
    """
    pieces = []
    skipping = 0  # inside the second rendering that Word keeps of a text box
    from lxml import etree

    for event, node in etree.iterwalk(element, events=("start", "end")):
        if node.tag == _FALLBACK:
            skipping += 1 if event == "start" else -1
        elif event == "start" and not skipping:
            if node.tag in _TEXTS:
                pieces.append(node.text or "")
            elif node.tag in _BREAKS:
                pieces.append(_BREAKS[node.tag])
            elif node.tag == f"{_W}p" and node is not element:
                pieces.append("\n")
    return "".join(pieces)


def _table(table: Any) -> str:
    """A table as one line a row; a cell that spans columns is repeated in each."""
    rows = []
    for row in table.iter(f"{_W}tr"):
        cells: list[str] = []
        for cell in row.iter(f"{_W}tc"):
            if next(cell.iterancestors(f"{_W}tr")) is not row:
                continue  # of a table inside a cell: its rows come by themselves
            paragraphs = (_text(paragraph) for paragraph in cell.findall(f".//{_W}p"))
            text = " ".join(" ".join(paragraphs).split())
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            width = span.get(f"{_W}val", "1") if span is not None else "1"
            cells.extend([text] * (min(int(width), 100) if width.isdecimal() else 1))
        rows.append(cells)
    return table_text(rows)
