"""PDF: running lines, divided words, forms and notes, pages without text, encryption."""

import io
from pathlib import Path

import pytest
from made_pdf import pdf
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from ingest import Document, read
from ingest.readers.pdf import drop_running_lines, without_hyphens


def written(folder: Path, writer: PdfWriter) -> Document:
    path = folder / "a.pdf"
    with path.open("wb") as file:
        writer.write(file)
    return read(path)


def test_lines_that_differ_in_a_number_are_text() -> None:
    pages = [f"Invoice {1000 + n}\nRope\nTotal due: {n * 70} crowns" for n in range(5)]
    assert drop_running_lines(pages) == pages
    steps = [f"Step {n}\nDo it.\n{n * 3}" for n in range(1, 5)]
    assert drop_running_lines(steps) == steps


@pytest.mark.parametrize(
    "mark", ["{}", "- {} -", "Page {}", "page {} of 9", "Seite {}/9", "{} / 9", "第 {} 页"]
)
def test_numbers_of_pages_are_dropped_and_what_heads_them_is_kept_once(mark: str) -> None:
    pages = [f"The 2031 handbook\nText of {n}.\n{mark.format(n + 7)}" for n in range(4)]
    assert drop_running_lines(pages) == ["The 2031 handbook\nText of 0."] + [
        f"Text of {n}." for n in range(1, 4)
    ]
    pages = [f"{n} | The port\nText of {n}." for n in range(4)]
    assert drop_running_lines(pages)[:2] == ["The port\nText of 0.", "Text of 1."]


@pytest.mark.parametrize("line", ["{}", "{} | Report", "Report \u00b7 {}"])
@pytest.mark.parametrize("first", [2021, 101])
def test_years_and_rooms_that_count_with_the_pages_are_text(line: str, first: int) -> None:
    numbers = range(first, first + 4)
    pages = [f"{line.format(number)}\nRevenue of {number - 50}." for number in numbers]
    assert drop_running_lines(pages) == pages
    seasons = [f"{number}/{number + 1}\nGoals of {number - 50}." for number in numbers]
    assert drop_running_lines(seasons) == seasons


def test_a_number_that_is_called_that_of_a_page_may_be_high() -> None:
    pages = [f"Text of {n}.\nPage {n + 345}" for n in range(4)]
    assert drop_running_lines(pages) == [f"Text of {n}." for n in range(4)]


def test_divided_words_are_put_together() -> None:
    pages = ["The deliv-\nery of well-\nknown goods, transpor-\ntation,\nHaupt- und Neben-\nraum"]
    pages += ["A well-known rule: 2031-\n0049, Anne-\nMarie, Ein-\nund Ausgang"]
    assert without_hyphens(pages) == [
        "The delivery\nof well-known\ngoods, transportation,\n\nHaupt- und Nebenraum\n",
        "A well-known rule: 2031-\n0049, Anne-\nMarie, Ein-\nund Ausgang",
    ]


def test_what_is_filled_in_or_noted_is_text(tmp_path: Path) -> None:
    writer = PdfWriter(io.BytesIO(pdf("Boat licence:")))
    writer.add_annotation(0, FreeText(text="The wing is 31 m wide.", rect=(9, 9, 99, 99)))
    writer.add_annotation(0, Text(text="Approved by Runa", rect=(9, 9, 99, 99)))
    parent = DictionaryObject(
        {
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/TU"): TextStringObject("Licence"),
            NameObject("/V"): TextStringObject("BL-90417"),
        }
    )
    fields = [
        {"/Parent": writer._add_object(parent)},
        {"/FT": NameObject("/Btn"), "/T": TextStringObject("Diesel"), "/AS": NameObject("/Yes")},
        {"/FT": NameObject("/Btn"), "/T": TextStringObject("Petrol"), "/AS": NameObject("/Off")},
        {
            "/FT": NameObject("/Tx"),
            "/Ff": NumberObject(1 << 13),
            "/T": TextStringObject("Password"),
            "/V": TextStringObject("secret"),
        },
    ]
    for field in fields:
        widget = DictionaryObject({NameObject(key): value for key, value in field.items()})
        widget[NameObject("/Subtype")] = NameObject("/Widget")
        writer.pages[0][NameObject("/Annots")].append(writer._add_object(widget))
    document = written(tmp_path, writer)
    assert [(one.page, one.text) for one in document.sections] == [
        (1, "Boat licence:"),
        (1, "The wing is 31 m wide.\nApproved by Runa\nLicence: BL-90417\nDiesel: Yes"),
    ]


def test_damaged_annotations_cost_no_text(tmp_path: Path) -> None:
    writer = PdfWriter(io.BytesIO(pdf("The north berth.")))
    writer.pages[0][NameObject("/Annots")] = ArrayObject([NumberObject(7)])
    document = written(tmp_path, writer)
    assert document.sections[0].text == "The north berth."
    assert document.notes == ("what is filled in or noted on some pages is damaged",)


def test_pages_without_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("one", "", "three", "", "", "", "seven"))
    assert read(path).notes == ("pages 2 and 4-6 hold no text",)
    path.write_bytes(pdf("one", ""))
    assert read(path).notes == ("page 2 holds no text",)


def test_attached_files_are_named(tmp_path: Path) -> None:
    writer = PdfWriter(io.BytesIO(pdf("one")))
    writer.add_attachment("rates.xml", b"<a/>")
    assert written(tmp_path, writer).notes == ("attached files are not read: rates.xml",)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_what_opens_without_a_password_is_read(tmp_path: Path, algorithm: str) -> None:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf("The north berth."))))
    writer.encrypt(user_password="", owner_password="owner", algorithm=algorithm)
    assert written(tmp_path, writer).sections[0].text == "The north berth."
