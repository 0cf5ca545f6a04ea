"""Presentations, workbooks, e-books and Outlook's messages; none of them can be a trap."""

import datetime
import io
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pptx
import pytest
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.util import Inches

from ingest import Document, FileReader, ReadError, read


@pytest.fixture(scope="module")
def reader() -> Iterator[FileReader]:
    with FileReader(seconds=20) as shared:
        yield shared


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read_bytes(folder: Path, name: str, content: bytes) -> Document:
    return read(write(folder, name, content))


def kinds(document: Document) -> list[tuple[str, tuple[str, ...], int | None, str]]:
    return [(one.kind, one.heading, one.page, one.text) for one in document.sections]


def saved(made: Any) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def repacked(archive: bytes, changes: Mapping[str, bytes]) -> bytes:
    """The archive with some members replaced."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
    return buffer.getvalue()


# Presentations


def presentation() -> bytes:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Berths"
    slide.placeholders[1].text = "North\nSouth"
    slide.placeholders[1].text_frame.paragraphs[1].level = 1
    slide.notes_slide.notes_text_frame.text = "Mention the tide."
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Depths"
    table = slide.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
    for column, (name, value) in enumerate((("Berth", "North"), ("Depth", "12 m"))):
        table.cell(0, column).text, table.cell(1, column).text = name, value
    figures = CategoryChartData()
    figures.categories = ["2024", "2025"]
    figures.add_series("Ships", (3, 4.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), figures)
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "In a group"
    hidden = show.slides.add_slide(show.slide_layouts[5])
    hidden.shapes.title.text, hidden._element.attrib["show"] = "Secret", "0"
    hidden.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "Not shown"
    return saved(show)


def test_a_slide_is_a_page_under_its_title(tmp_path: Path) -> None:
    assert kinds(read_bytes(tmp_path, "a.pptx", presentation())) == [
        ("prose", ("Berths",), 1, "- North\n  - South"),
        ("prose", ("Berths",), 1, "Notes: Mention the tide."),
        ("table", ("Depths",), 2, "Berth: North; Depth: 12 m"),
        ("table", ("Depths",), 2, "category: 2024; Ships: 3\ncategory: 2025; Ships: 4.5"),
        ("prose", ("Depths",), 2, "In a group"),
    ]


def slide_texts(folder: Path, show: Any) -> list[str]:
    document = read_bytes(folder, "a.pptx", saved(show))
    return [line for one in document.sections for line in one.text.split("\n")]


def blank_slide() -> tuple[Any, Any]:
    show = pptx.Presentation()
    return show, show.slides.add_slide(show.slide_layouts[6])


NAMES = " ".join(
    f'xmlns:{name}="http://schemas.openxmlformats.org/{where}"'
    for name, where in (
        ("a", "drawingml/2006/main"),
        ("p", "presentationml/2006/main"),
        ("r", "officeDocument/2006/relationships"),
        ("dgm", "drawingml/2006/diagram"),
        ("mc", "markup-compatibility/2006"),
    )
)


def test_a_merged_cell_of_a_slide_is_said_in_each_row(tmp_path: Path) -> None:
    show, slide = blank_slide()
    table = slide.shapes.add_table(3, 2, 0, 0, Inches(4), Inches(1)).table
    for at, text in enumerate(("Shed", "Keeper", "East", "Ida", "", "Bo")):
        table.cell(at // 2, at % 2).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert slide_texts(tmp_path, show) == ["Shed: East; Keeper: Ida", "Shed: East; Keeper: Bo"]


def test_charts_of_points_and_all_plots_of_a_chart(tmp_path: Path) -> None:
    show, slide = blank_slide()
    points = XyChartData()
    drag = points.add_series("Drag")
    drag.add_data_point(1.5, 7.25)
    drag.add_data_point(2.5, 9.75)
    box = (0, 0, Inches(4), Inches(3))
    slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *box, points)
    assert slide_texts(tmp_path, show) == ["x: 1.5; Drag: 7.25", "x: 2.5; Drag: 9.75"]


def test_diagrams_and_shapes_with_alternatives(tmp_path: Path) -> None:
    show, slide = blank_slide()
    words = "".join(
        f'<dgm:pt modelId="{n}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for n, text in enumerate(("Haul for 9 minutes", "Dry the nets"))
    )
    data = f"<dgm:dataModel {NAMES}><dgm:ptLst>{words}</dgm:ptLst></dgm:dataModel>"
    diagram = Part(
        PackURI("/ppt/diagrams/d.xml"), "application/xml", show.part.package, data.encode()
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData"
    number = slide.part.relate_to(diagram, kind)
    frame = (
        f'<p:graphicFrame {NAMES}><p:nvGraphicFramePr><p:cNvPr id="9" name="D"/>'
        "<p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><a:graphic><a:graphicData "
        'uri="http://schemas.openxmlformats.org/drawingml/2006/diagram">'
        f'<dgm:relIds r:dm="{number}"/></a:graphicData></a:graphic></p:graphicFrame>'
    )
    shape = (
        '<p:sp><p:nvSpPr><p:cNvPr id="21" name="t"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        "<p:txBody><a:bodyPr/><a:p><a:r><a:t>Box of 77</a:t></a:r></a:p></p:txBody></p:sp>"
    )
    alternatives = (
        f'<mc:AlternateContent {NAMES}><mc:Choice Requires="a14">{shape}</mc:Choice>'
        f"<mc:Fallback>{shape}</mc:Fallback></mc:AlternateContent>"
    )
    for xml in (frame, alternatives):
        slide.shapes._spTree.append(parse_xml(xml))
    assert slide_texts(tmp_path, show) == ["Haul for 9 minutes", "Dry the nets", "Box of 77"]


def test_links_powers_and_what_is_struck_out_or_hidden_on_a_slide(tmp_path: Path) -> None:
    show, slide = blank_slide()
    paragraph = slide.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.paragraphs[0]
    for text, looks in (
        ("Dues ", {}),
        ("40 ", {"strike": "sngStrike"}),
        ("45 a m", {}),
        ("2", {"baseline": "30000"}),
        (", see ", {}),
        ("tariff", {}),
    ):
        run = paragraph.add_run()
        run.text = text
        run._r.get_or_add_rPr().attrib.update(looks)
    run.hyperlink.address = "https://quay.example/tariff"
    hidden = slide.shapes.add_textbox(0, 0, Inches(2), Inches(1))
    hidden.text_frame.text = "Not shown"
    hidden._element.nvSpPr.cNvPr.set("hidden", "1")
    pictured = slide.shapes.add_shape(1, 0, 0, Inches(1), Inches(1))
    pictured._element.nvSpPr.cNvPr.set("descr", "Plan of the quay")
    assert slide_texts(tmp_path, show) == [
        "Dues 45 a m^2, see tariff (https://quay.example/tariff)",
        "[Image: Plan of the quay]",
    ]


# Workbooks


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Fees"
    for row in (
        ["Rates of the port"],
        [None, "Berth", "Fee", "Since", "Share"],
        [None, "North", 12.0, datetime.datetime(2026, 1, 15), 0.125],
        [None, "South", 0.1 + 0.2, None, 1],
        [],
        [None, "East", 9, datetime.datetime(2026, 1, 15, 8, 30), None],
        [],
        ["Tug", "Open"],
        ["Heron", True],
        ["Tern", "=1+1"],
    ):
        sheet.append(row)
    sheet["E3"].number_format = "0.0%"
    hidden = book.create_sheet("Lists")
    hidden.append(["hidden", "words"])
    hidden.sheet_state = "hidden"
    book.create_sheet("Empty")
    return saved(book)


def test_rows_of_a_sheet_name_their_columns(tmp_path: Path) -> None:
    assert kinds(read_bytes(tmp_path, "a.xlsx", workbook())) == [
        ("prose", ("Fees",), None, "Rates of the port"),
        (
            "table",
            ("Fees",),
            None,
            "Berth: North; Fee: 12; Since: 2026-01-15; Share: 12.5%\n"
            "Berth: South; Fee: 0.3; Share: 1",
        ),
        ("table", ("Fees",), None, "Berth: East; Fee: 9; Since: 2026-01-15 08:30:00"),
        ("table", ("Fees",), None, "Tug: Heron; Open: true\nTug: Tern; Open: =1+1"),
    ]


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file of a few streams of under 4,096 bytes, after [MS-CFB]."""
    last, free = 0xFFFFFFFE, 0xFFFFFFFF

    def chain(first: int, count: int) -> list[int]:
        return [*range(first + 1, first + count), last]

    def table(numbers: list[int]) -> bytes:
        return struct.pack("<128I", *numbers, *([free] * (128 - len(numbers))))

    def entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        links = struct.pack("<HBBIII", len(raw), kind, 1, free, right, child)
        return raw.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)

    small: list[int] = []  # which 64-byte sector of the small streams follows which
    content = b""
    entries = []
    for number, (name, data) in enumerate(sorted(streams.items()), start=1):
        count = math.ceil(len(data) / 64)
        right = number + 1 if number < len(streams) else free
        entries.append(entry(name, 2, right, free, len(small), len(data)))
        small += chain(len(small), count)
        content += data.ljust(count * 64, b"\0")
    # Sectors: 0 the table of sectors, 1 that of the small ones, then the directory, the content.
    folders, contents = math.ceil((len(entries) + 1) / 4), math.ceil(len(content) / 512)
    entries.insert(0, entry("Root Entry", 5, free, 1, 2 + folders, len(content)))
    big = [0xFFFFFFFD, last, *chain(2, folders), *chain(2 + folders, contents)]
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        + struct.pack("<9I", 0, 1, 2, 0, 4096, 1, 1, last, 0)
        + struct.pack("<109I", 0, *([free] * 108))
    )
    directory = b"".join(entries).ljust(folders * 512, b"\0")
    return header + table(big) + table(small) + directory + content.ljust(contents * 512, b"\0")


def old_workbook(more: bytes = b"") -> bytes:
    """A BIFF8 workbook of one sheet, after [MS-XLS]; `more` are records of the sheet."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def label(row: int, column: int, text: str) -> bytes:
        body = struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("latin-1")
        return record(0x0204, body)

    def number(row: int, column: int, value: float) -> bytes:
        return record(0x0203, struct.pack("<HHHd", row, column, 0, value))

    beginning = record(0x0809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0))
    ending = record(0x0A, b"")
    at = len(beginning) + 4 + 12 + len(ending)
    listed = record(0x85, struct.pack("<IBBBB", at, 0, 0, 4, 0) + b"Fees")
    cells = (
        label(0, 0, "Berth") + label(0, 1, "Fee") + label(1, 0, "North") + number(1, 1, 12) + more
    )
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0)) + cells + ending
    return compound_file({"Workbook": beginning + listed + ending + sheet})


def test_an_old_workbook_is_the_same(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, "a.xls", old_workbook())
    assert kinds(document) == [("table", ("Fees",), None, "Berth: North; Fee: 12")]


def test_a_merged_cell_of_an_old_workbook_is_said_in_each_row(tmp_path: Path) -> None:
    second = struct.pack("<HHHHHd", 0x0203, 14, 2, 1, 0, 9.0)
    merged = struct.pack("<HHHHHHH", 0xE5, 10, 1, 1, 2, 0, 0)
    document = read_bytes(tmp_path, "a.xls", old_workbook(second + merged))
    assert document.sections[0].text == "Berth: North; Fee: 12\nBerth: North; Fee: 9"


def test_an_outlook_message(tmp_path: Path) -> None:
    texts = {"0037": "Berth closed", "1000": "The north berth is closed.", "0C1A": "Ada"}
    properties = bytes(32) + b"".join(
        struct.pack("<HHIII", 0x1F, int(key, 16), 6, 2 * len(text) + 2, 0)
        for key, text in texts.items()
    )
    streams = {f"__substg1.0_{key}001F": text.encode("utf-16-le") for key, text in texts.items()}
    message = compound_file({"__properties_version1.0": properties, **streams})
    document = read_bytes(tmp_path, "a.msg", message)
    assert document.title == "Berth closed"
    assert document.sections[-1].heading == ("Berth closed",)
    assert document.sections[-1].text == "The north berth is closed."


# E-books

CONTAINER = '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
PACKAGE = (
    '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Tides</dc:title>'
    '</metadata><manifest><item id="a" href="one%20a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="out" href="../../../etc/passwd" media-type="application/xhtml+xml"/>'
    '</manifest><spine><itemref idref="b"/><itemref idref="a"/><itemref idref="out"/></spine>'
    "</package>"
)


def book(**changes: str) -> bytes:
    members = {
        "META-INF/container.xml": CONTAINER,
        "O/p.opf": PACKAGE,
        "O/one a.xhtml": "<html><body><h1>Ebb</h1><p>It falls.</p></body></html>",
        "O/b.xhtml": "<html><head><title/></head><body><h1>Flood</h1><p>It rises.</p></body>",
        **changes,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members.items():
            made.writestr(name, text)
    return buffer.getvalue()


def test_a_book_is_read_in_its_own_order(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, "a.epub", book())
    assert document.title == "Tides"
    assert kinds(document) == [
        ("prose", ("Flood",), None, "It rises."),
        ("prose", ("Ebb",), None, "It falls."),
    ]


def test_a_book_with_rights_management_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="digital rights management"):
        read_bytes(tmp_path, "a.epub", book(**{"META-INF/rights.xml": "<rights/>"}))


# Traps

MAKERS = {".pptx": presentation, ".xlsx": workbook, ".epub": book}
INSIDE = {".pptx": "ppt/presentation.xml", ".xlsx": "xl/worksheets/sheet1.xml", ".epub": "O/p.opf"}


def bomb(suffix: str) -> bytes:
    """A good file with one member more, which unpacks to 300 MB."""
    buffer = io.BytesIO(MAKERS[suffix]())
    with (
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as made,
        made.open("more.xml", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", MAKERS)
def test_a_bomb_is_told_before_it_is_unpacked(
    reader: FileReader, tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(ReadError, match="unpacks to 300 MB, the limit is 256 MB"):
        reader.read(write(tmp_path, f"a{suffix}", bomb(suffix)))


def test_a_member_larger_than_it_says_is_never_unpacked(reader: FileReader, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("META-INF/container.xml", " " * 50_000_000)
    data = buffer.getvalue()
    lying = data.replace(struct.pack("<I", 50_000_000), struct.pack("<I", 100))
    assert lying != data
    with pytest.raises(ReadError):
        reader.read(write(tmp_path, "a.epub", lying))


@pytest.mark.parametrize("suffix", MAKERS)
def test_no_file_outside_is_ever_read(reader: FileReader, tmp_path: Path, suffix: str) -> None:
    canary = write(tmp_path, "canary.txt", b"the canary")
    good, name = MAKERS[suffix](), INSIDE[suffix]
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        xml = archive.read(name).decode()
    declaration, _, rest = xml.rpartition("?>")
    entity = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{canary.as_uri()}">]>'
    start = f"{declaration}?>" if declaration else ""
    tampered = (start + entity + rest).replace("North", "&x;").replace("Tides", "&x;")
    try:
        document = reader.read(
            write(tmp_path, f"a{suffix}", repacked(good, {name: tampered.encode()}))
        )
    except ReadError:
        return
    assert "the canary" not in str(document)


@pytest.mark.parametrize("suffix", MAKERS)
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_one_clear_line(
    reader: FileReader, tmp_path: Path, suffix: str, kept: float
) -> None:
    data = MAKERS[suffix]()
    with pytest.raises(ReadError, match="it is damaged") as caught:
        reader.read(write(tmp_path, f"a{suffix}", data[: int(len(data) * kept)]))
    assert "\n" not in str(caught.value)
    assert reader.read(write(tmp_path, f"good{suffix}", data)).sections


def test_a_truncated_old_file_is_one_line(reader: FileReader, tmp_path: Path) -> None:
    for name, data in (("a.xls", old_workbook()), ("a.msg", compound_file({"x": b"y"}))):
        with pytest.raises(ReadError, match="not a readable") as caught:
            reader.read(write(tmp_path, name, data[:700]))
        assert "\n" not in str(caught.value)


def test_a_sheet_that_claims_too_many_cells_is_refused(reader: FileReader, tmp_path: Path) -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 400))
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f"{rows}</sheetData></worksheet>"
    )
    data = repacked(workbook(), {INSIDE[".xlsx"]: sheet.encode()})
    with pytest.raises(ReadError, match="more than 5,000,000 cells"):
        reader.read(write(tmp_path, "a.xlsx", data))


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("a.pptx", workbook(), "not a presentation: it looks like an Excel workbook"),
        ("a.xlsx", book(), "not an Excel workbook: it looks like an e-book"),
        ("a.epub", presentation(), "not an e-book: it looks like a presentation"),
        ("a.xls", workbook(), "not an Excel 97 workbook: it looks like a zip archive or"),
        ("a.msg", b"From: x", "not an Outlook message: it looks like text"),
        ("a.xlsx", compound_file({"EncryptedPackage": b"x"}), "password-protected office"),
    ],
)
def test_an_office_file_that_is_something_else(
    tmp_path: Path, name: str, content: bytes, seen: str
) -> None:
    with pytest.raises(ReadError, match=seen):
        read_bytes(tmp_path, name, content)
