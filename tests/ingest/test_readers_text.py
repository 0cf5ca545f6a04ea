"""Formats that are text underneath: reStructuredText, records, code, XML, notebooks, e-mail."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import Document, ReadError, read
from ingest.readers.code import read_code
from ingest.readers.configuration import read_configuration
from ingest.readers.keyed import read_yaml


def read_text(folder: Path, name: str, content: str | bytes) -> Document:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def outline(document: Document) -> list[tuple[str, tuple[str, ...], int | None]]:
    return [(one.kind, one.heading, one.first_line) for one in document.sections]


# reStructuredText

RESTRUCTURED = """\
========
The port
========

Intro with :ref:`a role <of-sphinx>`.

Berths
======

.. note::

   Careful.

+-------+-------+
| Berth | Depth |
+=======+=======+
| North | 12 m  |
|       | deep  |
+-------+-------+
| South | 9 m   |
+-------+-------+

=====  ====
Tug    Year
=====  ====
Heron  1998
=====  ====

Fees
----

.. list-table:: Rates
   :header-rows: 1

   * - Berth
     - Fee
   * - North
     - 12

After.

.. unknown:: directive

   Its text.
"""


def test_restructured_headings_and_tables_with_their_lines(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.rst", RESTRUCTURED)
    assert document.title == "The port"
    assert outline(document) == [
        ("prose", ("The port",), 5),
        ("prose", ("The port", "Berths"), 10),
        ("table", ("The port", "Berths"), 17),
        ("table", ("The port", "Berths"), 26),
        ("table", ("The port", "Berths", "Fees"), 32),
        ("prose", ("The port", "Berths", "Fees"), 40),
    ]
    texts = [one.text for one in document.sections]
    assert texts[0] == "Intro with :ref:`a role <of-sphinx>`."
    assert texts[2] == "Berth: North; Depth: 12 m deep\n\n\nBerth: South; Depth: 9 m"
    assert texts[3] == "Tug: Heron; Year: 1998"
    assert texts[4] == "Rates\n\n\n\n\nBerth: North; Fee: 12"
    assert texts[5] == "After.\n\n.. unknown:: directive\n\n   Its text."


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {}",
        ".. literalinclude:: {}",
        ".. csv-table::\n   :file: {}",
        ".. raw:: html\n   :file: {}",
        ".. raw:: html\n   :url: file://{}",
    ],
)
def test_restructured_inserts_no_file(tmp_path: Path, directive: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the,canary\n1,2\n")
    document = read_text(tmp_path, "a.rst", "Words.\n\n" + directive.format(secret) + "\n")
    assert "canary" not in "".join(one.text for one in document.sections)


def test_a_restructured_heading_is_without_marks(tmp_path: Path) -> None:
    document = read_text(
        tmp_path, "a.rst", "The ``x`` of :ref:`ports <all>`, *now*\n" + "=" * 40 + "\n\nt"
    )
    assert document.title == "The x of ports, now"


@settings(deadline=None)
@given(st.text(alphabet="ab =-+|.:*`_\n", max_size=200))
def test_no_restructured_line_is_moved(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.rst"
    path.write_text(text)
    lines = text.split("\n")
    used: set[int] = set()
    for section in read(path).sections:
        assert section.first_line is not None
        for number, line in enumerate(section.text.split("\n"), start=section.first_line):
            assert number not in used
            used.add(number)
            if section.kind == "prose":
                assert line == lines[number - 1].rstrip()


# YAML and its like


def test_a_yaml_record_is_one_line_with_its_keys(tmp_path: Path) -> None:
    source = """\
# About the port.
name: Harbour
days: [Mon, Tue]
services:
  web:
    image: nginx
    ports:
      - 80
      - 443
    env: {A: 1, B: "two"}
  db:
    script: |
      # no comment
      run
berths:
  - name: North
    depth: 12
  # shallow
  - name: !Ref South
---
second: document
"""
    [section] = read_text(tmp_path, "a.yaml", source).sections
    assert (section.kind, section.first_line) == ("table", 1)
    assert section.text.split("\n") == [
        "# About the port.",
        "name: Harbour",
        "days: Mon, Tue",
        "",
        "",
        "services.web.image: nginx; ports: 80, 443; env.A: 1; env.B: two",
        "",
        "",
        "",
        "",
        "",
        "services.db.script:",
        "  # no comment",
        "  run",
        "",
        "berths.name: North; depth: 12",
        "",
        "  # shallow",
        "berths.name: South",
        "",
        "second: document",
    ]


def test_a_long_yaml_record_takes_more_lines(tmp_path: Path) -> None:
    source = "port:\n" + "".join(f"  field{i}: {'value ' * 12}\n" for i in range(9))
    [section] = read_text(tmp_path, "a.yaml", source).sections

    lines = [line for line in section.text.split("\n") if line]
    assert len(lines) == 3
    assert max(map(len, lines)) <= 400
    assert lines[0].startswith("port.field0: value")
    assert all(line.startswith("  port.field") for line in lines[1:])


def test_yaml_aliases_are_named_and_not_multiplied(tmp_path: Path) -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n"
        for last, name in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    text = read_text(tmp_path, "a.yml", laughs).sections[0].text
    assert "b: same as a" in text
    assert len(text) < 5000


@pytest.mark.parametrize("text", ["[" * 50_000, "- " * 5_000 + "x"])
def test_yaml_that_is_too_deep_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    assert read_text(tmp_path, "a.yaml", text).sections[0].kind == "code"


def test_a_template_for_yaml_is_kept_as_it_is(tmp_path: Path) -> None:
    template = "{{- if .Values.on }}\nport: {{ .Values.port }}\n{{- end }}"
    [section] = read_text(tmp_path, "a.yaml", template).sections
    assert (section.kind, section.text) == ("code", template)


def test_one_record_more_changes_no_other(tmp_path: Path) -> None:
    old = "berths:\n- name: North\n  depth: 12\n"
    new = old.replace("- name: North", "- name: East\n- name: North")
    before, after = (read_text(tmp_path, "a.yaml", text).sections[0].text for text in (old, new))
    assert after == f"berths.name: East\n{before}"


def test_escapes_in_yaml_move_no_line(tmp_path: Path) -> None:
    [section] = read_text(tmp_path, "a.yaml", '"a\\nb": "x\\u200by\\r\\nz"\nc: 1').sections
    assert section.text == "a b: xy z\nc: 1"


def test_a_literal_block_at_the_end_of_the_file_is_whole(tmp_path: Path) -> None:
    assert read_text(tmp_path, "a.yaml", "a: |\n  x\n\n  y").sections[0].text == "a:\n  x\n\n  y"


def test_configuration_tables_are_headings(tmp_path: Path) -> None:
    source = (
        '# why\nname = "x"\n\n[tool.port]\ndepth = 12\n[[berth]]\ntext = """\n[no table]\n"""\n'
    )
    document = read_text(tmp_path, "a.toml", source)
    assert outline(document) == [
        ("code", (), 1),
        ("code", ("tool.port",), 5),
        ("code", ("berth",), 7),
    ]
    assert "[no table]" in document.sections[2].text


@settings(deadline=None)
@given(st.text(alphabet='ab:-#[]{}&*|>"\n  ', max_size=200))
def test_every_yaml_line_is_in_the_file(text: str) -> None:
    for reader in (read_yaml, read_configuration):
        try:
            _, sections = reader(text.encode(), "name")
        except ReadError:
            continue
        for section in sections:
            assert section.first_line is not None
            last = section.first_line + section.text.count("\n")
            assert last <= len(text.split("\n"))


# Source code

PYTHON = '''\
"""About."""

import os

LIMITS = {
    "depth": 12,
}


@dataclass
class Berth:
    """A berth."""

    depth: int

    # In metres.
    @property
    def deep(self) -> bool:
        def inner():
            return 1
        return True

    async def moor(
        self,
        ship: str,
    ) -> None:
        await ship


if __name__ == "__main__":
    main()
'''


def test_code_stands_under_its_definitions(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.py", PYTHON)
    assert outline(document) == [
        ("code", (), 1),
        ("code", ("class Berth",), 10),
        ("code", ("class Berth", "def deep(self) -> bool"), 16),
        ("code", ("class Berth", "async def moor("), 23),
        ("code", (), 30),
    ]
    assert document.sections[2].text.startswith("    # In metres.\n    @property")


@pytest.mark.parametrize(
    ("name", "source", "headings"),
    [
        ("a.c", "#include <x.h>\n\nint main(void)\n{\n    go();\n}\n", ["int main(void)"]),
        (
            "a.go",
            "package x\n\nfunc (c *C) Run() error {\n\treturn\n}\n",
            ["func (c *C) Run() error"],
        ),
        ("a.sql", "CREATE TABLE t (\n  id INT\n);\n\nSELECT 1;\n", ["CREATE TABLE t ("]),
        ("a.sh", "moor() {\n  echo\n}\n", ["moor()"]),
        ("a.js", "const f = async (a) => {\n  go();\n};\n", ["const f = async (a) =>"]),
        (
            "a.rs",
            "impl Port {\n    fn a(&self) {\n        1\n    }\n}\n",
            ["impl Port", "fn a(&self)"],
        ),
        ("a.java", "class A {\n    A(int a) {\n        b();\n    }\n}\n", ["class A", "A(int a)"]),
        ("a.rb", "class A\n  def b\n    1\n  end\nend\n", ["class A", "def b"]),
        ("a.js", "if (a) {\n  b();\n}\nreturn function () {\n  c();\n}\n", []),
    ],
)
def test_definitions_of_many_languages(
    tmp_path: Path, name: str, source: str, headings: list[str]
) -> None:
    document = read_text(tmp_path, name, source)
    assert max((one.heading for one in document.sections), key=len) == tuple(headings)


@given(st.text(alphabet="ab (){}:\n\t#@;=", max_size=300), st.sampled_from(["def", "class", "x"]))
def test_no_line_of_code_is_lost(text: str, word: str) -> None:
    source = text.replace("a", f"{word} ")
    sections = read_code(source.encode(), "name").sections
    lines = [line.rstrip(" \t") for line in source.split("\n")]
    found = [""] * len(lines)
    for section in sections:
        assert section.first_line is not None
        for number, line in enumerate(section.text.split("\n"), start=section.first_line - 1):
            assert not found[number]
            found[number] = line
    assert found == lines


# XML

RSS = """<?xml version="1.0" encoding="iso-8859-1"?>
<rss version="2.0" xmlns:c="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Port news</title><description>What happens.</description>
<item><title>Berth closed</title><pubDate>Mon, 1 Jun 2026</pubDate><link>http://x.org/1</link>
<description>Short.</description>
<c:encoded><![CDATA[<p>The <b>n\xf6rth</b> berth.</p><h2>Why</h2><p>Repairs.</p>]]></c:encoded>
</item>
<item><title>Fair</title><description>On &lt;i&gt;Sunday&lt;/i&gt;.</description></item>
</channel></rss>"""


def test_a_feed_has_a_heading_an_entry(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.rss", RSS.encode("iso-8859-1"))
    assert document.title == "Port news"
    assert [(one.heading, one.text) for one in document.sections] == [
        ((), "What happens."),
        (("Berth closed",), "Published: Mon, 1 Jun 2026\nLink: http://x.org/1"),
        (("Berth closed",), "The nörth berth."),
        (("Berth closed", "Why"), "Repairs."),
        (("Fair",), "On Sunday."),
    ]


def test_an_atom_feed_is_the_same(tmp_path: Path) -> None:
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><entry><title>Fair</title>'
        '<link href="http://x.org"/><author><name>Ada</name></author><summary>Come.</summary>'
        "</entry></feed>"
    )
    document = read_text(tmp_path, "a.atom", feed)
    assert [one.text for one in document.sections] == ["Link: http://x.org\nAuthor: Ada", "Come."]


def test_xml_that_is_no_feed_gives_its_values(tmp_path: Path) -> None:
    source = (
        '<port name="North"><berth id="n"><depth unit="m">12</depth></berth>'
        "<para>Some <b>bold</b> words.</para></port>"
    )
    assert read_text(tmp_path, "a.xml", source).sections[0].text == (
        "name: North\n\nberth.id: n\nberth.depth.unit: m\nberth.depth: 12\n\nSome bold words."
    )
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>A</h1><p>b</p></body></html>'
    assert read_text(tmp_path, "a.xml", page).sections[0].heading == ("A",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>', "refused: Entit"),
        ('<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><rss>&c;</rss>', "refused: Entities"),
        ('<!DOCTYPE r [<!ENTITY % x SYSTEM "http://x.org">%x;]><r/>', "refused: Entities"),
        ("<rss><channel>", "not valid XML: no element found"),
        ("<a>" * 500 + "</a>" * 500, "nested deeper than 200 levels"),
    ],
)
@pytest.mark.parametrize("suffix", [".xml", ".rss"])
def test_hostile_xml_is_refused(tmp_path: Path, content: str, reason: str, suffix: str) -> None:
    with pytest.raises(ReadError, match=reason) as caught:
        read_text(tmp_path, f"a{suffix}", content)
    assert "\n" not in str(caught.value)


# Notebooks


def test_a_notebook_has_headings_code_and_what_it_printed(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Depths\n", "Of *berths*.\n", "```\n"]},
        {
            "cell_type": "code",
            "source": "x = 1\nx",
            "outputs": [
                {"output_type": "stream", "text": ["12\n"]},
                {"output_type": "execute_result", "data": {"text/plain": "1", "image/png": "iVBO"}},
                {"output_type": "stream", "text": "long " * 1000},
                {"output_type": "error", "traceback": ["a trace"]},
            ],
        },
        {"cell_type": "markdown", "source": "## More\n\nText."},
    ]
    document = read_text(tmp_path, "a.ipynb", json.dumps({"nbformat": 4, "cells": cells}))
    assert document.title == "Depths"
    kinds = [(one.kind, one.heading, one.text[:8]) for one in document.sections]
    assert kinds == [
        ("prose", ("Depths",), "Of *bert"),
        ("code", ("Depths",), "```"),
        ("code", ("Depths",), "x = 1\nx"),
        ("code", ("Depths",), "12\n1\nlon"),
        ("prose", ("Depths", "More"), "Text."),
    ]
    assert document.sections[3].text.endswith("long …")
    assert len(document.sections[3].text) < 2100
    assert "a trace" not in document.sections[3].text


@pytest.mark.parametrize("content", ["{}", "[1]", '{"cells": ', "[" * 100_000])
def test_what_is_no_notebook_says_so(tmp_path: Path, content: str) -> None:
    with pytest.raises(ReadError, match="not a notebook"):
        read_text(tmp_path, "a.ipynb", content)


# E-mail


def test_an_email_has_its_facts_its_text_and_the_names_of_its_attachments(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Bérth closed"
    message["From"] = "Ada <ada@x.org>"
    message["To"] = "Ben <ben@x.org>"
    message.set_content("The north berth is closed.\n")
    message.add_alternative("<p>The <b>north</b> berth is closed.</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="plan.pdf")
    document = read_text(tmp_path, "a.eml", bytes(message))
    assert document.title == "Bérth closed"
    assert [(one.heading, one.text) for one in document.sections] == [
        (
            ("Bérth closed",),
            "From: Ada <ada@x.org>\nTo: Ben <ben@x.org>\nAttachments: plan.pdf",
        ),
        (("Bérth closed",), "The north berth is closed."),
    ]


def test_an_email_of_html_in_an_old_encoding(tmp_path: Path) -> None:
    head = "Subject: x\r\nContent-Type: text/{}; charset={}\r\n\r\n"
    page = head.format("html", "koi8-r").encode() + "<h1>Порт</h1><p>Паром</p>".encode("koi8-r")
    [section] = read_text(tmp_path, "a.eml", page).sections
    assert (section.heading, section.text) == (("x", "Порт"), "Паром")
    text = head.format("plain", "iso-2022-jp").encode() + "渡し船".encode("iso2022_jp")
    assert read_text(tmp_path, "a.eml", text).sections[0].text == "渡し船"


def test_long_headers_and_parts_in_parts_cost_little(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.eml", "Subject: x\nTo: " + "a," * 100_000 + "\n\ntext")
    assert len(document.sections[0].text) < 3_000
    part = "--b\nContent-Type: multipart/mixed; boundary=b\n\n"
    with pytest.raises(ReadError, match="parts that are made of parts"):
        read_text(tmp_path, "a.eml", f"Subject: x\n{part[4:]}" + part * 10_000)


def test_what_is_no_email_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="not an e-mail"):
        read_text(tmp_path, "a.eml", "Just some words.\n")
