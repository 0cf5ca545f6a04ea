"""A sheet is read as it is shown: formats, merged cells, what is hidden, what stands beside."""

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font

from ingest import read
from ingest.readers.number_formats import shown


def workbook(fill: Callable[[Any], object], **members: str) -> bytes:
    """A workbook of one sheet, with more members in its package."""
    book = openpyxl.Workbook()
    fill(book.active)
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made, "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def texts(folder: Path, data: bytes) -> list[str]:
    path = folder / "a.xlsx"
    path.write_bytes(data)
    return [line for one in read(path).sections for line in one.text.split("\n")]


def put(*rows: list[Any]) -> Callable[[Any], None]:
    def fill(sheet: Any) -> None:
        for row in rows:
            sheet.append(row)

    return fill


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (417, "00000", "00417"),
        (6.5, '0.0"%"', "6.5%"),
        (0.065, "0.0%", "6.5%"),
        (0.5, "0%", "50%"),
        (12, '0" bar"', "12 bar"),
        (12, "0\\ \\k\\g", "12 kg"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (-1234.5, "#,##0.00;[Red](#,##0.00)", "(1,234.50)"),
        (-3, "0;-0;;@", "-3"),
        # a minus where only a colour, which is lost, or a condition tells that it is negative
        (-1234.1, "0.00;[Red]0.00", "-1234.10"),
        (-5, "#,##0;[Red]#,##0", "-5"),
        (-7.5, "General;[Red]General", "-7.5"),
        (-5, '0.0" t";[Red]0.0" t"', "-5.0 t"),
        (-5, '[<0]"minus "0;0', "-5"),
        (-5, "[Red][<0]0;0", "-5"),
        (-5, '0" paid";0" owed"', "5 owed"),
        (0, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-', "0.00 €"),
        (12.5, "[$€-407] #,##0.00", "€ 12.50"),
        (1234567, '#,##0,"k"', "1,235k"),
        (123456789, "000-00-0000", "123-45-6789"),
        (2.5, "0", "3"),
        (-0.4, "0", "0"),
        (12.0, "0.##", "12"),
        (0.1 + 0.2, "General", "0.3"),
        (1e15, "General", "1000000000000000"),
        (1e300, "0.00", "1e+300"),
        # not understood: as it is
        (1.5, "# ?/?", "1.5"),
        (1234.5, "0.00E+00", "1234.5"),
        (7, "[>5]0.0;0", "7"),
        (7, "", "7"),
        (7, ";;;", "7"),
    ],
)
def test_a_number_is_as_its_format_shows_it(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_formats_of_numbers_and_times_reach_the_text(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(
            ["Depot", "Code", "Share", "Opens", "Shift"],
            ["Voss", 417, 6.5, datetime.time(8, 15), datetime.timedelta(hours=31, minutes=5)],
        )(sheet)
        for cell, code in (("B2", "00000"), ("C2", '0.0"%"'), ("D2", "hh:mm"), ("E2", "[h]:mm")):
            sheet[cell].number_format = code

    assert texts(tmp_path, workbook(fill)) == [
        "Depot: Voss; Code: 00417; Share: 6.5%; Opens: 08:15; Shift: 31:05"
    ]


def test_a_merged_cell_is_said_in_each_row_and_column_of_it(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(
            ["Stock of the yard"],
            ["", "Spring", None, "Autumn"],
            ["Shed", "In", "Out", "In", "Out"],
            ["East", 1, 2, 3, 4],
            [None, 5, 6, 7, 8],
        )(sheet)
        for area in ("A1:E1", "B2:C2", "D2:E2", "A4:A5", "B8:F20"):
            sheet.merge_cells(area)

    assert texts(tmp_path, workbook(fill)) == [
        "Stock of the yard",
        "Shed: East; Spring In: 1; Spring Out: 2; Autumn In: 3; Autumn Out: 4",
        "Shed: East; Spring In: 5; Spring Out: 6; Autumn In: 7; Autumn Out: 8",
    ]


def test_a_formula_without_a_value_is_given_itself(tmp_path: Path) -> None:
    data = workbook(put(["Item", "Net", "Gross"], ["Rope", 8, "=B2*1.25"], ["Tar", 9, "=B3*1.25"]))
    assert texts(tmp_path, data) == [
        "Item: Rope; Net: 8; Gross: =B2*1.25",
        "Item: Tar; Net: 9; Gross: =B3*1.25",
    ]


def test_what_a_sheet_hides_is_left_out_but_not_what_it_folds_away(tmp_path: Path) -> None:
    rows = put(
        ["Boat", "Owner", "Length"], ["Heron", "Ida", 9], ["Kite", "Bo", 8], ["Tern", "Ann", 7]
    )

    def hide(sheet: Any) -> None:
        rows(sheet)
        sheet.row_dimensions[3].hidden = True
        sheet.row_dimensions[4].hidden, sheet.row_dimensions[4].outlineLevel = True, 1
        sheet.column_dimensions["B"].hidden = True

    def choose(sheet: Any) -> None:
        rows(sheet)
        sheet.auto_filter.ref = "A1:C4"
        sheet.auto_filter.add_filter_column(0, ["Heron"])
        sheet.row_dimensions[3].hidden = True

    def strike(sheet: Any) -> None:
        rows(sheet)
        sheet["C2"].font = Font(strike=True)

    assert texts(tmp_path, workbook(hide)) == ["Boat: Heron; Length: 9", "Boat: Tern; Length: 7"]
    assert "Boat: Kite; Owner: Bo; Length: 8" in texts(tmp_path, workbook(choose))
    assert texts(tmp_path, workbook(strike))[0] == "Boat: Heron; Owner: Ida"


def test_links_and_comments_are_read(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(["Boat", "Papers"], ["Heron", "register"], ["Kite", "none"])(sheet)
        sheet["B2"].hyperlink = "https://boats.example/heron"
        sheet["B3"].comment = Comment("Ida:\nasked for in May", "Ida")

    assert texts(tmp_path, workbook(fill)) == [
        "Boat: Heron; Papers: register (https://boats.example/heron)",
        "Boat: Kite; Papers: none",
        "Comment at B3: asked for in May",
    ]


def test_text_boxes_and_what_pictures_show_are_read(tmp_path: Path) -> None:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="../drawings/d.xml" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/drawing"/></Relationships>'
    )
    drawing = (
        '<x:wsDr xmlns:x="x" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        '<x:sp><x:cNvPr id="1" name="Box"/><x:txBody><a:p><a:r><a:t>Mind the </a:t></a:r>'
        "<a:r><a:t>tide</a:t></a:r></a:p></x:txBody></x:sp>"
        '<x:pic><x:cNvPr id="2" name="P" descr="Plan of the quay"/></x:pic>'
        '<x:pic><x:cNvPr id="3" name="P" descr="image7.png"/></x:pic></x:wsDr>'
    )
    data = workbook(
        put(["Boat", "Berth"], ["Heron", "N1"]),
        **{"xl/worksheets/_rels/sheet1.xml.rels": relations, "xl/drawings/d.xml": drawing},
    )
    assert texts(tmp_path, data)[1:] == ["Mind the tide", "[Image: Plan of the quay]"]


def test_a_form_in_a_sheet_has_a_label_for_every_value(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(["Name", "Ida Moe"], ["Street", "Quay 4"], ["Town", "Voss"])(sheet)
        for row in (1, 2, 3):
            sheet.cell(row, 1).font = Font(bold=True)

    assert texts(tmp_path, workbook(fill)) == ["Name: Ida Moe", "Street: Quay 4", "Town: Voss"]


def test_a_form_without_marks_has_a_label_for_every_value(tmp_path: Path) -> None:
    facts = [["Depth", "11 m"], ["Length", "240 m"], ["Owner", "City of Holm"]]
    assert texts(tmp_path, workbook(put(*facts))) == [
        "Depth: 11 m",
        "Length: 240 m",
        "Owner: City of Holm",
    ]


def test_values_below_an_empty_row_belong_to_the_two_columns_above(tmp_path: Path) -> None:
    rows = [["Berth", "Depth"], ["North", "11 m"], [], ["South", "9 m"], ["East", "7 m"]]
    assert texts(tmp_path, workbook(put(*rows)))[1:] == [
        "Berth: South; Depth: 9 m",
        "Berth: East; Depth: 7 m",
    ]


def test_words_below_an_empty_row_do_not_become_names(tmp_path: Path) -> None:
    rows = [["Boat", "Owner"], ["Heron", "Ida"], [], ["Kite", "Bo"], ["Tern", "Ann"]]
    assert texts(tmp_path, workbook(put(*rows))) == [
        "Boat: Heron; Owner: Ida",
        "Boat: Kite; Owner: Bo",
        "Boat: Tern; Owner: Ann",
    ]
