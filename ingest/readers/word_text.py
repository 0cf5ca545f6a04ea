"""The text of a Word paragraph as it is printed, with its links, notes and text boxes.

Tracked changes count as accepted; hidden and struck-out text is left out. Knows one paragraph at a
time; knows no headings, lists or tables.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ingest.readers.charts import chart_text
from ingest.readers.office import CHART, drawing_texts, link_text, picture_text
from ingest.readers.raised import raised
from ingest.readers.symbols import of_font, sign
from ingest.readers.word_styles import Styles, W, is_on, value

_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TEXTS = (f"{W}t", f"{_M}t")
_SIGNS = {
    f"{W}br": "\n", f"{W}cr": "\n", f"{W}tab": "\t", f"{W}noBreakHyphen": "-", f"{W}p": "\n",
    f"{_M}den": "/",
}  # fmt: skip
# Deleted and moved text, and the fallback of a drawing.
_GONE = frozenset({f"{W}del", f"{W}moveFrom", f"{W}pPr", f"{W}rPr"})
_NOTES = {
    f"{W}footnoteReference": "Note",
    f"{W}endnoteReference": "Note",
    f"{W}commentReference": "Comment",
}
HIDDEN = "hidden text"
_LINK_FIELD = re.compile(r'\s*HYPERLINK\s+"?([^"\s]+)', re.IGNORECASE)
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)


@dataclass
class Paragraph:
    """A paragraph: its text, its notes, the text boxes anchored in it, its page numbers."""

    text: str = ""
    notes: list[str] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)
    has_page_number: bool = False

    @property
    def whole(self) -> str:
        """The text, with its notes below."""
        return "\n".join([self.text.strip(), *self.notes]).strip()


class Texts:
    """Reads the paragraphs of one part of a document: the body, its notes, a header."""

    def __init__(
        self,
        part: Any,
        styles: Styles,
        notes: dict[tuple[str, str], str],
        left_out: Counter[str],
    ) -> None:
        """`notes` are the texts of notes and comments by kind and number.

        `left_out` counts what is not read.
        """
        self._part = part
        self._styles = styles
        self._notes = notes
        self._left_out = left_out

    def read(self, element: Any) -> Paragraph:
        """Read a paragraph."""
        from lxml import etree

        found = Paragraph()
        if self._styles.paragraph_is(element, "vanish", "strike", "dstrike"):
            self._count_hidden(element, self._styles.paragraph_is(element, "vanish"))
            return found
        pieces: list[str] = []
        fields: list[list[Any]] = []  # the start of the result, and the instruction
        higher = False
        walker = etree.iterwalk(element, events=("start", "end"))
        for event, node in walker:
            tag = node.tag
            if event == "end":
                if tag in (f"{W}hyperlink", f"{W}fldSimple") and fields:
                    self._end_field(fields.pop(), pieces, found)
                continue
            if tag in _GONE or not isinstance(tag, str) or tag.endswith("}Fallback"):
                walker.skip_subtree()
            elif tag == f"{W}txbxContent":
                found.boxes.append(node)
                walker.skip_subtree()
            elif tag == f"{W}r":
                if self._styles.run_is(node, "vanish", "strike", "dstrike"):
                    self._keep_fields(node, pieces, fields, found)
                    self._count_hidden(node, self._styles.run_is(node, "vanish"))
                    walker.skip_subtree()
                higher = value(node, "rPr/vertAlign") == "superscript"
            elif tag in _TEXTS:
                text = of_font(node.text or "", _font(node))
                pieces.append(raised("".join(pieces[-3:]), text) if higher else text)
            elif tag == f"{_M}sup":
                pieces.append("^" if "".join(node.itertext()).strip() else "")
            elif tag == f"{W}sym":
                pieces.append(sign(node.get(f"{W}char", ""), node.get(f"{W}font", "")))
            elif tag in _SIGNS:
                pieces.append(_SIGNS[tag] if node is not element else "")
            elif tag in _NOTES:
                note = self._notes.get((_NOTES[tag], node.get(f"{W}id", "")))
                found.notes += [f"{_NOTES[tag]}: {note}"] if note else []
            elif tag == f"{W}hyperlink":
                fields.append([len(pieces), self._target(node.get(f"{_R}id"))])
            elif tag == f"{W}fldSimple":
                fields.append([len(pieces), node.get(f"{W}instr", "")])
            elif tag in (f"{W}fldChar", f"{W}instrText"):
                self._take_field(node, pieces, fields, found)
            elif tag == f"{W}checkBox":
                checked = is_on(node, "checked")
                on = is_on(node, "default") if checked is None else checked
                pieces.append("[x] " if on else "[ ] ")
            elif tag.endswith(("}docPr", "}relIds", "}chart")):
                self._take_drawing(node, pieces, found)
        found.text = "".join(pieces)
        return found

    def _count_hidden(self, element: Any, hidden: bool) -> None:
        """Count a hidden text that is not struck out."""
        words = "".join(one.text or "" for one in element.iter(*_TEXTS))
        self._left_out[HIDDEN] += hidden and bool(words.strip())

    def _keep_fields(
        self, run: Any, pieces: list[str], fields: list[list[Any]], found: Paragraph
    ) -> None:
        """Handle the marks of fields in a hidden run too: else a field would never end."""
        for node in run.iter(f"{W}fldChar", f"{W}instrText"):
            self._take_field(node, pieces, fields, found)

    def _take_field(
        self, node: Any, pieces: list[str], fields: list[list[Any]], found: Paragraph
    ) -> None:
        """Handle the marks of a field: its begin, instruction, result and end."""
        if node.tag == f"{W}instrText":
            if fields:
                fields[-1][1] += node.text or ""
            return
        kind = node.get(f"{W}fldCharType")
        if kind == "begin":
            fields.append([len(pieces), ""])
        elif kind == "separate" and fields:
            fields[-1][0] = len(pieces)
        elif kind == "end" and fields:
            self._end_field(fields.pop(), pieces, found)

    def _end_field(self, made: list[Any], pieces: list[str], found: Paragraph) -> None:
        """End a field: add the address of a link, or remove a page number."""
        begin, instruction = made
        if link := _LINK_FIELD.match(instruction):
            pieces[begin:] = [link_text("".join(pieces[begin:]), link[1])]
        elif _PAGE_FIELD.match(instruction):
            found.has_page_number = True
            del pieces[begin:]

    def _target(self, number: str | None) -> str:
        """The link of a relationship, in the form of a field."""
        relation = self._part.rels.get(number)
        external = relation is not None and relation.is_external
        return f'HYPERLINK "{relation.target_ref}"' if external else ""

    def _take_drawing(self, node: Any, pieces: list[str], found: Paragraph) -> None:
        """Add the description of a picture, the texts of a diagram, or the figures of a chart."""
        if node.tag.endswith("}docPr"):
            text = picture_text(node)
            pieces.append(f" {text} " if text else "")
            return
        relation = self._part.rels.get(node.get(f"{_R}dm") or node.get(f"{_R}id"))
        if relation is None or relation.is_external:
            return
        blob = relation.target_part.blob
        if node.tag.endswith("}chart"):
            text = chart_text(blob)
            found.notes += [text] if text else []
            self._left_out[CHART] += not text
        else:
            found.notes += drawing_texts(parse(blob))


def _font(text: Any) -> str:
    """The font of a run's text, if the run itself has one."""
    fonts = text.getparent().find(f"{W}rPr/{W}rFonts")
    return "" if fonts is None else fonts.get(f"{W}ascii", "")


def parse(blob: bytes) -> Any:
    """The root of a part's XML."""
    from lxml import etree

    return etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))
