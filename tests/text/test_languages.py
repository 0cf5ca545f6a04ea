"""Languages: which one a question is in, and what is said in it."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest

from ragcl.text.languages import ENGLISH, LANGUAGES, asks_to_explain, language
from ragcl.text.rewording import briefly, indirectly, rewordings


@pytest.mark.parametrize(
    ("code", "question"),
    [
        ("en", "How deep is the north berth?"),
        ("en", "Depth of the 白鹭礁?"),
        ("en", "Die cast parts?"),
        ("en", "Los Angeles berth"),
        ("zh", "白鹭礁灯塔有多高？"),
        ("zh", "NASUWT是什么？"),
        ("ja", "灯台守は誰ですか"),
        ("ko", "등대지기는 누구입니까?"),
        ("th", "ประภาคารอยู่ที่ไหน"),
        ("hi", "प्रकाश स्तंभ कहाँ है?"),
        ("ar", "أين المنارة؟"),
        ("en", "فانوس دریایی کجاست؟"),  # Persian: in the script of Arabic, and not in the table
        ("ru", "Кто смотритель маяка?"),
        ("en", "Хто доглядає маяк?"),  # Ukrainian
        ("de", "Wer leitet die Lehrwerkstatt?"),
        ("fr", "Où est le phare ?"),
        ("es", "¿Dónde está el faro?"),
        ("it", "Dove si trova il faro?"),
        ("pt", "Quem manda no porto?"),
        ("en", "2026?"),
        ("es", "quien dirige el puerto"),
        ("es", "cuanto cuesta la entrada"),
        ("es", "a que hora abre el museo"),
        ("es", "donde comer?"),
        ("es", "¿Está abierto los domingos?"),
        ("es", "¡Cierra!"),
        ("pt", "Por que o porto está fechado?"),
        ("pt", "Há estacionamento aqui?"),
        ("pt", "como chegar ao porto"),
        ("de", "Gibt es einen Parkplatz?"),
        ("de", "Kann man hier parken?"),
        ("de", "warum friert Wasser"),
        ("de", "In welchem Film spielt Anna?"),
        ("de", "An welchem Fluss liegt Prag?"),
        ("fr", "Peut-on se garer ici ?"),
        ("fr", "Y a-t-il un parking ?"),
        ("it", "Si può parcheggiare qui?"),
        ("it", "Qual è l'altezza della torre?"),
        ("it", "Chi paga?"),
        ("en", "dove soap ingredients"),
        ("en", "chi square test"),
        ("en", "Lake Como hotels"),
        ("en", "Lake Como hotels?"),
        ("en", "Iron man war machine"),
    ],
)
def test_the_language_of_a_question(code: str, question: str) -> None:
    assert language(question) is LANGUAGES[code]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_all_that_is_said_and_knows_its_own(code: str) -> None:
    one = LANGUAGES[code]
    asked = one.politely.format("X")

    assert one.unknown
    assert one is ENGLISH or one.unknown != ENGLISH.unknown
    assert "X" in asked
    assert "X" in one.indirectly.format("X")
    assert one.asking
    assert one.joining


@pytest.mark.parametrize(
    ("question", "explains"),
    [
        ("白鹭礁灯塔有多高？", False),
        ("请问白鹭礁灯塔在何年完工？", False),
        ("如何清洗灯塔的镜片？", True),
        ("为什么补给船改在第二天？", True),
        ("守塔人的职责是什么？", None),
        ("灯塔的灯光是什么颜色？", False),
        ("补给船叫什么？", False),
        ("说出灯塔建成的日期。", None),
        ("灯台守は誰ですか", False),
        ("なぜ船は遅れましたか", True),
        ("등대는 어디에 있나요?", False),
        ("ทำไมเรือมาช้า", True),
        ("प्रकाश स्तंभ कहाँ है?", False),
        ("لماذا تأخرت السفينة؟", True),
        ("Сколько стоит билет?", False),
        ("Warum ist das Tor zu?", True),
        ("Wer leitet die Lehrwerkstatt?", False),
        ("Wie hoch ist der Turm?", False),
        ("Wie heißt der Meister?", False),
        ("An welchem Tag beginnt das Lehrjahr?", False),
        ("Wie wird die Lampe gereinigt?", None),  # "wie" asks for both
        ("¿Cómo se limpia la lámpara?", True),
        ("¿Cómo se llama el barco?", False),
        ("¿Por qué está cerrada la puerta?", True),
        ("Où est le phare ?", False),
        ("Comment s'appelle le bateau ?", False),
        ("Comment s’appelle le bateau ?", False),
        ("Comment nettoie-t-on la lampe ?", True),
        ("À quelle heure ouvre le musée ?", False),
        ("Perché il cancello è chiuso?", True),
        ("Quanto custa o bilhete?", False),
        ("Por que a porta não abriu?", True),
        ("Quais cidades, como Lisboa, têm um porto?", None),
        ("Как называется корабль?", False),
        ("How is the lamp cleaned?", None),
        # A question word within another word, or one that asks nothing.
        ("บอกเกี่ยวกับท่าเรือ", None),
        ("很多大学的特点是什么？", None),
        ("什么是几何？", None),
        ("いつも何をしますか", None),
        ("いくつかの方法は何ですか", None),
        ("灯塔有几层？", False),
        ("谁是守塔人？", False),
        ("哪一艘船送水？", False),
        ("何時に開きますか", False),
        ("มีกี่ชั้น", False),
        ("ราคาเท่าไหร่", False),
        # The first of two.
        ("怎么知道什么时候开门", True),
        ("¿Cómo sé cuándo abrir la puerta?", True),
        ("¿Cuándo sé cómo abrir la puerta?", False),
        ("Was geschieht, wo es brennt?", None),
        ("من أين تأتي السفينة؟", False),
        ("등대지기는 누구입니까?", False),
        ("dove soap ingredients", None),
        ("chi square test", None),
    ],
)
def test_whether_a_question_asks_to_explain(question: str, explains: bool | None) -> None:
    assert asks_to_explain(question) is explains


def test_a_question_is_reworded_in_its_language() -> None:
    assert rewordings("谁看守灯塔？") == ("看守 灯塔", "请问，谁看守灯塔？")
    assert indirectly("谁看守灯塔？") == "我想知道谁看守灯塔。"
    assert rewordings("Wer leitet die Werkstatt?")[1] == (
        "Können Sie mir sagen: wer leitet die Werkstatt?"
    )
    assert indirectly("¿Dónde está el faro?") == "Quisiera saber: dónde está el faro."


@pytest.mark.parametrize(
    ("question", "keywords"),
    [
        ("Wie hoch ist der Turm?", "hoch turm"),
        ("¿Cuál es la altura de la torre?", "altura torre"),
        ("quien dirige el puerto", "dirige puerto"),
        ("Où est le phare ?", "phare"),
        ("Qual è l'altezza della torre?", "altezza torre"),
        ("Quem manda no porto?", "manda porto"),
        ("등대는 어디에 있나요?", "등대는"),
        ("Wie ist das?", "wie ist das"),  # never nothing
        ("How high is the tower?", "high tower"),
        ("Can they pay here?", "can they pay here"),
    ],
)
def test_keywords_have_no_function_words_of_the_language(question: str, keywords: str) -> None:
    assert briefly(question) == keywords
