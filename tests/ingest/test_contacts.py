"""Contacts: a section for each person or firm, with what it is asked for."""

from pathlib import Path

import pytest

from ingest import ReadError, read

CARDS = """BEGIN:VCARD
VERSION:3.0
N:Holm;Marta;;Dr.;
FN:Marta Holm
ORG:Port of Aldern;Pilots
item1.TEL;TYPE=WORK,VOICE:+47 55 01 02
TEL;type=CELL:tel:+47 90 11 22
EMAIL;TYPE=internet:marta@x.test
ADR;TYPE=WORK:;;Quay 4;Aldern;;5003;Norway
NOTE:Speaks Polish\\, and
  Greek.\\nNever on Mondays.
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=98stby;Ivar
TEL;HOME:12 34
NOTE;ENCODING=QUOTED-PRINTABLE:One =
two
END:VCARD
BEGIN:VCARD
END:VCARD
"""


def test_every_contact_is_a_section_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "people.vcf"
    path.write_text(CARDS, encoding="utf-8")

    document = read(path)

    assert [(one.heading, one.text) for one in document.sections] == [
        (
            ("Marta Holm",),
            "Name: Marta Holm\nOrganisation: Port of Aldern, Pilots\n"
            "Phone: +47 55 01 02 (work), +47 90 11 22 (cell)\nE-mail: marta@x.test\n"
            "Address: Quay 4, Aldern, 5003, Norway (work)\n\n"
            "Speaks Polish, and Greek.\nNever on Mondays.",
        ),
        (("Ivar Østby",), "Name: Ivar Østby\nPhone: 12 34 (home)\n\nOne two"),
    ]


def test_what_does_not_begin_as_contacts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.vcf"
    path.write_text("Marta Holm")

    with pytest.raises(ReadError, match="not a file of contacts"):
        read(path)
