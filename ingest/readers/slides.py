"""Presentations (.pptx): a slide is a page, its title the heading."""

import io
from collections.abc import Iterator
from typing import Any

from ingest.cleaning import normalise
from ingest.readers.archive import check_archive, parsing_xml
from ingest.readers.document import Kind, Section
from ingest.readers.rows import table_text


def read_slides(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The texts, tables, charts and notes of every slide that is shown."""
    import pptx

    check_archive(data, "a presentation")
    sections: list[Section] = []
    with parsing_xml():
        show = pptx.Presentation(io.BytesIO(data))
        for number, slide in enumerate(show.slides, start=1):
            if slide.element.get("show") not in ("0", "false"):
                sections += _slide(slide, number)
    return name, sections


def _slide(slide: Any, page: int) -> Iterator[Section]:
    """The sections of one slide."""
    title = slide.shapes.title
    heading = " ".join(title.text_frame.text.split()) if title is not None else ""
    path = (heading,) if heading else ()
    for text, kind in _parts(slide, title):
        text = normalise(text.replace("\v", "\n")).strip("\n")
        if text.strip():
            yield Section(path, text, kind, page=page)


def _parts(slide: Any, title: Any) -> Iterator[tuple[str, Kind]]:
    """Text and kind of everything on a slide below its title, and of its notes."""
    pending = list(reversed(slide.shapes))
    while pending:
        shape = pending.pop()
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if hasattr(shape, "shapes"):  # a group
            pending.extend(reversed(shape.shapes))
        elif shape.has_text_frame:
            yield _frame(shape), "prose"
        elif getattr(shape, "has_table", False):
            rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
            yield table_text(rows), "table"
        elif getattr(shape, "has_chart", False):
            yield _chart(shape.chart), "table"
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        yield (f"Notes: {notes}" if notes else ""), "prose"


def _frame(shape: Any) -> str:
    """The paragraphs of a text frame; those of a placeholder for content are a list."""
    lines = []
    texts = [(one.level, one.text.strip()) for one in shape.text_frame.paragraphs]
    texts = [(level, text) for level, text in texts if text]
    listed = shape.is_placeholder and len(texts) > 1
    for level, text in texts:
        lines.append(f"{'  ' * level}- {text}" if listed or level else text)
    return "\n".join(lines)


def _chart(chart: Any) -> str:
    """The figures behind a chart: one line a category."""
    plot = next(iter(chart.plots), None)
    if plot is None:
        return ""
    series = list(plot.series)
    header = ["category", *(one.name for one in series)]
    rows = [
        [str(category), *(_value(one.values, index) for one in series)]
        for index, category in enumerate(plot.categories)
    ]
    title = " ".join(chart.chart_title.text_frame.text.split()) if chart.has_title else ""
    return f"{title}\n{table_text(rows, header)}".strip("\n")


def _value(values: Any, index: int) -> str:
    """One figure of a series; empty where it has none."""
    value = values[index] if index < len(values) else None
    return "" if value is None else f"{value:.15g}"
