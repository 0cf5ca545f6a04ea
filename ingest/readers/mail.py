"""E-mail (.eml, Outlook's .msg): who, when, about what, the text; attachments only by name."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.document import Metadata, Section
from ingest.readers.encoding import decode
from ingest.readers.web import read_html

if TYPE_CHECKING:
    from email.message import Message

_MAX_MULTIPARTS = 100
_MAX_HEADER = 2_000  # characters: some long lists of recipients are cut


def read_eml(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The plain text of a message if it has one, else its HTML; the subject is the title."""
    import email

    if data.lower().count(b"boundary=") > _MAX_MULTIPARTS:
        raise ReadError(f"more than {_MAX_MULTIPARTS} parts that are made of parts")
    # Not the newer policy, which parses every header into objects: a long one takes it minutes.
    message = email.message_from_bytes(data.lstrip())
    if not any(key in message for key in ("From", "To", "Subject", "Date")):
        raise ReadError("not an e-mail: it has no header lines")
    bodies: dict[str, Message] = {}
    names = []
    for part in message.walk():
        if part.get_filename() or part.get_content_disposition() == "attachment":
            names.append(part.get_filename())
        elif not part.is_multipart():
            bodies.setdefault(part.get_content_type(), part)
    body = bodies.get("text/plain") or bodies.get("text/html")
    sections: list[Section] = []
    if body is not None:
        content = body.get_payload(decode=True)
        if isinstance(content, bytes) and content.strip():
            text = decode(content, declared=body.get_content_charset())
            sections = _body(text, is_html=body.get_content_type() == "text/html")
    facts = [(key, str(message.get(key, ""))) for key in ("From", "To", "Cc", "Date")]
    facts.append(("Attachments", _names(names)))
    return _message(str(message.get("Subject", "")), facts, sections, name)


def mail_metadata(data: bytes) -> Metadata:
    """From, to, cc, subject and date, as the message says them."""
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser().parsebytes(data.lstrip())
    return {
        key: tuple(_plain(str(value)) for value in headers.get_all(key, ()))
        for key in ("from", "to", "cc", "subject", "date")
    }


def read_msg(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The same for a message that Outlook saved."""
    from oxmsg import Message

    message = Message.load(data)
    headers = {key.lower(): value for key, value in message.message_headers.items()}
    recipients = _names(f"{one.name} <{one.email_address}>" for one in message.recipients)
    date = str(message.sent_date or "") or headers.get("date", "")
    facts = [
        ("From", message.sender or headers.get("from", "")),
        ("To", headers.get("to", "") or recipients),
        ("Cc", headers.get("cc", "")),
        ("Date", date),
        ("Attachments", _names(one.file_name for one in message.attachments)),
    ]
    text, is_html = message.body or "", False
    if not text.strip():
        text, is_html = message.html_body or "", True
    return _message(message.subject or "", facts, _body(text, is_html=is_html), name)


def _message(
    subject: str, facts: Iterable[tuple[str, str]], body: list[Section], name: str
) -> tuple[str, list[Section]]:
    """The parts of a message put together: the subject is the title and the heading."""
    title = _plain(subject)
    lines = [f"{key}: {_plain(value)}" for key, value in facts if value.strip()]
    sections = [Section((), normalise("\n".join(lines))), *body] if lines else body
    heading = (title,) if title else ()
    return title or name, [replace(one, heading=(*heading, *one.heading)) for one in sections]


def _body(text: str, *, is_html: bool) -> list[Section]:
    """The sections of the text of a message."""
    if is_html:
        return read_html(text.encode("utf-8", "replace"), "")[1]
    text = normalise(text).strip("\n")
    return [Section((), text)] if text.strip() else []


def _plain(header: str) -> str:
    """A header's value on one line, without the encoding in which it was sent."""
    from email.header import decode_header, make_header

    header = header[:_MAX_HEADER]
    with suppress(ValueError, LookupError):  # encoded in no way that is known: as it stands
        header = str(make_header(decode_header(header)))
    return " ".join(normalise(header).split())


def _names(names: Iterable[str | None]) -> str:
    """Names in one line."""
    return ", ".join(name for name in names if name)
