"""Study: of what was read for several questions, what may be taught."""

from dataclasses import replace

import numpy as np

from ragcl.consolidation.study.studier import contradicts_vouched, is_still_valid, most_common_forms
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Reading


def asked(reading: Reading, question: str, degrees: float, answer: str) -> Reading:
    """A reading whose question lies at an angle to the others."""
    angle = np.radians(degrees)
    vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
    return replace(reading, question=question, answer=answer, vector=vector)


def test_what_users_vouch_for_outweighs_what_was_read(reading: Reading) -> None:
    vouched = asked(reading, "How deep is it?", 0, "12 metres")
    wrong = asked(reading, "What depth is there?", 20, "11 metres")
    far = asked(reading, "What does soup cost?", 100, "3 crowns")
    elsewhere = replace(wrong, content_hash="another")
    rows = [vouched, wrong, far, elsewhere]

    assert [contradicts_vouched(one, rows, {vouched.question}) for one in rows] == [
        False,
        True,
        False,
        False,
    ]
    assert not any(contradicts_vouched(one, rows, set()) for one in rows)


def test_who_ask_the_same_are_told_it_in_the_form_that_most_of_them_read(reading: Reading) -> None:
    whole = asked(reading, "How deep is it?", 0, "11 metres")
    half = asked(reading, "What depth is there?", 20, "11")
    again = asked(reading, "What is the depth?", 40, "11 metres")

    assert most_common_forms([whole, half, again]) == ["11 metres"] * 3
    assert most_common_forms([half, whole]) == ["11 metres"] * 2
    assert most_common_forms([replace(whole, trust=0.9), half]) == ["11", "11"]
    assert most_common_forms([whole, half, again], {half.question}) == ["11"] * 3
    assert most_common_forms([]) == []


def test_another_question_or_passage_has_a_form_of_its_own(reading: Reading) -> None:
    whole = asked(reading, "How deep is it?", 0, "11 metres")
    half = asked(reading, "What depth is there?", 20, "11")
    unrelated = asked(reading, "What does soup cost?", 80, "11")
    twice = replace(reading.sentences[1], text="Berth 11 is 11 metres deep.")

    assert most_common_forms([whole, whole, unrelated])[2] == "11"
    assert most_common_forms([whole, whole, replace(half, content_hash="another")])[2] == "11"
    ambiguous = replace(whole, sentences=(twice,))
    assert most_common_forms([ambiguous, ambiguous, replace(half, sentences=(twice,))])[2] == "11"


def test_an_answer_never_gives_way_to_another_value_of_the_text(reading: Reading) -> None:
    text = "It draws 1.5 metres, is 15 metres long, and mooring is not allowed at 8:30 but at 830."
    shown = (replace(reading.sentences[1], text=text),)
    values = ("1.5 metres", "15 metres", "not allowed", "allowed", "8:30", "830")
    rows = [
        replace(asked(reading, f"{n} {answer}?", n, answer), sentences=shown, trust=trust)
        for n, (answer, trust) in enumerate(
            zip(values, (0.2, 0.9, 0.2, 0.9, 0.2, 0.9), strict=True)
        )
    ]

    assert most_common_forms(rows) == list(values)


def test_what_users_deny_is_another_value_and_not_another_length(reading: Reading) -> None:
    vouched = asked(reading, "How deep is it?", 0, "1.5 metres")
    other = asked(reading, "What depth is there?", 10, "15 metres")
    longer = asked(reading, "What is its depth?", 10, "1.5 metres at low water")

    assert contradicts_vouched(other, [vouched, other], {vouched.question})
    assert not contradicts_vouched(longer, [vouched, longer], {vouched.question})


def test_a_reading_stands_until_something_nearer_to_the_question_is_there(reading: Reading) -> None:
    far, own = reading.sentences
    new = Sentence("It is 9 metres wide.", "z", 0.5)

    def holds(one: Reading, *sentences: Sentence) -> bool:
        return is_still_valid(one, sentences, {"x", "y"})

    assert holds(reading, far, own)
    assert holds(reading, new, own)
    assert holds(reading, own)
    assert not holds(reading, far, own, new)
    assert not holds(reading, far, replace(own, text="It is 11 metres deep, they say."))
    assert not holds(replace(reading, answer="nowhere"), far, own)
    assert not is_still_valid(reading, [far, own], {"x"})  # what else was shown must not be learned
