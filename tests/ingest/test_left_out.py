"""What of a file was not read is said in its notes, and what can be read is not lost in silence."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from openpyxl.chart import BarChart, Reference
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest import Document, read

CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
FUNNEL = b'<cx:chartSpace xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex"/>'


def picture() -> io.BytesIO:
    """A PNG of one pixel."""

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", zlib.compress(b"\0\0")) + part(b"IEND", b"")
    )


def saved(folder: Path, name: str, made: Any) -> Document:
    made.save(folder / name)
    return read(folder / name)


def word_file() -> Any:
    made = docx.Document()
    made.add_paragraph("The crane lifts 40 t.")
    return made


def add_xml(made: Any, xml: str) -> None:
    names = nsdecls("w", "r")
    made.element.body.insert_element_before(parse_xml(f"<w:p {names}>{xml}</w:p>"), "w:sectPr")


def test_a_word_document_says_what_is_not_read(tmp_path: Path) -> None:
    made = word_file()
    assert saved(tmp_path, "plain.docx", made).notes == ()
    for said in ("", "The pier in winter", ""):
        shape = made.add_picture(picture())
        shape._inline.docPr.set("descr", said)
    add_xml(made, "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Not for guests.</w:t></w:r>")
    add_xml(made, "<w:r><w:rPr><w:strike/></w:rPr><w:t>Struck out.</w:t></w:r>")
    ole = '<o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office"/>'
    add_xml(made, f"<w:r><w:object>{ole}</w:object></w:r>")

    document = saved(tmp_path, "a.docx", made)

    assert document.notes == (
        "not read: 1 hidden text, 2 pictures without a description, 1 embedded object",
    )
    assert "[Image: The pier in winter]" in document.sections[0].text


@pytest.mark.parametrize("blob", [FUNNEL, b"torn"])
def test_a_chart_that_cannot_be_read_costs_no_more_than_itself(tmp_path: Path, blob: bytes) -> None:
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    made = word_file()
    part = Part(PackURI("/word/charts/chart1.xml"), "application/xml", blob, made.part.package)
    number = made.part.relate_to(part, "urn:chart")
    add_xml(made, f'<w:r><w:drawing><c:chart xmlns:c="{CHART}" r:id="{number}"/></w:drawing></w:r>')
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Ships"
    figures = CategoryChartData()
    figures.categories = ["2024"]
    figures.add_series("Ships", (3,))
    kind = XL_CHART_TYPE.COLUMN_CLUSTERED
    chart = slide.shapes.add_chart(kind, 0, 0, Inches(1), Inches(1), figures).chart
    for one in list(chart._chartSpace):
        chart._chartSpace.remove(one)

    word, slides = saved(tmp_path, "a.docx", made), saved(tmp_path, "a.pptx", show)

    assert [one.text for one in word.sections] == ["The crane lifts 40 t."]
    assert [one.text for one in slides.sections] == ["Ships"]
    assert word.notes == slides.notes == ("not read: 1 chart",)


def test_a_presentation_says_what_is_not_read(tmp_path: Path) -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    for said in ("", "The pier in winter"):
        shape = slide.shapes.add_picture(picture(), 0, 0)
        shape._element.nvPicPr.cNvPr.set("descr", said)
    slide.shapes.add_ole_object(picture(), "Excel.Sheet", 0, 0)
    slide.shapes.add_movie(picture(), 0, 0, 1, 1, poster_frame_image=picture())
    for _ in range(2):
        show.slides.add_slide(show.slide_layouts[6])._element.set("show", "0")

    document = saved(tmp_path, "a.pptx", show)

    assert document.notes == (
        "not read: 1 picture without a description, 1 embedded object, 1 recording, "
        "2 hidden slides",
    )
    assert [one.text for one in document.sections] == ["[Image: The pier in winter]"]


def test_a_workbook_says_what_is_not_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Berth", "Depth", "Rent"], ["North", 12, 3], ["South", 7, 4], ["", "", ""]):
        sheet.append(row)
    for row in (3, 4):  # the last holds nothing
        sheet.row_dimensions[row].hidden = True
    for column in "CF":
        sheet.column_dimensions[column].hidden = True
    sheet.add_image(openpyxl.drawing.image.Image(picture()), "H1")
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3))
    sheet.add_chart(chart, "H9")
    for name in ("Plan", "Old"):
        book.create_sheet(name).sheet_state = "hidden"
    book.create_sheet("Empty")

    document = saved(tmp_path, "a.xlsx", book)

    assert document.notes == (
        "not read: 1 chart, 1 picture without a description, 1 hidden row, 1 hidden column, "
        "hidden sheets Plan, Old",
    )
    assert [one.text for one in document.sections] == ["Berth: North; Depth: 12"]


def test_a_heading_without_a_body_is_a_text_in_office_documents_too(tmp_path: Path) -> None:
    made = docx.Document()
    for level, text in ((1, "Agenda"), (2, "Elect Emil Dahl"), (2, "Rent"), (1, "Any questions")):
        made.add_heading(text, level)
        if text == "Rent":
            made.add_paragraph("It rises.")
    show = pptx.Presentation()
    for text in ("Berth heron-42 is closed", "Depths"):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = text
        slide.placeholders[1].text = "12 m" if text == "Depths" else ""

    word, slides = saved(tmp_path, "a.docx", made), saved(tmp_path, "a.pptx", show)

    assert [(one.heading, one.text) for one in word.sections] == [
        (("Agenda",), "Elect Emil Dahl"),
        (("Agenda", "Rent"), "It rises."),
        ((), "Any questions"),
    ]
    assert [(one.heading, one.text, one.page) for one in slides.sections] == [
        ((), "Berth heron-42 is closed", 1),
        (("Depths",), "12 m", 2),
    ]


def test_minified_code_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "app.min.js").write_text("/* of the port */\n" + "var a=1;" * 500)
    (tmp_path / "app.js").write_text("var crane = 40;\n" * 500)

    document = read(tmp_path / "app.min.js")

    assert (document.sections, document.notes) == ((), ("minified code is not read",))
    assert read(tmp_path / "app.js").sections
