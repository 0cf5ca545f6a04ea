"""Rich text and web pages saved in one file: their text, and none of what surrounds it."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest import ReadError, read


def test_rich_text_is_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.rtf"
    path.write_bytes(
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\author Nobody}}"
        rb"\f0\b The caf\'e9\b0  opens at \u8364?5.\par {\pict\pngblip 89504e47}"
        rb"Second line.\par\trowd Salt\cell 12\cell\row}"
    )

    [section] = read(path).sections

    assert section.text.startswith("The café opens at €5.\nSecond line.\n")
    assert "Salt" in section.text
    assert not {"Arial", "Nobody", "89504e47"} & set(section.text.split())


def test_what_is_no_rich_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.rtf"
    path.write_text("words")

    with pytest.raises(ReadError, match="not a rich text: it looks like text"):
        read(path)


def test_a_saved_page_is_read_as_the_page_that_it_is(tmp_path: Path) -> None:
    saved = EmailMessage()
    saved["From"] = "<Saved by a browser>"
    saved["Subject"] = "Fees"
    saved.set_content(
        "<title>Fees</title><nav>Home</nav><h1>Fees</h1><p>A berth costs 12 €.</p>",
        subtype="html",
        charset="iso-8859-15",
    )
    saved.add_related(b"\x89PNG", "image", "png")
    saved.add_related("<p>an advertisement</p>", subtype="html")
    path = tmp_path / "fees.mhtml"
    path.write_bytes(bytes(saved))

    document = read(path)

    assert document.title == "Fees"
    assert [(one.heading, one.text) for one in document.sections] == [
        (("Fees",), "A berth costs 12 €.")
    ]
    assert document.notes == ("1 frame of the page not read",)


def test_a_saved_page_without_a_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mht"
    path.write_text("Subject: x\nContent-Type: text/plain\n\nwords")

    with pytest.raises(ReadError, match="holds no HTML"):
        read(path)
