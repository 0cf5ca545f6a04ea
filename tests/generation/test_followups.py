"""Follow-ups: what a question may mean after others, by the rules for English."""

import pytest

from ragcl.generation.antecedents import Turn
from ragcl.generation.followups import follow_up
from ragcl.text.english import is_english, phrases

BERTH = Turn("How deep is the north berth?", "11 metres")
KEEPER = Turn("Who is the keeper of the cold store?", "Jorren Kest")


def meant(question: str, *turns: Turn) -> list[str]:
    """What the question may mean, likeliest first; without the question as it is."""
    return [one.question for one in follow_up(question, turns).candidates[1:]]


@pytest.mark.parametrize(
    "question",
    [
        "Who is the nurse of the Works?",
        "How many requests may a client send to the search endpoint?",
        "Is it allowed to feed the sparrows?",
        "How long does it take to learn the port of Ostrey?",
        "Is there a canteen in the port?",
        "Which town has a market that is held on Saturdays?",
        "If a ship arrives without an order, where does it wait?",
        "Name the year in which the Works began.",
        "Who may use the controls of the great crane, and when does he try the brakes?",
    ],
)
def test_what_stands_alone_has_no_other_meaning(question: str) -> None:
    found = follow_up(question, [BERTH])

    assert found.candidates[0].question == question
    assert found.open or len(found.candidates) == 1


@pytest.mark.parametrize(
    ("turn", "question", "alone"),
    [
        # pronouns
        (BERTH, "How long is it?", "How long is the north berth?"),
        (BERTH, "How long is its quay wall?", "How long is the north berth's quay wall?"),
        (BERTH, "Who moors there?", "Who moors in the north berth?"),
        (BERTH, "How long is that berth?", "How long is the north berth?"),
        (KEEPER, "How cold is it kept?", "How cold is the cold store kept?"),
        (KEEPER, "Where does he live?", "Where does Jorren Kest live?"),
        (
            Turn("Who founded Lanternfish?", "Henk Ostermoor"),
            "When did he found it?",
            "When did Henk Ostermoor found Lanternfish?",
        ),
        (
            Turn("Who leads the mooring gangs?", "Bram Uldercott"),
            "What do they wear?",
            "What do the mooring gangs wear?",
        ),
        (
            Turn("How long is an access token valid?", "45 days"),
            "Who can withdraw it?",
            "Who can withdraw the access token?",
        ),
        (
            Turn("How long may goods stay?", "75 days"),
            "What happens after that?",
            "What happens after 75 days?",
        ),
        # what is left out
        (BERTH, "And the east one?", "How deep is the east berth?"),
        (BERTH, "what about the east berth", "How deep is the east berth?"),
        (KEEPER, "And the head cook?", "Who is the head cook?"),
        (KEEPER, "And its price?", "What is the price of the cold store?"),
        (
            Turn("How many people did Corran have in 1900?", "900"),
            "In 2020?",
            "How many people did Corran have in 2020?",
        ),
        (
            Turn("When does the museum open?", "at 10:00"),
            "And on Sundays?",
            "When does the museum open on Sundays?",
        ),
        (
            Turn("What does a ticket for adults cost?", "8 crowns"),
            "And for children?",
            "What does a ticket for children cost?",
        ),
        (Turn("What does soup cost?", "3 crowns"), "Water?", "What does water cost?"),
        # only what is wanted
        (
            Turn("Is the museum closed on Mondays?", "closed on Mondays"),
            "Why?",
            "Why is the museum closed on Mondays?",
        ),
        (
            Turn("Is version 5.0 still supported?", "yes"),
            "Until when?",
            "Until when is version 5.0 still supported?",
        ),
        (
            Turn("Who founded Lanternfish?", "Henk Ostermoor"),
            "And when?",
            "When was Lanternfish founded?",
        ),
        (
            Turn("When did Ottilie Brandmark die?", "1902"),
            "What of?",
            "What did Ottilie Brandmark die of?",
        ),
    ],
)
def test_a_follow_up_may_mean_what_it_means(turn: Turn, question: str, alone: str) -> None:
    said = Turn(turn.question, turn.answer)

    assert alone.lower() in [one.lower() for one in meant(question, said)]


def test_what_was_said_last_is_likeliest() -> None:
    other = Turn("What does the grain shed hold?", "grain")

    assert meant("How long is it?", other, BERTH)[0] == "How long is the north berth?"
    assert meant("How long is it?", BERTH, other)[0] == "How long is the grain shed?"


def test_who_is_asked_about_is_no_thing() -> None:
    assert meant("How cold is it?", KEEPER)[0] == "How cold is the cold store?"
    assert "How old is the cold store?" not in meant("How old is he?", KEEPER)[:3]


def test_a_short_question_may_be_about_what_was_spoken_of_or_not() -> None:
    found = follow_up("Who is the keeper?", [Turn("How cold is the cold store?", "-23 degrees")])

    assert found.open
    assert "Who is the keeper of the cold store?" in [one.question for one in found.candidates]


def test_nothing_is_made_of_nothing() -> None:
    assert meant("And?", BERTH) == []
    assert meant("???", BERTH) == []
    assert meant("Why?", Turn("?", "")) == []


def test_the_noun_phrases_of_a_question() -> None:
    found = {one.text for one in phrases("Who is the keeper of the cold store in Harrowmere?")}

    assert {"the keeper", "the cold store", "Harrowmere", "the keeper of the cold store"} <= found


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("And the east one?", True),
        ("How deep is the north berth?", True),
        ("Wie tief ist der Nordkai? Was kostet das Wasser?", False),
        ("Quelle est la profondeur du quai nord ?", False),
        ("北埠頭の水深は?", False),
        ("", False),
    ],
)
def test_the_rules_are_for_english(text: str, english: bool) -> None:
    assert is_english(text) == english
