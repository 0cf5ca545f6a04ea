"""Jupyter notebooks: Markdown under its headings, code and text outputs.

Of an output in several forms, the best form of text is taken. Knows no pictures.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.document import Kind, Outline, Parsed, Section, counted
from ingest.readers.encoding import decode
from ingest.readers.markdown import add_markdown
from ingest.readers.web import read_html

_MAX_OUTPUT = 2000  # characters: enough for a result, too few for a log
_OBJECT = re.compile(r"<[\w.]+(?: [^<>]*)?>")  # how Python shows what has no text


def read_notebook(data: bytes, name: str) -> Parsed:
    """Sections in the order of the cells, without pictures and tracebacks."""
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
    cut = 0
    for cell in cells:
        source = normalise(_joined(cell.get("source"))).strip("\n")
        if cell.get("cell_type") == "markdown":
            found = len(sections)
            first = add_markdown(sections, source.split("\n"), outline)
            title = title or first
            # A line of a cell is no line of the file.
            sections[found:] = [Section(s.heading, s.text, s.kind) for s in sections[found:]]
        elif cell.get("cell_type") == "code":
            _add(sections, outline, source, "code")
            for kind, text in _outputs(cell.get("outputs", ())):
                cut += len(text) > _MAX_OUTPUT
                _add(sections, outline, _shortened(text), kind)
        else:
            _add(sections, outline, source, "prose")
    if bare := outline.bare(sections):
        sections.append(Section(bare.heading, bare.text))
    notes = [f"{counted(cut, 'output')} cut to {_MAX_OUTPUT:,} characters"] if cut else []
    return Parsed(title or name, sections, notes)


def _add(sections: list[Section], outline: Outline, text: str, kind: Kind) -> None:
    if text.strip():
        sections.append(Section(outline.path, text, kind))


def _outputs(outputs: Any) -> Iterator[tuple[Kind, str]]:
    """The texts of the outputs of a cell; consecutive prints are one."""
    printed: list[str] = []
    for output in outputs:
        kind, text = _output(output)
        text = normalise(text).strip("\n")
        if kind == "code":
            printed += [text] if text else []
            continue
        yield "code", "\n".join(printed)
        printed = []
        yield kind, text
    yield "code", "\n".join(printed)


def _output(output: dict[str, Any]) -> tuple[Kind, str]:
    """The text of one output, and its kind."""
    if "evalue" in output:
        return "code", f"{output.get('ename', 'Error')}: {_joined(output['evalue'])}"
    if "text" in output:
        return "code", _joined(output["text"])
    forms = output.get("data", {})
    plain = _joined(forms.get("text/plain"))
    if "text/markdown" in forms:
        return "prose", _joined(forms["text/markdown"])
    markup = _joined(forms.get("text/html"))
    if "<table" in markup or not plain.strip() or _OBJECT.fullmatch(plain.strip()):
        parts = read_html(markup.encode("utf-8", "replace"), "")[1]
        text = "\n\n".join("\n".join((*part.heading[-1:], part.text)) for part in parts)
        if text.strip():
            return "table" if {part.kind for part in parts} == {"table"} else "prose", text
        plain = _joined(forms.get("text/latex"))
    return "code", plain


def _shortened(text: str) -> str:
    """The text, cut to a maximum length."""
    return text if len(text) <= _MAX_OUTPUT else f"{text[:_MAX_OUTPUT].rstrip()} …"


def _joined(lines: Any) -> str:
    """A text that is stored as a string or as a list of lines."""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")
