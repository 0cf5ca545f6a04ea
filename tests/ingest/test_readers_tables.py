"""What names the columns, and the rows, of a table; what a damaged record costs."""

import pytest

from ingest.readers.delimited import read_delimited
from ingest.readers.rows import is_header, table_text


def lines(source: str) -> list[tuple[str, int | None, str]]:
    _, sections = read_delimited(source.encode(), "name")
    return [(one.kind, one.first_line, line) for one in sections for line in one.text.split("\n")]


def texts(source: str) -> list[str]:
    return [line for _, _, line in lines(source)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("Kiln,2024,2025\nOak,31,33\nElm,28,29", "Kiln: Oak; 2024: 31; 2025: 33"),
        (",2024/25,2025/26\nOak,31,33\nElm,28,29", "column 1: Oak; 2024/25: 31; 2025/26: 33"),
        ("Kiln,2026-01,2026-02\nOak,31,33", "Kiln: Oak; 2026-01: 31; 2026-02: 33"),
        ("Kiln,2025\nOak,31\nElm,28", "Kiln: Oak; 2025: 31"),
        ("Line,08:00,09:00\nRed,12,15", "Line: Red; 08:00: 12; 09:00: 15"),
        ("Day,1,2,3\nMon,4,5,5\nTue,1,9,9", "Day: Mon; 1: 4; 2: 5; 3: 5"),
        # and a row of figures is no header
        ("Olaf,1950,1972\nInga,1972,2022", "column 1: Olaf; column 2: 1950; column 3: 1972"),
        ("Red,08:00,08:30\nTeal,09:00,09:40", "column 1: Red; column 2: 08:00; column 3: 08:30"),
        ("Oak,31,33\nElm,28,29", "column 1: Oak; column 2: 31; column 3: 33"),
    ],
)
def test_points_in_time_and_scales_name_columns(rows: str, expected: str) -> None:
    assert texts(rows)[0] == expected


def test_years_name_columns_where_nothing_is_known_of_the_rows_below() -> None:
    assert is_header(["Kiln", "2024", "2025"])
    assert not is_header(["Kiln", "2025", "2024", "1910"])
    assert not is_header(["Kiln", "31", "33"])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("Site,Level,Level\nBergen,3.5,3.75\n", "Site: Bergen; Level: 3.5; Level: 3.75"),
        ("Site,Note,Note\nBergen,wet,cold\nVoss,dry,mild", "Site: Bergen; Note: wet; Note: cold"),
        ("yes,no,yes\nno,no,yes\nyes,yes,no", "column 1: yes; column 2: no; column 3: yes"),
    ],
)
def test_a_name_may_come_twice(rows: str, expected: str) -> None:
    assert texts(rows)[0] == expected


def test_a_question_names_the_column_of_its_answers() -> None:
    question = "How often in the last twelve months did you take the ferry " * 3
    [first, _] = texts(f"Who,{question},Why\nA-1,seldom,it is far\nA-2,often,it is near\n")
    assert first == f"Who: A-1; {question.strip()}: seldom; Why: it is far"
    speech = "It was a long and windy night, and nobody on the quay had slept at all. " * 3
    assert texts(f"Ann,{speech},x\nBo,{speech}!,y\n")[0].startswith("column 1: Ann")


def test_lines_above_the_names_are_said_of_the_whole_table() -> None:
    source = "Pumps of the yard\nPrinted;2031-05-06\n\nPump;Head;Keeper;Since\nP1;14.5;Ina;2030\n"
    assert lines(source) == [
        ("prose", 1, "Pumps of the yard"),
        ("prose", 1, "Printed: 2031-05-06"),
        ("table", 5, "Pump: P1; Head: 14.5; Keeper: Ina; Since: 2030"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [["", "Day", "Day", "Night", "Night"], ["Ward", "Beds", "Staff", "Beds", "Staff"]],
        [["", "Day", "", "Night", ""], ["Ward", "Beds", "Staff", "Beds", "Staff"]],
        [["Ward", "Day", "Day", "Night", "Night"], ["Ward", "Beds", "Staff", "Beds", "Staff"]],
        [["Ward", "Day", "", "Night", ""], ["", "Beds", "Staff", "Beds", "Staff"]],
    ],
)
def test_groups_and_their_parts_name_a_column_together(rows: list[list[str]]) -> None:
    assert table_text([*rows, ["East", "9", "Lind", "8", "Moss"]]) == (
        "Ward: East; Day Beds: 9; Day Staff: Lind; Night Beds: 8; Night Staff: Moss"
    )


def test_years_divide_into_parts_too() -> None:
    rows = [["", "2024", "2024", "2025"], ["Kiln", "In", "Out", "In"], ["Oak", "1", "2", "3"]]
    rows = [[*row, row[-1]] for row in rows[:2]] + [[*rows[2], "4"]]
    rows[1][-1] = "Out"
    assert table_text(rows) == "Kiln: Oak; 2024 In: 1; 2024 Out: 2; 2025 In: 3; 2025 Out: 4"


def test_a_row_below_a_wide_name_is_not_taken_for_its_parts() -> None:
    rows = [["Who", "Towns", "Towns"], ["Ann", "Bern", "Basel"], ["Bo", "Oslo", "Rome"]]
    assert table_text(rows).split("\n")[0] == "Who: Ann; Towns: Bern; Towns: Basel"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [["Name", "Ida"], ["Born", "1990-01-02"], ["Mail", "i@d.example"], ["Room", "14"]],
            "Name: Ida\nBorn: 1990-01-02\nMail: i@d.example\nRoom: 14",
        ),
        ([["Name:", "Ida"], ["Town:", "Voss"]], "Name: Ida\nTown: Voss"),
        (
            [["Name:", "Ida", "Born:", "1990"], ["Town:", "Voss", "Room:", ""]],
            "Name: Ida; Born: 1990\nTown: Voss; Room",
        ),
        ([["Port", "8080"], ["Host", "quay"]], "Port: 8080\nHost: quay"),
        (
            [["Depth", "11 m"], ["Length", "30 m"], ["Keeper", "Ida"]],
            "Depth: 11 m\nLength: 30 m\nKeeper: Ida",
        ),
        (
            [["Name", "North berth"], ["Owner", "Port Authority"], ["Remarks", "none"]],
            "Name: North berth\nOwner: Port Authority\nRemarks: none",
        ),
        ([["Built", "1998"], ["Owner", "Ida"]], "Built: 1998\nOwner: Ida"),
        # a table of two columns is none
        (
            [["Berth", "Depth"], ["A", "12 m"], ["B", "?"]],
            "Berth: A; Depth: 12 m\nBerth: B; Depth: ?",
        ),
        ([["Berth", "Keeper"], ["North", "Ida"]], "Berth: North; Keeper: Ida"),
        ([["Name", "Type"], ["Length", "number"]], "Name: Length; Type: number"),
        ([["Rope", "2024 price"], ["Hemp", "12"]], "Rope: Hemp; 2024 price: 12"),
    ],
)
def test_the_label_of_a_row_in_a_form_names_its_value(rows: list[list[str]], expected: str) -> None:
    assert table_text(rows) == expected


def test_a_form_in_a_delimited_file_keeps_its_lines() -> None:
    assert lines('Berth 7,\nDepth,11 m\n\nRemarks,"dry\nat low tide"\nOwner,Ida') == [
        ("table", 1, "Berth 7"),
        ("table", 1, "Depth: 11 m"),
        ("table", 1, ""),
        ("table", 1, "Remarks: dry at low tide"),
        ("table", 1, ""),
        ("table", 1, "Owner: Ida"),
    ]


def test_equal_figures_are_values_of_their_columns() -> None:
    rows = [["Min depth", "Max depth"], ["5 m", "5 m"], ["4 m", "6 m"]]
    assert table_text(rows).split("\n")[0] == "Min depth: 5 m; Max depth: 5 m"


def test_a_cell_alone_needs_no_name() -> None:
    assert table_text([["Mind the step."]]) == "Mind the step."


def test_one_bad_quote_costs_its_own_line_at_most() -> None:
    source = 'id,note\n1,"open\n2,"good, well"\n3,"6"" pipe"\n4,"x" y\n5,"two\nlines"\n6,"end\n'
    assert texts(source) == [
        'id: 1; note: "open',
        "id: 2; note: good, well",
        'id: 3; note: 6" pipe',
        'id: 4; note: "x" y',
        "id: 5; note: two",
        "  lines",
        'id: 6; note: "end',
    ]


def test_a_quote_that_another_line_closes_by_chance_is_seen_by_the_width() -> None:
    source = 'id;size;note\n1;4;wide\n2;5" ;old\n3;"6;new\n4;7;"last"\n'
    assert texts(source)[2:] == ['id: 3; size: "6; note: new', "id: 4; size: 7; note: last"]


def test_names_without_a_row_are_not_lost() -> None:
    assert texts("pump,head,keeper\n") == ["pump; head; keeper"]
