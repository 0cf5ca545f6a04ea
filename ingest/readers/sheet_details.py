"""Details of an .xlsx sheet besides its values: merged cells, hidden rows, links, comments.

openpyxl does not have them in its mode for large sheets. Knows the parts of the package that belong
to a sheet; knows no tables.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

from ingest.readers.office import CHART, OBJECT, PICTURE, drawing_texts, undescribed

Cell = tuple[int, int]  # row and column, from 1
Area = tuple[int, int, int, int]  # first row, first column, last row, last column


@dataclass
class Details:
    """The details of one sheet besides its values.

    Attributes:
        merged: The merged areas, whose value is in their first cell.
        hidden_rows: Hidden rows, except those hidden by a filter or an outline.
        hidden_columns: The same for columns, as areas over all rows.
        formulas: Formulas without a stored value, by cell.
        links: The addresses of links, by cell.
        comments: The comments, by cell.
        texts: Texts of text boxes, and descriptions of pictures.
        left_out: The number of objects that are not read, by kind.
    """

    merged: list[Area] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    formulas: dict[Cell, str] = field(default_factory=dict)
    links: dict[Cell, str] = field(default_factory=dict)
    comments: dict[Cell, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def sheet_details(archive: ZipFile, path: str) -> Details:
    """The details of the sheet whose part is at this path of the package."""
    from openpyxl.packaging.relationship import get_dependents, get_rels_path

    rels = get_rels_path(path)
    related = list(get_dependents(archive, rels)) if rels in archive.namelist() else []
    targets = {one.Id: one.Target for one in related if one.TargetMode == "External"}
    parts = [one for one in related if one.Target in archive.namelist()]
    details = Details()
    filters = list(_read_sheet(archive, path, targets, details))
    for part in parts:
        kind = part.Type.rpartition("/")[2]
        if kind == "comments":
            details.comments |= dict(_comments(_root(archive, part.Target)))
        elif kind == "drawing":
            drawing = _root(archive, part.Target)
            details.texts += drawing_texts(drawing)
            details.left_out[PICTURE] += undescribed(drawing)
            details.left_out[CHART] += sum(1 for _ in drawing.iter("{*}graphicFrame"))
        elif kind in ("oleObject", "package"):
            details.left_out[OBJECT] += 1
        elif kind == "table":
            filters += _filters(_root(archive, part.Target))
    for first, _, last, _ in filters:
        details.hidden_rows -= set(range(first, last + 1)) & details.hidden_rows
    return details


def _read_sheet(
    archive: ZipFile, path: str, targets: dict[str, str], details: Details
) -> Iterator[Area]:
    """Add the details in the part of the sheet itself; returns the areas that it filters."""
    from lxml import etree

    tags = ("row", "col", "mergeCell", "hyperlink", "autoFilter")
    shared: dict[str, tuple[str, str]] = {}
    number = 0
    with archive.open(path) as part:
        for _, element in etree.iterparse(
            part, tag=[f"{{*}}{tag}" for tag in tags], resolve_entities=False, no_network=True
        ):
            name = etree.QName(element).localname
            if name == "row":
                number = int(element.get("r") or number + 1)
                if _hides(element):
                    details.hidden_rows.add(number)
                details.formulas.update(_formulas(element, shared))
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
            elif name == "col" and _hides(element):
                details.hidden_columns.append((int(element.get("min")), int(element.get("max"))))
            elif name == "mergeCell":
                details.merged.append(_area(element.get("ref")))
            elif name == "hyperlink":
                target = next(
                    (targets[key] for key in element.attrib.values() if key in targets), ""
                )
                if target and not target.startswith("file:"):
                    details.links[_area(element.get("ref"))[:2]] = target
            elif name == "autoFilter":
                yield from _filters(element)


def _hides(element: Any) -> bool:
    """Whether a row or column is hidden, and not by an outline."""
    return element.get("hidden") in ("1", "true") and element.get("outlineLevel", "0") == "0"


def _formulas(row: Any, shared: dict[str, tuple[str, str]]) -> Iterator[tuple[Cell, str]]:
    """The formulas of a row without a value; `shared` has those that others copy."""
    from openpyxl.formula.translate import Translator, TranslatorError

    for formula in row.iter("{*}f"):
        cell = formula.getparent()
        place, text, key = cell.get("r"), formula.text or "", formula.get("si", "")
        if not place:
            continue
        if text and key:
            shared[key] = (place, text)
        if cell.findtext("{*}v") or cell.get("t") == "str":
            continue
        if not text and key in shared:
            origin, text = shared[key]
            try:
                text = Translator(f"={text}", origin).translate_formula(place)[1:]
            except TranslatorError:
                text = ""
        if text:
            yield _area(place)[:2], f"={text}"


def _filters(element: Any) -> Iterator[Area]:
    """The areas below an element whose rows a filter of values hides."""
    for one in element.iter("{*}autoFilter"):
        if one.find("{*}filterColumn") is not None and one.get("ref"):
            yield _area(one.get("ref"))


def _comments(root: Any) -> Iterator[tuple[Cell, str]]:
    """The comments of a sheet, without the author's name that Excel writes above them."""
    authors = ["".join(one.itertext()).strip() for one in root.iter("{*}author")]
    for comment in root.iter("{*}comment"):
        text = "".join(one.text or "" for one in comment.iter("{*}t"))
        for author in authors:
            text = text.removeprefix(f"{author}:") if author else text
        if text.startswith("[Threaded comment]"):  # and how to get a version that shows it
            text = text.rpartition("Comment:")[2]
        if text.strip():
            yield _area(comment.get("ref"))[:2], " ".join(text.split())


def _area(reference: str) -> Area:
    """First row and column, last row and column of `B2:C5`."""
    from openpyxl.utils.cell import range_boundaries

    first_column, first_row, last_column, last_row = range_boundaries(reference)
    return first_row, first_column, last_row, last_column


def _root(archive: ZipFile, path: str) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(archive.read(path), parser)
