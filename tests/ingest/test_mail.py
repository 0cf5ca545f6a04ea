"""E-mail: the parts that a mail program shows, whatever they are wrapped in; and calendars."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest import Document, ReadError, read
from ingest.readers import mail

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


@pytest.mark.parametrize("fee", ["25 EUR", "by agreement"])
def test_a_form_with_a_table_that_the_plain_one_lacks_is_taken(tmp_path: Path, fee: str) -> None:
    words = "The fees of the harbour have changed from May on, please note them for every vessel."
    made = message()
    made.set_content(words)
    table = f"<table><tr><th>Yacht<th>Trawler<tr><td>{fee}<td>unchanged since spring</table>"
    made.add_alternative(f"<p>{words}</p>{table}", subtype="html")
    text = body(read_mail(tmp_path, made))
    assert text.startswith(words)
    assert f"Yacht: {fee}" in text


def test_addresses_and_a_table_for_layout_make_no_form_richer(tmp_path: Path) -> None:
    made = message()
    made.set_content("The fee is 12 > from May on.")
    link = "<a href='https://t.test/7?id=99'>The fee</a>"
    made.add_alternative(f"<table><tr><td>{link} is 12<td>from May on.</table>", subtype="html")
    assert body(read_mail(tmp_path, made)) == "The fee is 12 > from May on."


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


def test_attachments_are_read_by_the_readers_of_their_formats(tmp_path: Path) -> None:
    made = message("Rates")
    made.set_content("See the table.")
    made.add_attachment("berth,fee\nnorth,12 crowns\n", filename="rates.csv")
    made.add_attachment(b"# Keys\n\nThe key is in box 7.", "text", "markdown", filename="a b.md")
    made.add_attachment(b"%PDF-", "application", "pdf", filename="torn.pdf")
    made.add_attachment(b"x", "application", "octet-stream", filename="smime.p7s")

    document = read_mail(tmp_path, made)

    assert "Attachments: rates.csv, a b.md, torn.pdf, smime.p7s" in document.sections[0].text
    table, text = document.sections[2:]
    assert (table.heading, table.kind) == (("Rates", "rates.csv"), "table")
    assert table.text == "berth: north; fee: 12 crowns"
    assert (text.heading, text.text) == (("Rates", "a b.md", "Keys"), "The key is in box 7.")
    assert {one.first_line for one in (table, text)} == {None}  # theirs are none of the mail
    [note] = document.notes
    assert note.startswith("attachments are not read: torn.pdf (")
    assert note.endswith(", smime.p7s")


def test_what_is_left_out_of_an_attachment_is_said(tmp_path: Path) -> None:
    inner = message("Old")
    inner.set_content("The lock is 4 metres wide.")
    inner.add_attachment(b"x", "image", "png", filename="a.png")
    made = message()
    made.set_content("As I wrote.")
    made.add_attachment(bytes(inner), "application", "octet-stream", filename="old.eml")

    document = read_mail(tmp_path, made)

    assert document.sections[-1].heading == ("Valves", "old.eml", "Old")
    assert document.notes == ("of attachments old.eml: attachments are not read: a.png",)


def test_attachments_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = message()
    made.set_content("Ten files.")
    for number in range(10):
        made.add_attachment("x" * 50, filename=f"{number}.txt")
    monkeypatch.setattr(mail, "_MAX_ATTACHED", 6)
    monkeypatch.setattr(mail, "_MAX_ATTACHED_CHARS", 210)

    document = read_mail(tmp_path, made)

    assert [one.heading[1] for one in document.sections[2:]] == [f"{n}.txt" for n in range(4)]
    [note] = document.notes
    assert "4.txt (the attachments hold too much text)" in note
    assert "9.txt" in note


def mailbox(*messages: bytes) -> bytes:
    return b"".join(b"From a@x.test Mon Mar  3 2031\n" + one + b"\n" for one in messages)


def test_a_mailbox_is_its_messages(tmp_path: Path) -> None:
    first, second = message("Crane"), message("Lamp")
    first.set_content("It is booked.\n>From Monday on it is free.\nFrom here it is far.\n")
    second.set_content("It is broken.\n")
    second.add_attachment("Room 4", filename="where.txt")
    path = tmp_path / "inbox.mbox"
    path.write_bytes(mailbox(bytes(first), b"nothing of a mail\n", bytes(second)))

    document = read(path)

    texts = [(one.heading, one.text) for one in document.sections if "@" not in one.text]
    assert texts == [
        (("Crane",), "It is booked.\nFrom Monday on it is free.\nFrom here it is far."),
        (("Lamp",), "It is broken."),
        (("Lamp", "where.txt"), "Room 4"),
    ]
    assert document.notes == ("1 message could not be read",)


def test_of_a_mailbox_with_too_many_messages_the_last_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_MAX_MESSAGES", 2)
    path = tmp_path / "inbox.mbox"
    path.write_bytes(mailbox(*(b"Subject: s\n\nnumber %d\n" % number for number in range(5))))

    document = read(path)

    assert [one.text for one in document.sections] == ["number 3", "number 4"]
    assert document.notes == ("the first 3 messages left out",)


def test_what_is_no_mailbox_says_so(tmp_path: Path) -> None:
    path = tmp_path / "inbox.mbox"
    path.write_text("Subject: x\n\nwords")

    with pytest.raises(ReadError, match="not a mailbox"):
        read(path)
