"""A Word document is read as it is printed: numbers, tables, notes, and nothing that is gone."""

import io
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest import Document, read

NAMES = nsdecls("w", "r", "wp", "m", "a")
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def body(document: Any, xml: str) -> None:
    """Put paragraphs or tables at the end of a document."""
    for element in parse_xml(f"<w:body {NAMES}>{xml}</w:body>"):
        document.element.body.insert_element_before(element, "w:sectPr")


def part(document: Any, kind: str, xml: str) -> None:
    name = PackURI(f"/word/{kind}.xml")
    made = Part(name, "application/xml", xml.encode(), document.part.package)
    document.part.relate_to(made, f"{OFFICE}/{kind}")


def saved(folder: Path, document: Any) -> Document:
    buffer = io.BytesIO()
    document.save(buffer)
    path = folder / "a.docx"
    path.write_bytes(buffer.getvalue())
    return read(path)


def texts(folder: Path, xml: str) -> list[str]:
    document = docx.Document()
    body(document, xml)
    return [line for one in saved(folder, document).sections for line in one.text.split("\n")]


def run(text: str, looks: str = "") -> str:
    return f'<w:r><w:rPr>{looks}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(*parts: str, looks: str = "") -> str:
    runs = "".join(one if one.startswith("<") else run(one) for one in parts)
    return f"<w:p><w:pPr>{looks}</w:pPr>{runs}</w:p>"


def cell(text: str, looks: str = "") -> str:
    return f"<w:tc><w:tcPr>{looks}</w:tcPr>{text if text[:1] == '<' else p(text)}</w:tc>"


def row(*cells: str, looks: str = "") -> str:
    made = "".join(one if one.startswith("<w:tc>") else cell(one) for one in cells)
    return f"<w:tr><w:trPr>{looks}</w:trPr>{made}</w:tr>"


def table(*rows: str, look: str = "") -> str:
    return f"<w:tbl><w:tblPr>{look}</w:tblPr>{''.join(rows)}</w:tbl>"


DOWN, ON = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def test_merged_and_shifted_cells_stand_in_their_columns(tmp_path: Path) -> None:
    assert texts(
        tmp_path,
        table(
            row("Shed", "Day", "Keeper"),
            row(cell("East", DOWN), "Mon", "Ida"),
            row(cell("", ON), "Tue", "Bo"),
            row(cell("Wed"), cell("Ann"), looks='<w:gridBefore w:val="1"/>'),
            row("West", cell("Closed", '<w:gridSpan w:val="2"/>')),
        ),
    ) == [
        "Shed: East; Day: Mon; Keeper: Ida",
        "Shed: East; Day: Tue; Keeper: Bo",
        "Day: Wed; Keeper: Ann",
        "Shed: West; Day: Closed; Keeper: Closed",
    ]


def test_a_cell_across_the_whole_table_is_in_no_column(tmp_path: Path) -> None:
    head = row(cell("Item"), cell("Due"))
    across = row(cell("All work stops in July", '<w:gridSpan w:val="2"/>'))
    rows = table(head, row(cell("Paint gate"), cell("1 May")), across, row(cell("x"), cell("x")))
    assert texts(tmp_path, rows) == [
        "Item: Paint gate; Due: 1 May",
        "All work stops in July",
        "Item: x; Due: x",
    ]


def test_a_table_in_a_cell_is_read_once_and_in_its_row(tmp_path: Path) -> None:
    inner = table(row("Tool", "Count"), row("Adze", "6"), row("Maul", "2"))
    rows = table(row("Chest", "Contents"), row("Chest 4", cell(f"{inner}<w:p/>")))
    assert texts(tmp_path, rows) == [
        "Chest: Chest 4; Contents: Tool: Adze; Count: 6 / Tool: Maul; Count: 2"
    ]


def test_a_table_that_only_places_text_is_no_table(tmp_path: Path) -> None:
    inner = table(row("Berth", "Depth"), row("N1", "9 m"))
    assert texts(tmp_path, table(row(cell(f"{p('Mind the step.')}{inner}<w:p/>")))) == [
        "Mind the step.",
        "Berth: N1; Depth: 9 m",
    ]


@pytest.mark.parametrize(
    ("look", "bold"),
    [('<w:tblLook w:firstColumn="1" w:firstRow="0"/>', ""), ("", "<w:b/>")],
)
def test_a_form_has_a_label_for_every_value(tmp_path: Path, look: str, bold: str) -> None:
    rows = [
        row(cell(p(run(label, bold))), value)
        for label, value in (("Tenant", "Ida Moe"), ("Town", "Voss"))
    ]
    assert texts(tmp_path, table(*rows, look=look)) == ["Tenant: Ida Moe", "Town: Voss"]


def test_rows_marked_as_header_name_the_columns(tmp_path: Path) -> None:
    header = row("12", "24", looks="<w:tblHeader/>")
    assert texts(tmp_path, table(header, row("3", "4"))) == ["12: 3; 24: 4"]


def test_what_is_deleted_moved_hidden_or_struck_out_is_gone(tmp_path: Path) -> None:
    assert texts(
        tmp_path,
        p(f'<w:moveFrom w:id="1">{run("Dues are 40.")}</w:moveFrom>')
        + p("Old key ", run("4411", "<w:strike/>"), "new key 5522.")
        + p("Open ", run("margin 38", "<w:vanish/>"), run("shown", '<w:vanish w:val="0"/>'))
        + p(f'<w:moveTo w:id="2">{run("Dues are 40.")}</w:moveTo>'),
    ) == ["Old key new key 5522.", "", "Open shown", "", "Dues are 40."]


def test_powers_are_told_from_figures(tmp_path: Path) -> None:
    high = '<w:vertAlign w:val="superscript"/>'
    assert texts(
        tmp_path,
        p("Load 10", run("6", high), " N on 40 m", run("2", high), ", the 1", run("st", high))
        + p(
            "<m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>3</m:t></m:r>"
            "</m:sup></m:sSup></m:oMath>"
        ),
    ) == ["Load 10^6 N on 40 m^2, the 1st", "", "x^3"]


def test_notes_comments_headers_and_footers_are_read(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Lease", 1)
    body(
        document,
        p(
            "Rent is indexed.",
            '<w:r><w:footnoteReference w:id="2"/></w:r>',
            '<w:r><w:endnoteReference w:id="3"/></w:r>',
        )
        + p("Water is extra."),
    )
    for kind, tag, number in (("footnotes", "footnote", 2), ("endnotes", "endnote", 3)):
        note = f'<w:{tag} w:id="{number}">{p(f"Text of the {tag}.")}</w:{tag}>'
        part(document, kind, f"<w:{kind} {NAMES}>{note}</w:{kind}>")
    document.add_comment(document.paragraphs[2].runs, "Asked for in May.", "Ida")
    section = document.sections[0]
    section.header.paragraphs[0].text = "Contract QM-311"
    section.footer.paragraphs[0].text = "Owner: Moe Estates"
    paging = '<w:fldSimple w:instr=" PAGE "><w:r><w:t>7</w:t></w:r></w:fldSimple>'
    section.footer._element.append(parse_xml(f"<w:p {NAMES}>{run('Page ')}{paging}</w:p>"))

    assert [(one.heading, one.text) for one in saved(tmp_path, document).sections] == [
        (
            ("Lease",),
            "Rent is indexed.\nNote: Text of the footnote.\nNote: Text of the endnote.\n\n"
            "Water is extra.\nComment: Asked for in May.",
        ),
        ((), "Contract QM-311\nOwner: Moe Estates"),
    ]


def test_headings_by_inheritance_and_by_outline_level(tmp_path: Path) -> None:
    document = docx.Document()
    own = document.styles.add_style("Chapter", 1)
    own.base_style = document.styles["Heading 1"]
    document.add_paragraph("Berths", style="Chapter")
    body(document, p("Depths", looks='<w:outlineLvl w:val="1"/>') + p("Nine metres."))
    body(document, p("No heading", looks='<w:outlineLvl w:val="9"/>'))
    [section] = saved(tmp_path, document).sections
    assert section.heading == ("Berths", "Depths")
    assert section.text == "Nine metres.\n\nNo heading"


def test_automatic_numbers_are_those_that_are_printed(tmp_path: Path) -> None:
    document = docx.Document()
    numbering = document.part.numbering_part.element
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, start, form, text in (
            (0, 4, "decimal", "%1"),
            (1, 1, "decimal", "%1.%2"),
            (2, 1, "lowerLetter", "(%3)"),
        )
    )
    definition = f'<w:abstractNum {NAMES} w:abstractNumId="90">{levels}</w:abstractNum>'
    numbering.insert(0, parse_xml(definition))
    numbering.append(
        parse_xml(f'<w:num {NAMES} w:numId="90"><w:abstractNumId w:val="90"/></w:num>')
    )

    def at(level: int) -> str:
        return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="90"/></w:numPr>'

    body(
        document,
        p("Rent", looks=f'<w:pStyle w:val="Heading1"/>{at(0)}')
        + p("It is due in May.", looks=at(1))
        + p("in coin", looks=at(2))
        + p("in kind", looks=at(2))
        + p("It may rise.", looks=at(1))
        + p("Repairs", looks=f'<w:pStyle w:val="Heading1"/>{at(0)}')
        + p("The owner pays.", looks=at(1)),
    )
    assert [(one.heading, one.text) for one in saved(tmp_path, document).sections] == [
        (
            ("4 Rent",),
            "4.1 It is due in May.\n    (a) in coin\n    (b) in kind\n4.2 It may rise.",
        ),
        (("5 Repairs",), "5.1 The owner pays."),
    ]


def test_links_pictures_and_text_boxes(tmp_path: Path) -> None:
    document = docx.Document()
    number = document.part.relate_to(
        "https://quay.example/form", RELATIONSHIP_TYPE.HYPERLINK, is_external=True
    )
    box = f"<w:r><w:pict><w:txbxContent>{p('In a box.')}</w:txbxContent></w:pict></w:r>"
    field = "".join(
        f"<w:r>{one}</w:r>"
        for one in (
            '<w:fldChar w:fldCharType="begin"/>',
            '<w:instrText>HYPERLINK "https://tide.example/"</w:instrText>',
            '<w:fldChar w:fldCharType="separate"/>',
            "<w:t>tide table</w:t>",
            '<w:fldChar w:fldCharType="end"/>',
        )
    )
    shown = '<wp:inline><wp:docPr id="1" name="P" descr="Plan of N1"/></wp:inline>'
    picture = f"<w:r><w:drawing>{shown}</w:drawing></w:r>"
    body(
        document,
        p(
            "Use the ",
            f'<w:hyperlink r:id="{number}">{run("form")}</w:hyperlink>',
            " and ",
            field,
            box,
        )
        + p(picture),
    )
    assert saved(tmp_path, document).sections[0].text == (
        "Use the form (https://quay.example/form) and tide table (https://tide.example/)\n\n"
        "In a box.\n\n[Image: Plan of N1]"
    )


def symbol(code: str, font: str = "Symbol") -> str:
    return f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'


@pytest.mark.parametrize(
    ("code", "font", "sign"),
    [
        ("F0B1", "Symbol", "±"),
        ("B3", "Symbol", "≥"),
        ("F061", "Symbol", "α"),  # noqa: RUF001
        ("F057", "Symbol", "Ω"),
        ("F06D", "Symbol", "µ"),
        ("F0DE", "Symbol", "⇒"),
        ("F0FE", "Wingdings", "☑"),
        ("F0A8", "Wingdings", "☐"),
        ("F052", "Wingdings 2", "☑"),
        ("2611", "Segoe UI Symbol", "☑"),
    ],
)
def test_symbols_are_read_as_their_signs(tmp_path: Path, code: str, font: str, sign: str) -> None:
    assert texts(tmp_path, p("Pump ", symbol(code, font), "2")) == [f"Pump {sign}2"]


def test_degrees_with_symbols(tmp_path: Path) -> None:
    xml = p("Store at ", symbol("F02D"), "20 °C ", symbol("F0B1"), "2 °C.")
    assert texts(tmp_path, xml) == ["Store at −20 °C ±2 °C."]  # noqa: RUF001
    font = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
    assert texts(tmp_path, p("20 ", run("\uf0b12", font))) == ["20 ±2"]


@pytest.mark.parametrize("code", ["F021", "zz", "F0B1FF", "D800"])
def test_an_unknown_symbol_is_a_lost_character(tmp_path: Path, code: str) -> None:
    document = docx.Document()
    body(document, p("Mind ", symbol(code, "Webdings"), " the step."))
    read_document = saved(tmp_path, document)
    assert read_document.sections[0].text == "Mind \ufffd the step."
    assert read_document.notes == ("1 character could not be decoded",)


def test_rows_of_facts_have_no_header(tmp_path: Path) -> None:
    xml = table(row("Name", "North berth"), row("Owner", "Port Authority"), row("Depth", "11 m"))
    assert texts(tmp_path, xml) == ["Name: North berth", "Owner: Port Authority", "Depth: 11 m"]
