"""Presentations (.pptx): a slide is a page, its title the heading.

Hidden slides and shapes, struck-out text and slide numbers are left out.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ingest.cleaning import normalise
from ingest.readers.archive import check_archive, parsing_xml
from ingest.readers.charts import chart_text
from ingest.readers.document import Kind, Outline, Parsed, Section
from ingest.readers.office import (
    CHART,
    OBJECT,
    PICTURE,
    RECORDING,
    drawing_texts,
    left_out,
    link_text,
    picture_text,
    undescribed,
)
from ingest.readers.raised import raised
from ingest.readers.rows import table_text

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_RUNS = ("r", "fld", "br", "AlternateContent", "m")


def read_slides(data: bytes, name: str) -> Parsed:
    """The texts, tables, charts, diagrams, notes and comments of every visible slide."""
    import pptx

    check_archive(data, "a presentation")
    sections: list[Section] = []
    counts: Counter[str] = Counter()
    with parsing_xml():
        show = pptx.Presentation(io.BytesIO(data))
        for number, slide in enumerate(show.slides, start=1):
            if slide.element.get("show") not in ("0", "false"):
                sections += _slide(slide, number, counts)
            else:
                counts["hidden slide"] += 1
    return Parsed(name, sections, left_out(counts))


def _slide(slide: Any, page: int, counts: Counter[str]) -> list[Section]:
    """The sections of one slide, and counts of what is left out."""
    title = slide.shapes.title
    outline = Outline()
    outline.enter(1, " ".join(title.text_frame.text.split()) if title is not None else "")
    sections = []
    for text, kind in _parts(slide, title, counts):
        text = normalise(text.replace("\v", "\n")).strip("\n")
        if text.strip():
            sections.append(Section(outline.path, text, kind, page=page))
    if bare := outline.bare(sections):
        sections.append(replace(bare, page=page))
    return sections


def _parts(slide: Any, title: Any, counts: Counter[str]) -> Iterator[tuple[str, Kind]]:
    """Text and kind of the parts of a slide below its title, with notes and comments."""
    for shape in _shapes(slide.shapes._spTree, slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        counts += _left_out(shape)
        if shape.has_text_frame:
            yield _frame(shape), "prose"
        elif getattr(shape, "has_table", False):
            yield table_text(_cells(shape)), "table"
        elif getattr(shape, "has_chart", False):
            yield chart_text(shape.chart_part.blob), "table"
        else:
            yield _diagram(shape), "prose"
        yield picture_text(next(shape._element.iter("{*}cNvPr"))), "prose"
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        yield (f"Notes: {notes}" if notes else ""), "prose"
    yield "\n".join(f"Comment: {text}" for text in _comments(slide.part)), "prose"


def _left_out(shape: Any) -> Counter[str]:
    """Counts of what is not read of a shape."""
    element = shape._element
    if next(element.iter("{*}videoFile", "{*}audioFile"), None) is not None:
        return Counter({RECORDING: 1})
    if next(element.iter("{*}oleObj"), None) is not None:
        return Counter({OBJECT: 1})
    if element.tag.endswith("}pic"):
        return Counter({PICTURE: undescribed(element)})
    is_old = getattr(shape, "has_chart", False)
    is_new = any("/chartex" in one.get("uri", "") for one in element.iter("{*}graphicData"))
    unread = is_new or (is_old and not chart_text(shape.chart_part.blob))
    return Counter({CHART: int(unread)})


def _shapes(tree: Any, parent: Any) -> Iterator[Any]:
    """The shapes in order, also those in groups; of alternatives the first supported one."""
    from pptx.shapes.shapetree import SlideShapeFactory

    pending = list(reversed(tree))
    while pending:
        element = pending.pop()
        kind = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        properties = next(iter(element.iterfind("*/{*}cNvPr")), None)
        if properties is not None and properties.get("hidden") in ("1", "true"):
            continue
        if kind == "AlternateContent":
            choices = [one for one in element if len(one)]
            pending.extend(reversed(choices[0]) if choices else ())
        elif kind == "grpSp":
            pending.extend(reversed(element))
        elif kind in ("sp", "pic", "graphicFrame", "cxnSp"):
            shape = SlideShapeFactory(element, parent)
            if not _is_slide_number(shape):
                yield shape


def _is_slide_number(shape: Any) -> bool:
    from pptx.enum.shapes import PP_PLACEHOLDER

    return bool(shape.is_placeholder) and (
        shape.placeholder_format.type == PP_PLACEHOLDER.SLIDE_NUMBER
    )


def _frame(shape: Any) -> str:
    """The paragraphs of a text frame; those of a content placeholder are a list."""
    lines = []
    paragraphs = shape.text_frame.paragraphs
    texts = [(one.level, _paragraph(one._p, shape.part).strip()) for one in paragraphs]
    texts = [(level, text) for level, text in texts if text]
    listed = shape.is_placeholder and len(texts) > 1
    for level, text in texts:
        lines.append(f"{'  ' * level}- {text}" if listed or level else text)
    return link_text("\n".join(lines), _target(shape._element.find("*/{*}cNvPr"), shape.part))


def _paragraph(paragraph: Any, part: Any) -> str:
    """The text of a paragraph without struck-out runs, with the addresses of its links."""
    text = ""
    for run in paragraph:
        kind = run.tag.rpartition("}")[2] if isinstance(run.tag, str) else ""
        if kind not in _RUNS:
            continue
        looks = run.find("{*}rPr")
        if kind == "br":
            text += "\n"
        elif kind in ("AlternateContent", "m"):  # an equation
            choice = run[0] if kind == "AlternateContent" and len(run) else run
            text += "".join(one.text or "" for one in choice.iter("{*}t"))
        elif looks is None:
            text += run.findtext("{*}t") or ""
        elif looks.get("strike", "noStrike") == "noStrike":
            piece = run.findtext("{*}t") or ""
            higher = looks.get("baseline", "0").rstrip("%")
            piece = raised(text, piece) if higher.isdecimal() and int(higher) else piece
            text += link_text(piece, _target(looks, part))
    return text


def _target(element: Any, part: Any) -> str:
    """The address of the link of a run or a shape; empty for none or an internal one."""
    link = None if element is None else element.find("{*}hlinkClick")
    relation = None if link is None else part.rels.get(link.get(f"{_R}id", ""))
    return relation.target_ref if relation is not None and relation.is_external else ""


def _cells(shape: Any) -> list[list[str]]:
    """The cells of a table; one that spans rows or columns is repeated in each."""
    rows = [
        [
            "\n".join(_paragraph(one._p, shape.part) for one in cell.text_frame.paragraphs)
            for cell in row.cells
        ]
        for row in shape.table.rows
    ]
    for row, cells in enumerate(shape.table.rows):
        for column, cell in enumerate(cells.cells):
            if cell.is_merge_origin:
                for below in rows[row : row + cell.span_height]:
                    width = len(below[column : column + cell.span_width])
                    below[column : column + cell.span_width] = [rows[row][column]] * width
    return rows


def _diagram(shape: Any) -> str:
    """The texts of a diagram (SmartArt), one line a point."""
    ids = next(shape._element.iter("{*}relIds"), None)
    relation = None if ids is None else shape.part.rels.get(ids.get(f"{_R}dm", ""))
    if relation is None or relation.is_external:
        return ""
    return "\n".join(drawing_texts(_parse(relation.target_part.blob)))


def _comments(part: Any) -> Iterator[str]:
    """The comments on a slide, in the old and the new format."""
    for relation in part.rels.values():
        if relation.reltype.rpartition("/")[2] == "comments" and not relation.is_external:
            for element in _parse(relation.target_part.blob).iter("{*}text", "{*}txBody"):
                text = "".join(element.itertext())
                if text.strip():
                    yield " ".join(text.split())


def _parse(blob: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))
