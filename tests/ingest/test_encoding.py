"""Text in the encodings of before Unicode, short texts too, and UTF-8 that was damaged."""

# ruff: noqa: RUF001 - signs of other scripts are what is tested

from pathlib import Path

import pytest

from ingest import ReadError, read
from ingest.readers.encoding import decode


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Ouvert l'été, fermé à Noël."),
        ("cp1252", "Die Straße ist größer."),
        ("cp1252", "El niño comió piña"),
        ("cp1252", "Le prix : “7 €” – l’entrée"),
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1250", "Klíč k bráně je v přízemí"),
        ("cp1254", "Müdür odası ikinci kattadır, şifre yok"),
        ("cp850", "Die Straße ist größer und schön"),
        ("mac_roman", "Ouvert tous les jours, fermé à Noël."),
        ("koi8-r", "Вход закрыт"),
        ("cp1251", "Вход закрыт"),
        ("cp866", "Паром ходит по средам"),
        ("cp1253", "Η αντλία λειτουργεί με δώδεκα μπαρ"),
        ("cp932", "id,name\n" + "1,x\n" * 300 + "2,バルブ交換\n"),
        ("euc_jp", "営業時間は九時からです。"),
    ],
)
def test_a_short_text_is_told_by_its_letters(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text.rstrip(" ")


def test_one_byte_that_is_no_utf8_costs_that_byte(tmp_path: Path) -> None:
    text = "Die Fähre fährt täglich – außer an Feiertagen. Gebühr: 12 €.\n" * 3
    assert (
        decode(text.encode() + b"Der \xff bleibt \xe4\xc3\xa4.")
        == f"{text}Der \ufffd bleibt \ufffdä."
    )
    assert decode(b"\xef\xbb\xbf" + text.encode() + b"\xc3") == f"{text}\ufffd"
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode() + b"\xff")
    assert read(path).notes == ("1 character could not be decoded",)


def test_a_line_from_another_file_is_read_by_itself() -> None:
    mixed = "Das Café öffnet früh.\n".encode() + "Die Größe war süß.\n".encode("cp1252")
    assert decode(mixed) == "Das Café öffnet früh.\nDie Größe war süß.\n"
    assert (
        decode("Ein Büro, früh.\n".encode() * 5 + b"\x96 Anhang")
        == "Ein Büro, früh.\n" * 5 + "– Anhang"
    )


def test_a_wrong_or_modest_declaration(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes('<meta charset="utf-8"><p>Zoë déjà'.encode("cp1252"))
    assert read(path).sections[0].text == "Zoë déjà"
    path.write_bytes('<meta charset="iso-8859-1"><p>“7 €”'.encode("cp1252"))
    assert read(path).sections[0].text == "“7 €”"
    assert decode("名①".encode("cp932"), declared="Shift_JIS") == "名①"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ReadError):
        decode(bytes(range(1, 32)) * 40)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_read(encoding: str) -> None:
    said = "The café at pier two lifts 55 tons.\n"

    assert decode(said.encode(encoding)) == said
    with pytest.raises(ReadError, match="binary"):
        decode(b"\x00\x01\x00\x02" * 50 + b"\x00\x00\x07")
