"""Scripts: words without spaces, marks that belong to letters, and digits of any script."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import subprocess
import sys

import pytest

from ragcl.text.scripts import as_ascii, breaks, simple, spaced, starts, with_sign, within


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("灯塔建成于1907年", ["灯塔", "建成", "于", "1907", "年"]),
        ("使用Qwen2.5模型", ["使用", "Qwen2.5", "模型"]),
        ("カレーライスを食べる", ["カレーライス", "を", "食べる"]),
        ("ภาษาไทยไม่มีการเว้นวรรค", ["ภาษา", "ไทย", "ไม่มี", "การ", "เว้น", "วรรค"]),
        ("ភាសាខ្មែរជាភាសាផ្លូវការ", ["ភាសាខ្មែរ", "ជា", "ភាសាផ្លូវការ"]),
        ("ພາສາລາວເປັນພາສາທາງການ", ["ພາສາ", "ລາວ", "ເປັນ", "ພາສາ", "ທາງການ"]),
        ("𠮷野家 に", ["𠮷", "野家", "に"]),  # beyond the first 65,536 characters
    ],
)
def test_words_of_scripts_without_spaces_are_told_apart(text: str, words: list[str]) -> None:
    assert spaced(text).split() == words
    for word in words:
        place = text.index(word)
        assert place in starts(text)
        assert not within(text, place + len(word))


@pytest.mark.parametrize(
    "text", ["नमस्ते दुनिया", "می\u200cخواهم بروم", "שָׁלוֹם עולם", "cafe\u0301 ouvert", "The quay"]
)
def test_a_mark_or_a_joiner_ends_no_word(text: str) -> None:
    first, _ = text.split()
    places = range(1, len(text) + 1)

    assert starts(text) == [0, len(first) + 1]
    assert [at for at in places if not within(text, at)] == [len(first), len(text)]


def test_a_word_may_end_within_a_name_or_a_number_at_a_sign() -> None:
    text = "quay_side 2.5"

    assert starts(text) == [0, 10, 12]
    assert [at for at in range(1, 14) if not within(text, at)] == [4, 9, 11, 13]


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("kept at -18 °C", "-18 °C"),
        ("outside −7 °C", "−7 °C"),
        ("it costs $45", "$45"),
        ("a balance of -$320", "-$320"),
        ("a ticket (€6)", "€6)"),
        ("lead <5 µg", "<5 µg"),
        ("within ±0.2 g", "±0.2 g"),
        ("call +47 555", "+47 555"),
        ("written in .NET", ".NET"),
        ("use --dry-run", "--dry-run"),
        ("see /etc/fstab", "/etc/fstab"),
        ("in #alerts", "#alerts"),
    ],
)
def test_a_word_begins_with_the_sign_that_changes_its_meaning(text: str, signed: str) -> None:
    at = text.index(signed)
    word = next(place for place in starts(text) if place >= at)

    assert with_sign(text, word) == at


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("- Treasurer", "Treasurer"),
        ("-Treasurer", "Treasurer"),
        ("5-7 metres", "7 metres"),
        ("a v-12 engine", "12 engine"),
        ("“quoted”", "quoted"),
        ("**bold**", "bold"),
        ("...and", "and"),
        ("> 5 boats", "5 boats"),
        ("1/2 litre", "2 litre"),
    ],
)
def test_what_is_no_sign_of_a_word_stays_outside(text: str, word: str) -> None:
    assert with_sign(text, text.index(word)) == text.index(word)


def test_digits_and_wide_letters_are_those_of_ascii_and_as_many() -> None:
    text = "ＬｏＲＡ ٣٫٥ १२ ３"
    assert as_ascii(text) == "LoRA 3٫5 12 3"
    assert len(as_ascii(text)) == len(text)


@pytest.mark.parametrize("text", ["plain", "naïve – “quoted” …", "Ελλάδα, Москва", "42 €"])
def test_a_text_with_spaces_and_no_marks_is_simple(text: str) -> None:
    assert simple(text)
    assert not breaks(text)
    assert spaced(text) == text


def test_the_segmenter_is_imported_with_the_first_text_that_needs_it() -> None:
    code = (
        "import sys; from ragcl.text.words import parts; parts('a naïve Ελλάδα नमस्ते');"
        "assert 'icu4py' not in sys.modules; parts('灯塔'); assert 'icu4py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
