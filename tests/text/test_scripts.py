"""Scripts: words without spaces, marks that belong to letters, and digits of any script."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import subprocess
import sys

import pytest

from ragcl.text.scripts import as_ascii, breaks, simple, spaced, starts, within


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
