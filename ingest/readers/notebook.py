"""Jupyter notebooks: the Markdown under its headings, the code, what it printed."""

import json
from typing import Any

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.document import Kind, Outline, Section
from ingest.readers.encoding import decode
from ingest.readers.markdown import markdown_sections

_MAX_OUTPUT = 2000  # characters: enough for a result, too few for a log


def read_notebook(data: bytes, name: str) -> tuple[str, list[Section]]:
    """Sections in the order of the cells; images and errors' traces are left out."""
    try:
        notebook = json.loads(decode(data))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ReadError(f"not a notebook: not valid JSON: {error}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ReadError("not a notebook: it has no cells (notebooks before version 4 are not read)")
    outline = Outline()
    sections: list[Section] = []
    title = ""
    for cell in cells:
        source = normalise(_joined(cell.get("source"))).strip("\n")
        if cell.get("cell_type") == "markdown":
            first, found = markdown_sections(source.split("\n"), outline)
            title = title or first
            # A line of a cell is no line of the file.
            sections += [Section(one.heading, one.text, one.kind) for one in found]
        elif cell.get("cell_type") == "code":
            outputs = "\n".join(_output(one) for one in cell.get("outputs", ())).strip("\n")
            texts: tuple[tuple[str, Kind], ...] = ((source, "code"), (outputs, "code"))
            sections += [Section(outline.path, text, kind) for text, kind in texts if text.strip()]
    return title or name, sections


def _output(output: dict[str, Any]) -> str:
    """The plain text of one output, cut where it gets long."""
    text = _joined(output.get("text") or output.get("data", {}).get("text/plain"))
    text = normalise(text).strip("\n")
    return text if len(text) <= _MAX_OUTPUT else f"{text[:_MAX_OUTPUT].rstrip()} …"


def _joined(lines: Any) -> str:
    """A text that the format keeps as a string or as a list of lines."""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")
