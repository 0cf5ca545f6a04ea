"""Sentences: at their stops and at the ends of lines, and not within a number."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest

from ragcl.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("At 3.5 m, e.g.here.", ["At 3.5 m, e.g.here."]),
        ("a; b\n\nc: d\n", ["a; b", "c: d"]),
        ("\u6e2f\u53e3\u3002\u6df1\uff01", ["\u6e2f\u53e3\u3002", "\u6df1\uff01"]),
        ("Is it deep? No.\nIt is shallow.", ["Is it deep? No.", "It is shallow."]),
        ("How deep?\nWhere?\n\n11 m at the mole.\n", ["How deep?", "Where? 11 m at the mole."]),
        ("\u591a\u6df1\uff1f\n11 m", ["\u591a\u6df1\uff1f 11 m"]),
        ("2 cranes\ntugs: 3\nquays", ["2 cranes", "tugs: 3", "quays"]),
        (
            "All work of the crane stops when the wind\nreaches 17 metres. It goes\non later.",
            ["All work of the crane stops when the wind reaches 17 metres.", "It goes on later."],
        ),
        (
            "The near miss is reported to the officer, Ruben\nAskerdale, by whoever saw it.",
            ["The near miss is reported to the officer, Ruben Askerdale, by whoever saw it."],
        ),
        ("HOUSE RULES\n-----------\nIt is locked at 23.", ["HOUSE RULES It is locked at 23."]),
        ("Rules\n\nFirst aid\nIt is open.", ["Rules", "First aid It is open."]),
        (
            "- the dish on Friday is always smoked eel\n- another one every day",
            ["- the dish on Friday is always smoked eel", "- another one every day"],
        ),
        (
            "code: KD-31; service: quay dues; price: 2 crowns\ncode: VW-08; service: water",
            ["code: KD-31; service: quay dues; price: 2 crowns", "code: VW-08; service: water"],
        ),
        (
            "    held = stems(text) if text else ()\n    shared = held & asked\n    return shared",
            ["held = stems(text) if text else ()", "shared = held & asked", "return shared"],
        ),
        (
            "Anna Berg      head of the pilots\nBert Olin      cook in the canteen",
            ["Anna Berg      head of the pilots", "Bert Olin      cook in the canteen"],
        ),
        (
            "10:00:01 the server started on port 80\n10:00:02 a client came from port 99",
            ["10:00:01 the server started on port 80", "10:00:02 a client came from port 99"],
        ),
        ("Some (e.g. two) sat. Dr. Who, J. Smith.", ["Some (e.g. two) sat.", "Dr. Who, J. Smith."]),
        ('"We are open." He shut it.', ['"We are open."', "He shut it."]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("好！！真的吗?是的。", ["好！！", "真的吗? 是的。"]),
        ("３．５米。对．错", ["３．５米。", "对．", "错"]),
        ("वह आया। वह गया॥", ["वह आया।", "वह गया॥"]),
        ("سعر الماء ٧٫١٥ كرونة۔ تم.", ["سعر الماء ٧٫١٥ كرونة۔", "تم."]),
        ("هل هو عميق؟ نعم", ["هل هو عميق؟ نعم"]),
        ("Նա եկավ։ Նա գնաց։", ["Նա եկավ։", "Նա գնաց։"]),
        ("መጣ። ሄደ።", ["መጣ።", "ሄደ።"]),
        ("ទៅ។ មក។", ["ទៅ។", "មក។"]),
        ("သွားတယ်။လာတယ်။", ["သွားတယ်။", "လာတယ်။"]),
        ("Πού; Εκεί.", ["Πού;", "Εκεί."]),
        (
            "Es beginnt am 19. August. Im 19. Jahrhundert, z. B. Öl, galt Nr. 5 nicht.",
            ["Es beginnt am 19. August.", "Im 19. Jahrhundert, z. B. Öl, galt Nr. 5 nicht."],
        ),
        (
            "I am in room 19. Main entry. I was 12. Augment it.",
            ["I am in room 19.", "Main entry.", "I was 12.", "Augment it."],
        ),
        ("в 1907 г. построен. Он тут.", ["в 1907 г. построен.", "Он тут."]),
        (
            "一、塔与灯\n（一）塔高\n① 第一\n・項目\n2、乙\n第三条 丙",
            ["一、塔与灯", "（一）塔高", "① 第一", "・項目", "2、乙", "第三条 丙"],
        ),
        ("第一章 总则\n塔高四十三米。", ["第一章 总则 塔高四十三米。"]),
        (
            "石料是用平底船一块一块运来的，塔顶的灯每18秒闪\n三次。灯从日落亮到日出。",
            ["石料是用平底船一块一块运来的，塔顶的灯每18秒闪三次。", "灯从日落亮到日出。"],
        ),
        (f"{'ก' * 70} {'ข' * 20} {'ค' * 70}", [f"{'ก' * 70}", f"{'ข' * 20} {'ค' * 70}"]),
        (
            "Роман написал А. С. Пушкин в 1833 г. Его дом стоит на ул. Ленина.",
            ["Роман написал А. С. Пушкин в 1833 г.", "Его дом стоит на ул. Ленина."],
        ),
        (
            "Дом 5, кв. 7, г. Москва. Он дал им. Потом ушёл.",
            [
                "Дом 5, кв. 7, г. Москва.",
                "Он дал им.",
                "Потом ушёл.",
            ],
        ),
        (
            "Die 2. Bundesliga hat 18 Vereine. Der 1. FC Köln spielt dort.",
            ["Die 2. Bundesliga hat 18 Vereine.", "Der 1. FC Köln spielt dort."],
        ),
        (
            "Er wohnt im 3. Stock. Anna kam als 3. Danach kam der 4. Dann keiner.",
            ["Er wohnt im 3. Stock.", "Anna kam als 3.", "Danach kam der 4.", "Dann keiner."],
        ),
        (
            "El Sr. García dirige el puerto. La carta es del Sr. Ruiz.",
            ["El Sr. García dirige el puerto.", "La carta es del Sr. Ruiz."],
        ),
        ("It was built by Daniel Sr. He left.", ["It was built by Daniel Sr.", "He left."]),
        ("Siehe Abs. 3 und Art. 5 GG.", ["Siehe Abs. 3 und Art. 5 GG."]),
        ("He likes Art. She does not.", ["He likes Art.", "She does not."]),
        ("Он сказал: « Привет. » Потом ушёл.", ["Он сказал: « Привет. »", "Потом ушёл."]),
        ("«Привет.» Потом ушёл.", ["«Привет.»", "Потом ушёл."]),
        (
            "Er ging. »Halt!« rief sie. „Ja.“ Er kam.",
            [
                "Er ging.",
                "»Halt!« rief sie.",
                "„Ja.“",
                "Er kam.",
            ],
        ),
        ("डॉ. शर्मा निदेशक हैं। वह गया।", ["डॉ. शर्मा निदेशक हैं।", "वह गया।"]),
        ("彼は「そうです。」と言った。", ["彼は「そうです。」と言った。"]),
        ("「行きます。」彼は立った。", ["「行きます。」", "彼は立った。"]),
        ("「行く。」とても寒い。", ["「行く。」", "とても寒い。"]),
        ("  ", []),
        ("no end", ["no end"]),
    ],
)
def test_a_text_is_split_into_sentences_and_lines(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected
