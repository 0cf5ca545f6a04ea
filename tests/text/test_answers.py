"""Answers are the same only where nothing in them could mean another thing."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ragcl.text.answers import canonical, compatible, holds, same, same_piece

PAIRS = [
    line.split("\t")
    for line in (Path(__file__).parent / "pairs.tsv").read_text("utf-8").splitlines()[1:]
]
UNITS = ["metres", "m", "km", "kg", "g", "hours", "%", "\u00b0C", "mW", "MW", "kB", "kb", "euros"]
# Each stands for another unit than every other one.
OTHER_UNITS = ["metres", "km", "kg", "g", "hours", "%", "\u00b0C", "mW", "MW", "kB", "kb", "euros"]
WORDS = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=8)
numbers = st.integers(1, 10**6)
texts = st.text(min_size=1, max_size=40) | st.sampled_from(
    [one for row in PAIRS for one in row[1:]]
)


def test_there_are_enough_pairs_in_enough_scripts() -> None:
    written = "".join(one + other for _, one, other in PAIRS)

    assert len(PAIRS) >= 150
    for script in (
        "a",
        "\u0430",
        "\u03b1",
        "\u0639",
        "\u05dc",
        "\u092e",
        "\u6771",
        "\u30ab",
        "\uc11c",
    ):
        assert script in written


@pytest.mark.parametrize(("verdict", "one", "other"), PAIRS)
def test_every_pair_is_told_apart_or_not(verdict: str, one: str, other: str) -> None:
    assert same(one, other) == same(other, one) == (verdict == "same")


@given(texts)
def test_every_answer_is_the_same_as_itself(text: str) -> None:
    assume(canonical(text))

    assert same(text, text)


@given(texts, texts)
def test_the_order_of_two_answers_does_not_matter(one: str, other: str) -> None:
    assert same(one, other) == same(other, one)
    assert compatible(one, other) == compatible(other, one)


@given(texts, st.sampled_from(["", " ", "\n", "\t"]))
def test_what_stands_around_an_answer_does_not_matter(text: str, around: str) -> None:
    assume(canonical(text.strip()))

    assert same(text.strip(), f"{around}{text.strip()}{around}")


@given(WORDS | numbers.map(str))
def test_a_full_stop_is_no_part_of_an_answer(text: str) -> None:
    assert same(text, f"{text}. ")


@given(numbers, st.sampled_from(UNITS), st.sampled_from(["-", "\u2212", "+", "minus ", "-\u20ac"]))
def test_never_across_a_sign(number: int, unit: str, sign: str) -> None:
    assert not same(f"{number} {unit}", f"{sign}{number} {unit}")
    assert not same(f"{number}", f"{sign}{number}")
    assert not holds(f"It is {sign}{number} {unit} there.", f"{number} {unit}")


@given(st.integers(0, 999), st.integers(1, 999), st.sampled_from(["", *UNITS]))
def test_never_across_a_decimal_point(whole: int, part: int, unit: str) -> None:
    decimal = f"{whole}.{part} {unit}".strip()

    for other in (f"{whole}{part} {unit}", f"{whole} {unit}", f"{part} {unit}"):
        assert not same(decimal, other.strip())
        assert not holds(f"It is {decimal}.", other.strip())


@given(numbers, st.permutations(OTHER_UNITS))
def test_never_across_a_unit(number: int, units: list[str]) -> None:
    one, other = units[:2]

    assert not same(f"{number} {one}", f"{number} {other}")
    assert not same(f"{number} {one}", f"{number}")
    assert not holds(f"It takes {number} {one} of it.", f"{number} {other}")


@given(
    WORDS, st.sampled_from(["not", "never", "no", "nicht", "pas", "\u043d\u0435", "\u0644\u0627"])
)
def test_never_across_a_negation(word: str, negation: str) -> None:
    assume(not same(word, negation))

    assert not same(word, f"{negation} {word}")
    assert not same(f"It is {word}", f"It is {negation} {word}")
    assert not holds(f"It is {negation} {word}.", word)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.integers(0, 99))
def test_never_across_a_version(parts: list[int], more: int) -> None:
    version = "v" + ".".join(map(str, parts))

    for other in (f"{version}.{more}", f"{version}{more}", f"{version}-rc{more}"):
        assert not same(version, other)
        assert not holds(f"It came with {other}.", version)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It is 11 metres deep.", "11 metres"),
        ("It draws 1.5 metres and is 15 metres long", "15 metres"),
        ("It draws 1.5 metres and is 15 metres long", "1.5 m"),
        ("-40 \u00b0C at night", "\u221240 degrees Celsius"),
        ("We use C++ here.", "C++"),
        ("Open 8:30 to 17:00.", "8:30-17:00"),
        ("It costs $1,500.50 (net).", "1500.5 dollars"),
        ("released as v3.2.1-rc1.", "v3.2.1-rc1"),
        ("The depth\u20145 metres", "5 metres"),
        ("15 km", "15"),
        ("not only soup but bread", "soup"),
        ("The cook is Marta Holm.", "marta holm"),
        (
            "\u5317\u306e\u5cb8\u58c1\u306f\u6c34\u6df111\u30e1\u30fc\u30c8\u30eb\u3067\u3059\u3002",
            "11\u30e1\u30fc\u30c8\u30eb",
        ),
        ("\u4ef7\u683c\u4e3a5\u4e07\u5143", "5\u4e07"),
        ("\u4ed6\u8981\u505c\u8f66", "\u505c\u8f66"),
        ("\u4e09\u70b9\u5f00\u4f1a", "\u4e09\u70b9"),
        ("at 5 NM", "5 nautical miles"),
        ("<filename> is asked for", "filename"),
        ("水深三点五米", "3.5米"),
        ("3万5000元", "35000元"),
        ("9時から17時まで", "9時から17時"),
        ("de 3 à 5 mètres", "3 à 5 mètres"),
        ("Le 5 mai à 10 h", "5 mai"),
        ("el 5 de mayo a las 10", "5 de mayo"),
        ("Every Monday a 5 km run", "5 km"),
        ("no es roja, es azul", "azul"),
        ("特别是红色", "红色"),
        ("下午3点5个人", "5个人"),
        ('the sign says "berth 5"', "berth 5"),
        ("the 'gate 5' sign", "gate 5"),
        ("open, not closed", "open"),
        ("Das Tor ist offen, nicht zu", "offen"),
        ("It is normally open", "open"),
        ("five persons", "five"),
        ("5胜3负2平", "2平"),
        ("会议于6月9日8时陆续开始", "8时"),
        ("下午3點參加會議", "3點"),
    ],
)
def test_a_text_holds_what_stands_in_it(text: str, answer: str) -> None:
    assert holds(text, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It is 111 metres deep.", "11 metres"),
        ("draws 1.5 metres", "5 metres"),
        ("11", "11 metres"),
        ("It is not allowed.", "allowed"),
        ("It isn't allowed.", "allowed"),
        ("It is no longer allowed.", "allowed"),
        ("There are no 5-metre berths.", "5-metre berths"),
        ("version 3.10", "version 3.1"),
        ("v3.2.1", "3.2"),
        ("15 metres per second", "15 metres"),
        ("15 m\u00b2", "15 m"),
        ("9-17", "17"),
        ("open Monday to Friday", "Monday"),
        ("12,500", "500"),
        ("C++", "C"),
        ("8:30", "30"),
        ("5 million", "5"),
        ("\u4e0d\u5141\u8bb8\u505c\u8f66", "\u5141\u8bb8"),
        ("\u8a31\u53ef\u3055\u308c\u306a\u3044", "\u8a31\u53ef"),
        ("\u8fd9\u91cc\u4e0d\u80fd\u505c\u8f66", "\u505c\u8f66"),
        ("\u4e0d\u53ef\u4ee5\u5438\u70df", "\u5438\u70df"),
        ("\u4e0d\u5f97\u8fdb\u5165", "\u8fdb\u5165"),
        (
            "\u0e44\u0e21\u0e48\u0e2d\u0e19\u0e38\u0e0d\u0e32\u0e15",
            "\u0e2d\u0e19\u0e38\u0e0d\u0e32\u0e15",
        ),
        ("burada park etmek izinli de\u011fil", "izinli"),
        (
            "\u0394\u03b5\u03bd \u03b5\u03c0\u03b9\u03c4\u03c1\u03ad\u03c0\u03b5\u03c4\u03b1\u03b9",
            "\u03b5\u03c0\u03b9\u03c4\u03c1\u03ad\u03c0\u03b5\u03c4\u03b1\u03b9",
        ),
        ("\u767e\u4e8c\u5341\u4e00", "\u767e\u4e8c\u5341"),
        ("\u4ef7\u683c\u4e3a5\u4e07\u5143", "5"),
        ("\u4e09\u70b9\u534a", "\u4e09\u70b9"),
        ("3\u6642\u9593", "3\u6642"),
        ("aged 5+", "5"),
        ("5 \u00b1 1 mm", "5"),
        ("10\uff5e15\u6642", "10"),
        ("価格は1万5000円です", "5000円"),
        ("1亿2000万元", "2000万元"),
        ("3万5元", "5元"),
        ("5千万円", "千万円"),
        ("水深是三点五米", "5米"),
        ("税率为百分之五点五", "5%"),
        ("三点二十开会", "三点"),
        ("от 3 до 5 метров", "5 метров"),
        ("от 3 до 5 метров", "3"),
        ("de 3 à 5 mètres", "5 mètres"),
        ("de 3 a 5 metros", "5 metros"),
        ("de 9:00 a las 17:00", "17:00"),
        ("dal 3 al 5 maggio", "5 maggio"),
        ("de 3 até 5 metros", "5 metros"),
        ("3到5米", "5米"),
        ("三到五米", "5米"),
        ("3至5米", "3"),
        ("9時から17時", "17時"),
        ("9時から17時", "9時"),
        ("9:00から午後5時", "午後5時"),
        ("9時から午後5時", "5時"),
        ("no está abierto", "abierto"),
        ("non è aperto", "aperto"),
        ("Он не был открыт", "открыт"),
        ("不是红色", "红色"),
        ("没有停车场", "停车场"),
        ("ไม่ใช่สีแดง", "สีแดง"),
        ("It is not normally open", "open"),
        ("not necessarily safe", "safe"),
        ("Es funktioniert nicht", "funktioniert"),
        ("Het werkt niet", "werkt"),
        ("It costs five thousand", "five"),
        ("twenty five", "five"),
        ("a hundred and five", "five"),
        ("at \u2212 12 \u00b0C", "12 °C"),
        ("at 12 °C below zero", "12 °C"),
        ("温度是零下5度", "5度"),
        ("use 1.2.0-SNAPSHOT", "1.2.0"),
        ("anything", "the"),
        ("anything", ""),
        ("", ""),
    ],
)
def test_a_text_does_not_hold_what_it_says_otherwise(text: str, answer: str) -> None:
    assert not holds(text, answer)


def test_an_empty_answer_is_the_same_as_none() -> None:
    assert not same("", "")
    assert not same(" ", "11")


def test_one_piece_was_read_at_one_place() -> None:
    text = "The cook is called Marta Holm and lives at the red buoy."

    assert same_piece([text], "Marta", "Marta Holm")
    assert same_piece([text, "It rains."], "red buoy", "at the red buoy")
    assert same_piece(["It takes 2 hours."], "2", "2 hours")


@pytest.mark.parametrize(
    ("text", "one", "other"),
    [
        ("It draws 1.5 metres and is 15 metres long.", "1.5 metres", "15 metres"),
        ("The 2 tugs take 2 hours.", "2", "2 hours"),
        ("Open Monday to Friday.", "Monday", "Monday to Friday"),
        ("It is not allowed.", "allowed", "not allowed"),
        ("There is soup and bread.", "soup", "soup and bread"),
        ("Berth 12 is free.", "Berth", "Berth 12"),
        ("Marta Holm cooks.", "Marta", "Marta Berg"),
        ("It is open.", "closed", "open"),
    ],
)
def test_what_means_something_else_is_no_form_of_it(text: str, one: str, other: str) -> None:
    assert not same_piece([text], one, other)
    assert not same_piece([text], other, one)


def test_answers_are_compatible_if_one_holds_the_other() -> None:
    assert compatible("11", "11 metres")
    assert compatible("red buoy", "the red buoy at the mouth")
    assert not compatible("allowed", "not allowed")
    assert not compatible("11 metres", "12 metres")
