"""Each format gives its text with headings, kinds and true line numbers; a lie is one line."""

import io
import json
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pdf import pdf

from ingest import SUFFIXES, Document, ReadError, read
from ingest.readers import FORMATS
from ingest.readers.delimited import read_delimited
from ingest.readers.markdown import read_markdown
from ingest.readers.office import core_properties
from ingest.readers.pdf import drop_running_lines


def read_text(folder: Path, name: str, content: str | bytes) -> Document:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def kinds(document: Document) -> list[tuple[str, tuple[str, ...], str]]:
    return [(one.kind, one.heading, one.text) for one in document.sections]


def assert_lines_are_true(document: Document, source: str) -> None:
    lines = source.split("\n")
    for section in document.sections:
        assert section.first_line is not None
        for offset, line in enumerate(section.text.split("\n")):
            assert line == lines[section.first_line - 1 + offset].rstrip()


MARKDOWN = """---
title: "The harbour"
updated: 2024-05-01
---

Before any heading.

# Berths

The *north* berth.

| Berth | Depth |
|---|---|
| North | 12 m |

Signals
-------

```python
# not a heading
x = 1

y = 2
```
After the code.
### Lamps ###
Green, then red.

# Tugs

* one
  # not a heading either
"""


def test_markdown_is_divided_by_headings_tables_and_code(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.md", MARKDOWN)
    assert (document.title, document.media_type) == ("The harbour", "text/markdown")
    assert [(one.kind, one.heading) for one in document.sections] == [
        ("table", ()),
        ("prose", ()),
        ("prose", ("Berths",)),
        ("table", ("Berths",)),
        ("code", ("Berths", "Signals")),
        ("prose", ("Berths", "Signals")),
        ("prose", ("Berths", "Signals", "Lamps")),
        ("prose", ("Tugs",)),
    ]
    assert document.sections[4].text == "```python\n# not a heading\nx = 1\n\ny = 2\n```"
    assert document.sections[0].text == "updated: 2024-05-01"
    assert_lines_are_true(document, MARKDOWN.replace('"', ""))


def test_front_matter_names_its_keys_and_broken_front_matter_is_kept(tmp_path: Path) -> None:
    page = "---\ntitle: Pilots\npilot:\n  name: Ada\n  ports: [North, South]\n---\ntext"
    [front, text] = read_text(tmp_path, "a.md", page).sections
    assert (front.kind, front.first_line) == ("table", 4)
    assert front.text == "pilot.name: Ada; ports: North, South"
    assert text.first_line == 7
    [front, _] = read_text(tmp_path, "a.md", "---\nowner: {{ it }}: x\n---\ntext").sections
    assert (front.kind, front.text) == ("code", "owner: {{ it }}: x")


def test_of_front_matter_the_description_is_text_and_what_says_nothing_is_left_out(
    tmp_path: Path,
) -> None:
    page = (
        "---\ntitle: Pilots\n# for the site\nlayout: page\ntags:\n- boats\n- [a]\n"
        "Description: >\n  Who boards,\n  and when.\nowner: Ada Holm\nstatus: draft\n"
        "aliases: [/old]\n---\nText.\n"
    )
    document = read_text(tmp_path, "a.md", page)
    assert document.title == "Pilots"
    assert [(one.kind, one.text, one.first_line) for one in document.sections] == [
        ("prose", "Who boards, and when.", 8),
        ("table", "owner: Ada Holm\nstatus: draft", 11),
        ("prose", "Text.", 15),
    ]
    assert document.metadata["owner"] == ("ada holm",)
    plain = read_text(tmp_path, "b.md", "---\ntitle: Port\ntags: [a, b]\n---\nText.\n")
    assert [one.text for one in plain.sections] == ["Text."]


def test_markdown_with_crlf_and_a_byte_order_mark_has_the_same_lines(tmp_path: Path) -> None:
    windows = b"\xef\xbb\xbf" + MARKDOWN.replace("\n", "\r\n").encode()
    found, wanted = (read_text(tmp_path, "a.md", one) for one in (windows, MARKDOWN))
    assert (found.title, found.sections) == (wanted.title, wanted.sections)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Top [link](http://x.org) and `code` #\n\ntext", "Top link and code"),
        ("Setext **bold**\n===\n\ntext", "Setext bold"),
        ("## Only a second level\n\ntext", "stem"),
        ("---\n\nA rule, no front matter: really\n\n---\n", "stem"),
        ("---\ntitle: 'Quoted'\n---\n# Heading\n\ntext", "Quoted"),
    ],
)
def test_where_a_markdown_title_comes_from(tmp_path: Path, text: str, title: str) -> None:
    assert read_text(tmp_path, "stem.md", text).title == title


def test_what_only_lines_up_a_markdown_table_is_taken_out() -> None:
    _, sections = read_markdown(b"| A      | B |\n|:--------|------|\n| 1     | 2 |\n", "t")
    assert sections[0].text == "| A | B |\n|:---|---|\n| 1 | 2 |"


@given(st.text(alphabet="ab #=-`|>*\n1.[]()\t", max_size=300))
def test_no_markdown_line_is_lost_or_moved(text: str) -> None:
    _, sections = read_markdown(text.encode(), "name")
    lines = text.split("\n")
    used: set[int] = set()
    for section in sections:
        assert section.first_line is not None
        for offset, line in enumerate(section.text.split("\n")):
            number = section.first_line + offset
            assert number not in used
            used.add(number)
            written = lines[number - 1].rstrip(" \t")
            if section.kind != "table" and line != written:
                # A heading that nothing stands below is given as its text, on one line.
                assert line in " ".join(" ".join(lines[number - 1 :]).split())
    # What is in no section is blank or belongs to a heading.
    for number, line in enumerate(lines, start=1):
        if number not in used and "a" in line and not line.lstrip().startswith("#"):
            below = "".join(lines[number : number + 5])
            assert "=" in below or "-" in below


def test_plain_text_is_one_section(tmp_path: Path) -> None:
    document = read_text(tmp_path, "notes.txt", "\n\nfirst\nline\n\nsecond\n\n")
    assert kinds(document) == [("prose", (), "first\nline\n\nsecond")]
    assert document.sections[0].first_line == 3
    assert document.title == "notes"


@pytest.mark.parametrize(
    "data",
    [
        "Käse für später".encode("utf-16"),
        "Käse für später".encode("utf-8-sig"),
        "Käse für später".encode("utf-32"),
        ("Die Fähre fährt täglich. " + "Ordinary words without accents. " * 4).encode("latin-1"),
        ("“Quoted” words here. " + "Ordinary words without accents. " * 4).encode("cp1252"),
        "Паром ходит ежедневно. Билеты продаются в кассе на причале. Собак берут.".encode("cp1251"),
        ("渡轮每天都会开往北码头。" * 4).encode("gb18030"),
        "渡し船は毎日北の桟橋へ向かいます。".encode("iso2022_jp"),
        ("渡し船は毎日北の桟橋へ向かいます。" * 2).encode("cp932"),
    ],
)
def test_text_in_other_encodings_is_read(tmp_path: Path, data: bytes) -> None:
    text = read_text(tmp_path, "a.txt", data).sections[0].text
    assert any(
        start in text
        for start in ("Käse für später", "Die Fähre", "“Quoted” w", "Паром", "渡轮每", "渡し")
    )


def test_html_keeps_what_a_reader_sees(tmp_path: Path) -> None:
    page = """<!DOCTYPE html><html><head><title> The  port </title><style>p{}</style></head><body>
    <nav>Home | About</nav><script>alert(1)</script><!-- a note to self -->
    <h1>Berths</h1><p>The <b>north</b> berth<br>is deep.</p><p hidden>secret</p>
    <div style="display: none">also secret</div>
    <ul><li>one</li><li>two</li></ul>
    <h2>Rates</h2>
    <table><tr><th>Berth<th>Fee</tr><tr><td>North<td>12</tr><tr><td>South<td>9</tr></table>
    <pre>x = 1

y = 2</pre></body></html>"""
    document = read_text(tmp_path, "a.html", page)
    assert document.title == "The port"
    assert kinds(document) == [
        ("prose", ("Berths",), "The north berth is deep.\n- one\n- two"),
        ("table", ("Berths", "Rates"), "Berth: North; Fee: 12\nBerth: South; Fee: 9"),
        ("code", ("Berths", "Rates"), "x = 1\n\ny = 2"),
    ]
    assert all(one.first_line is None for one in document.sections)


def test_html_reads_the_main_part_only_where_it_is_marked(tmp_path: Path) -> None:
    page = "<body><div>menu</div><main><p>content</p></main><footer>imprint</footer></body>"
    assert kinds(read_text(tmp_path, "a.htm", page)) == [("prose", (), "content")]


def test_html_of_a_site_comes_last_without_what_only_navigates(tmp_path: Path) -> None:
    """A header that holds the page's own heading is the page's, and so is one of an article."""
    page = """<html><head><title>Berths</title></head><body>
    <header><img alt="logo"><p>Harbour of Nordby</p></header>
    <a class="skip-link" href="#c">Skip to content</a><ol class="breadcrumbs"><li>Home</ol>
    <div role="navigation">Home</div><div id="cookie-notice"><p>We use cookies.</p></div>
    <div id="menu"><p>Soup of the day</p></div>
    <article><header><p>By Anna</p></header><h1>Depths<a class="headerlink">#</a></h1>
    <p class="cookies">Biscuits are sold.</p><footer><p>Measured in May</p></footer></article>
    <footer><h3>Visit us</h3><p>Quay 1</p><footer>nested</footer></footer></body></html>"""
    found = [
        (one.heading, one.text, one.shared) for one in read_text(tmp_path, "a.html", page).sections
    ]
    assert found == [
        ((), "Soup of the day\n\nBy Anna", False),
        (("Depths",), "Biscuits are sold.\n\nMeasured in May", False),
        ((), "Harbour of Nordby", True),
        (("Visit us",), "Quay 1\n\nnested", True),
    ]
    own = "<body><header><h1>Berths</h1></header><p>deep</p></body>"
    assert kinds(read_text(tmp_path, "b.html", own)) == [("prose", ("Berths",), "deep")]


def test_html_cells_that_span_are_repeated(tmp_path: Path) -> None:
    page = (
        "<table><tr><th>Berth<th>Day<th>Fee</tr><tr><td rowspan=2>North<td>Mon<td>1</tr>"
        "<tr><td>Tue<td>2</tr><tr><td>South<td colspan=2>closed</tr></table>"
    )
    assert read_text(tmp_path, "a.html", page).sections[0].text.split("\n") == [
        "Berth: North; Day: Mon; Fee: 1",
        "Berth: North; Day: Tue; Fee: 2",
        "Berth: South; Day: closed; Fee: closed",
    ]


def test_html_in_the_encoding_it_declares(tmp_path: Path) -> None:
    page = '<html><head><meta charset="koi8-r"></head><body><p>Паром</p></body></html>'
    assert "Паром" in read_text(tmp_path, "a.html", page.encode("koi8-r")).sections[0].text


def test_html_too_deep_to_read_whole_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="nested deeper"):
        read_text(tmp_path, "a.html", "<div>" * 5000 + "lost" + "</div>" * 5000)


def test_csv_rows_name_their_columns_and_stand_on_their_lines(tmp_path: Path) -> None:
    source = 'Berth,Depth,Note\nNorth,12,\n\nSouth,9,"two\nlines"\nEast,7,x\n'
    document = read_text(tmp_path, "berths.csv", source)
    [section] = document.sections
    assert (section.kind, section.first_line) == ("table", 2)
    assert section.text.split("\n") == [
        "Berth: North; Depth: 12",
        "",
        "Berth: South; Depth: 9; Note: two",
        "  lines",
        "Berth: East; Depth: 7; Note: x",
    ]


@pytest.mark.parametrize(
    ("name", "source", "first"),
    [
        ("a.csv", "a;b\n1,5;2,5\n", "a: 1,5; b: 2,5"),
        ("a.tsv", "a\tb\n1\t2\n", "a: 1; b: 2"),
        ("a.csv", "sep=|\na|b\n1|2\n", "a: 1; b: 2"),
        ("a.csv", "1,2\n3,4\n", "column 1: 1; column 2: 2"),
        ("a.csv", 'a,b\n1,"never closed\n2,3\n', 'a: 1; b: "never closed'),
        ("a.csv", "name\nNorth\n", "name: North"),
    ],
)
def test_csv_dialects(tmp_path: Path, name: str, source: str, first: str) -> None:
    assert read_text(tmp_path, name, source).sections[0].text.split("\n")[0] == first


CELL = st.text(alphabet='xyz 1",;\n', max_size=12)


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=8))
def test_every_csv_word_is_on_the_line_it_is_said_to_be(rows: list[list[str]]) -> None:
    source = "A,B,C,D\n" + "\n".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    )
    _, sections = read_delimited(source.encode(), "name")
    letters = [[c for c in line if c in "xyz"] for line in source.split("\n")]
    said: list[list[str]] = [[] for _ in letters]
    for section in sections:
        assert section.first_line is not None
        for number, line in enumerate(section.text.split("\n"), start=section.first_line - 1):
            said[number] = [c for c in line if c in "xyz"]
    assert said == letters


def test_json_values_carry_their_path(tmp_path: Path) -> None:
    value = {"port": {"name": "North", "depths": [12, 9], "open": True}, "tugs": [{"id": 1}]}
    assert read_text(tmp_path, "a.json", json.dumps(value)).sections[0].text == (
        "port.name: North\nport.depths: 12, 9\nport.open: true\n\ntugs.id: 1"
    )


def test_json_records_are_lines(tmp_path: Path) -> None:
    records = [{"name": "North", "depth": 12}, {"name": "South", "depth": None}]
    document = read_text(tmp_path, "a.json", json.dumps(records))
    assert kinds(document) == [("table", (), "name: North; depth: 12\nname: South")]
    lines = "\n".join(json.dumps(record) for record in records)
    document = read_text(tmp_path, "a.jsonl", f"\n{lines}\n")
    assert document.sections[0].first_line == 2
    assert document.sections[0].text == "name: North; depth: 12\nname: South"


def test_one_json_record_more_changes_no_other(tmp_path: Path) -> None:
    berths = [{"name": "North", "depth": 12}, {}, {"name": "South", "at": [{"sea": "x\ny"}]}]
    more = [{"name": "East"}, *berths]
    before, after = (
        read_text(tmp_path, "a.json", json.dumps({"berths": records})).sections[0].text
        for records in (berths, more)
    )
    assert before == (
        "berths.name: North; berths.depth: 12\nberths.name: South; berths.at.sea: x y"
    )
    assert after == f"berths.name: East\n{before}"


def test_a_long_json_record_has_a_line_for_each_value(tmp_path: Path) -> None:
    log = {"log": [{"name": "North", "entries": [{"said": "moored " * 20} for _ in range(9)]}]}
    lines = read_text(tmp_path, "a.json", json.dumps(log)).sections[0].text.splitlines()
    assert lines == ["log.name: North", *[f"log.entries.said: {'moored ' * 20}".rstrip()] * 9]


@pytest.mark.parametrize("content", ['{"a": ', "[" * 100_000, '{"a":' * 300 + "1" + "}" * 300])
def test_broken_or_too_deep_json_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(ReadError, match="JSON"):
        read_text(tmp_path, "a.json", content)


def test_pdf_pages_are_numbered(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.pdf", pdf("The north berth.", "The south berth."))
    assert [(one.page, one.text) for one in document.sections] == [
        (1, "The north berth."),
        (2, "The south berth."),
    ]


def test_lines_that_head_most_pages_are_kept_once_and_their_numbers_dropped() -> None:
    pages = [f"Port handbook\n\nWords of page {n}.\nPage {n} of 4" for n in range(1, 4)]
    assert drop_running_lines([*pages, "The last page\nis different"]) == [
        "Port handbook\n\nWords of page 1.",
        "\nWords of page 2.",
        "\nWords of page 3.",
        "The last page\nis different",
    ]


def test_pdf_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no text: probably scanned"):
        read_text(tmp_path, "a.pdf", pdf(""))


def test_damaged_pdf_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read_text(tmp_path, "a.pdf", pdf("text")[:300])
    assert "\n" not in str(caught.value)


def word_document() -> bytes:
    document = docx.Document()
    document.add_paragraph("The port", style="Title")
    document.add_paragraph("Opening words.")
    document.add_heading("Berths", 1)
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Bullet")
    document.add_heading("Depths", 2)
    table = document.add_table(rows=0, cols=2)
    for row in (("Berth", "Depth"), ("North", "12 m"), ("South", "9 m")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_word_headings_lists_and_tables(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.docx", word_document())
    assert document.title == "The port"
    assert kinds(document) == [
        ("prose", (), "Opening words."),
        ("prose", ("Berths",), "- one\n- two"),
        ("table", ("Berths", "Depths"), "Berth: North; Depth: 12 m\nBerth: South; Depth: 9 m"),
    ]


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_an_archive_bomb_is_told_before_it_is_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        with made.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
    with pytest.raises(ReadError, match="unpacks to 300 MB, the limit is 256 MB"):
        read_text(tmp_path, "a.docx", buffer.getvalue())


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("a.pdf", b"\x89PNG\r\n\x1a\n....", "looks like a PNG image"),
        ("a.pdf", b"just words", "looks like text"),
        ("a.docx", b"<html><body>hello</body></html>", "looks like HTML"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or password-protected"),
        ("a.docx", archive(xl__workbook=b"", x=b""), "looks like an Excel workbook"),
        ("a.docx", archive(notes=b"x"), "looks like a zip archive"),
        ("a.docx", word_document()[:500], "damaged"),
        ("a.txt", archive(notes=b"x"), "looks like a zip archive"),
        ("a.md", pdf("text"), "looks like a PDF"),
        ("a.txt", b"a NUL \x00 inside", "NUL at byte 6"),
        ("a.txt", b"\x01\x02\x03\x04\x05\x06" * 20, "control characters"),
    ],
)
def test_a_file_that_lies_about_its_type(
    tmp_path: Path, name: str, content: bytes, seen: str
) -> None:
    with pytest.raises(ReadError, match=seen) as caught:
        read_text(tmp_path, name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b" \r\n\t\n"])
def test_an_empty_file_is_an_empty_document(tmp_path: Path, suffix: str, content: bytes) -> None:
    document = read_text(tmp_path, f"empty{suffix.upper()}", content)
    assert (document.title, document.sections) == ("empty", ())


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None)  # the first example of a format imports its parser
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_document_or_a_read_error(
    suffix: str, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    try:
        outcome = [one.text for one in read(path).sections]
    except ReadError as error:
        outcome = str(error).split("\n")
        if len(outcome) > 1:
            pytest.fail(f"more than one line: {error!r}")
    assert all(text.strip() for text in outcome)


def test_a_missing_file_and_an_unknown_suffix_are_read_errors(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        read(tmp_path / "none.md")
    with pytest.raises(ReadError, match=r"no reader for \.xyz"):
        read(tmp_path / "a.xyz")


def test_no_suffix_is_claimed_twice() -> None:
    assert len(SUFFIXES) == sum(len(format_.suffixes) for format_ in FORMATS)


# --- what a file says of itself


def office(suffix: str) -> bytes:
    """A document with core properties, made by its own library."""
    made = io.BytesIO()
    if suffix == ".docx":
        document = docx.Document()
        document.add_paragraph("Words.")
        properties = document.core_properties
        properties.author, properties.keywords = "Marta Holm", "Fog, night; harbour"
        document.save(made)
    else:
        book = openpyxl.Workbook()
        book.active["A1"] = "Words."
        book.properties.creator, book.properties.keywords = "Marta Holm", "Fog, night; harbour"
        book.save(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.md",
            "---\nStatus: Approved\ntags: [Fog,  Deep   water]\nsince: 2024-05-01\nempty:\n"
            "keywords: one, Two\nnested: {a: b}\n---\nText.",
            {
                "status": ("approved",),
                "tags": ("fog", "deep water"),
                "since": ("2024-05-01",),
                "keywords": ("one", "two"),
            },
        ),
        ("b.md", "Text.\n\n---\nstatus: approved\n---\n", {}),
        ("c.md", "---\nstatus: {{ of a template\n---\nText.", {}),
        ("d.md", "---\nlaughs: &a [x]\nmore: [*a, *a]\n---\nText.", {"laughs": ("x",)}),
        (
            "a.html",
            '<head><meta charset="utf-8"><META NAME="Author" content="Marta  Holm">'
            '<meta name="keywords" content="Fog,night"></head><body>Text.'
            '<meta name="author" content="a reader"></body>',
            {"author": ("marta holm",), "keywords": ("fog", "night")},
        ),
        ("b.html", "<!-- nothing --><p>Text.</p>", {}),
        (
            "a.eml",
            "From: =?utf-8?q?J=C3=B6rn?= <j@x.example>\nTo: a@x.example\nTo: b@x.example\n"
            "Subject: Fog\nX-Spam: 1\n\nFrom: nobody\n",
            {
                "from": ("jörn <j@x.example>",),
                "to": ("a@x.example", "b@x.example"),
                "subject": ("fog",),
            },
        ),
        ("a.txt", "author: Marta Holm", {}),
    ],
)
def test_what_a_file_says_of_itself(
    tmp_path: Path, name: str, content: str, expected: dict[str, tuple[str, ...]]
) -> None:
    assert read_text(tmp_path, name, content).metadata == expected


@pytest.mark.parametrize("suffix", [".docx", ".xlsx"])
def test_the_properties_of_office_documents(tmp_path: Path, suffix: str) -> None:
    found = read_text(tmp_path, f"a{suffix}", office(suffix)).metadata

    assert found["creator"] == ("marta holm",)
    assert found["keywords"] == ("fog", "night", "harbour")


@pytest.mark.parametrize(
    "part", [b"", b"<broken", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a><creator>&b;</creator></a>", None]
)
def test_damaged_properties_are_none(part: bytes | None) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", b"")
        if part is not None:
            archive.writestr("docProps/core.xml", part)

    assert not any(
        value for values in core_properties(made.getvalue()).values() for value in values
    )
