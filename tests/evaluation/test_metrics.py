"""How an answer is compared with what is accepted: SQuAD's rules, and whole words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcl.errors import UsageError
from ragcl.evaluation.metrics import (
    Question,
    contains,
    exact_match,
    normalise,
    read_questions,
    score,
    token_f1,
)
from ragcl.results import Answer, Route, Trace

WORDS = st.lists(st.sampled_from(["a", "11", "metres", "the", "Deep,", "berth."])).map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The North Berth.", "north berth"),
        ("  an  \u201cold\u201d\tberth ", "old berth"),
        ("it\u2019s", "its"),
        ("theatre", "theatre"),
        ("", ""),
    ],
)
def test_normalising(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(WORDS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_an_answer_contains_an_accepted_string_as_whole_words() -> None:
    assert contains("It is 11 metres deep.", ["12 metres", "11 metres"])
    assert not contains("It is 111 metres deep.", ["11 metres"])
    assert not contains("11", ["11 metres"])
    assert not contains("It is 1.5 metres deep.", ["15 metres", "5 metres"])
    assert contains("It is 11 metres deep.", ["11"])
    assert not contains("anything", [])
    assert not contains("anything", ["the", ""])  # nothing is left of these


def test_exact_match() -> None:
    assert exact_match("The 11 metres!", ["12", "11 metres"]) == 1.0
    assert exact_match("about 11 metres", ["11 metres"]) == 0.0
    assert exact_match("", []) == 0.0


def test_token_f1_of_a_script_without_spaces_is_over_characters() -> None:
    assert token_f1("港务公司", ["港务"]) == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert exact_match("《港务》。", ["港务"]) == 1.0


def test_token_f1_is_the_best_over_the_accepted_strings() -> None:
    assert token_f1("11 metres", ["11 metres deep"]) == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))
    assert token_f1("11 11", ["11"]) == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert token_f1("11", ["nothing", "11"]) == 1.0
    assert token_f1("11", []) == token_f1("", ["11"]) == 0.0


@given(WORDS, WORDS)
def test_f1_is_symmetric_and_between_nought_and_one(one: str, other: str) -> None:
    assert token_f1(one, [other]) == pytest.approx(token_f1(other, [one]))
    assert exact_match(one, [other]) <= 1
    assert 0 <= token_f1(one, [other]) <= 1


# --- question files


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_question_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '{"question": "How deep?", "answers": ["11 m"], "source": "a.md"}\n\n'
        '{"question": "Wo?", "answers": []}\n',
    )

    assert read_questions(path) == [
        Question("How deep?", ("11 m",)),
        Question("Wo?", ()),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"question": "a", "answers": []}\n{oops', r":2 is not JSON"),
        ('{"answers": []}', r":1 has no 'question'"),
        ('["question"]', r":1 has no 'question'"),
        ('{"question": "a", "answers": "11 m"}', r":1 has no 'answers', a list"),
        ("\n\n", r"holds no question"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_questions(write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path / "binary")


# --- scores


def answer(text: str, route: Route = "context", tokens: int = 100) -> Answer:
    return Answer(
        id=0,
        question="?",
        text=text,
        route=route,
        mode="auto",
        citations=[],
        abstained=route == "none",
        prompt_tokens=tokens,
        answer_tokens=2,
        confidence=-0.1,
        seconds=0.5,
        trace=Trace(),
    )


def test_the_scores_are_means_over_the_questions() -> None:
    asked = [Question("?", (text,)) for text in ("11 metres", "11 metres", "12")]
    answers = [answer("11 metres"), answer("about 11 metres", "weights", 40), answer("11")]

    report = score("auto", asked, answers, 3.0)

    assert report.questions == 3
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.exact_match == pytest.approx(1 / 3)
    assert report.f1 == pytest.approx((1 + 0.8 + 0) / 3)
    assert report.routes == {"context": 2, "weights": 1}
    assert report.mean_prompt_tokens == pytest.approx(80)
    assert [one.correct for one in report.details] == [True, True, False]


def test_where_nothing_is_accepted_abstaining_is_right() -> None:
    asked = [Question("?", ()), Question("?", ()), Question("?", ("11",))]

    report = score(
        "auto", asked, [answer("I don't know.", "none"), answer("5"), answer("?", "none")], 1
    )

    assert [one.correct for one in report.details] == [True, False, False]
    assert report.abstained == pytest.approx(2 / 3)
    assert report.exact_match == report.f1 == report.accuracy == pytest.approx(1 / 3)
