"""E-mail: the parts that a mail program shows, whatever they are wrapped in; and calendars."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest import Document, ReadError, read

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
DTSTART;TZID=Europe/Oslo:20310318T100000
DTEND;TZID=Europe/Oslo:20310318T113000
SUMMARY:Boiler service\\, north
  house
LOCATION:Quay 4
ORGANIZER;CN="Vera Holm":mailto:vera@x.test
DESCRIPTION:Bring the key.\\nPark outside.
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VTODO
SUMMARY:Order salt
END:VTODO
END:VCALENDAR
"""


def message(subject: str = "Valves") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@x.test", "b@x.test", subject
    return made


def read_mail(folder: Path, content: EmailMessage | bytes) -> Document:
    path = folder / "a.eml"
    path.write_bytes(content if isinstance(content, bytes) else bytes(content))
    return read(path)


def body(document: Document) -> str:
    return "\n".join(one.text for one in document.sections[1:])


@pytest.mark.parametrize(
    ("plain", "markup", "expected"),
    [
        (" \n", "<p>It is on 18 March.</p>", "It is on 18 March."),
        ("Please open this message in a browser.", "<p>Balance: 482</p>", "Balance: 482"),
        ("The fee is 12.", "<p>The fee is <b>12</b>.</p>", "The fee is 12."),
        ("Dear all, the fee is 12 from May on, for boats too.", "<p>View online</p>", "Dear all"),
    ],
)
def test_of_two_forms_of_a_text_the_one_that_says_it(
    tmp_path: Path, plain: str, markup: str, expected: str
) -> None:
    made = message()
    made.set_content(plain)
    made.add_alternative(markup, subtype="html")
    text = body(read_mail(tmp_path, made))
    assert text.startswith(expected)
    assert "browser" not in text


def test_text_before_and_after_a_picture_is_one_message(tmp_path: Path) -> None:
    made = message()
    made.set_content("A crack in beam 3.")
    made.add_attachment(b"x", "image", "png", filename="a.png", disposition="inline")
    made.add_attachment("Beam 9 needs a bolt.", disposition="inline")
    document = read_mail(tmp_path, made)
    assert body(document) == "A crack in beam 3.\nBeam 9 needs a bolt."
    assert document.notes == ("attachments are not read: a.png",)


def test_a_part_without_header_lines(tmp_path: Path) -> None:
    raw = b"From: a\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nCode 7719.\n--B--\n"
    assert body(read_mail(tmp_path, raw)) == "Code 7719."


def test_a_forwarded_message_is_read_with_its_facts(tmp_path: Path) -> None:
    inner = message("Crane booking")
    inner.set_content("It is booked for 22 June.")
    outer = message("Fwd")
    outer.set_content("See below.")
    outer.add_attachment(inner)
    document = read_mail(tmp_path, outer)
    assert [(one.heading, one.text) for one in document.sections[2:]] == [
        (("Fwd", "Crane booking"), "From: a@x.test\nTo: b@x.test"),
        (("Fwd", "Crane booking"), "It is booked for 22 June."),
    ]


def test_messages_within_messages_end(tmp_path: Path) -> None:
    raw = b"innermost"
    for _ in range(60):
        raw = b"Subject: s\nContent-Type: message/rfc822\n\n" + raw
    assert any("forwarded" in note for note in read_mail(tmp_path, raw).notes)


def test_an_invitation_says_when(tmp_path: Path) -> None:
    made = message()
    made.set_content("You are invited.")
    made.add_alternative(EVENT, subtype="calendar", params={"name": "invite.ics"})
    document = read_mail(tmp_path, made)
    assert "You are invited." in body(document)
    assert "Starts: 2031-03-18 10:00 Europe/Oslo" in body(document)


def test_a_calendar_has_a_heading_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "a.ics"
    path.write_text(EVENT)
    assert [(one.heading, one.text) for one in read(path).sections] == [
        (
            ("Boiler service, north house",),
            "Starts: 2031-03-18 10:00 Europe/Oslo\nEnds: 2031-03-18 11:30 Europe/Oslo\n"
            "Where: Quay 4\nOrganizer: Vera Holm <vera@x.test>\n\nBring the key.\nPark outside.",
        ),
        ((), "Order salt"),
    ]
    path.write_text("words")
    with pytest.raises(ReadError, match="not a calendar"):
        read(path)
