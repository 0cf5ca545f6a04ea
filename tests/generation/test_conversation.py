"""Conversation: a follow-up stands alone before it is looked up, and answers are no evidence."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragcl import KnowledgeBase
from ragcl.errors import UsageError
from ragcl.generation import conversation
from ragcl.generation.antecedents import Turn
from ragcl.generation.conversation import Conversation, checked, is_faithful
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.recipe import CONVERSATION
from ragcl.generation.scoring import Prompt
from ragcl.settings import AnsweringSettings

HERE = Path(__file__).parent / "conversations"
HANDBOOK = Path(__file__).parents[2] / "data" / "handbook" / "2026-07-15"
NORTH = ("How deep is the north berth?", "11 metres")
ASKED, ALONE = "And the south one?", "How deep is the south berth?"


@pytest.fixture
def full(kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch) -> KnowledgeBase:
    """A knowledge base with documents, whose language model likes all questions alike.

    By itself the tiny one is noise.
    """
    monkeypatch.setattr(
        Conversation, "_likelihoods", lambda _self, questions, _turns: np.zeros(len(questions))
    )
    kb.ingest(docs)
    return kb


# --- kb.ask


def test_a_follow_up_is_answered_and_logged_as_the_question_it_became(full: KnowledgeBase) -> None:
    answer = full.ask(ASKED, history=[NORTH])

    assert answer.question == ALONE
    assert answer.trace["asked"] == ASKED
    assert answer.citations[0].heading.endswith("South berth")
    logged = full.catalog.asks.get(answer.id)
    assert logged is not None
    assert (logged.question, logged.trace["asked"]) == (ALONE, ASKED)
    assert full.explain(answer.id).question == ALONE
    plain = full.ask(ALONE)
    assert (plain.text, plain.citations) == (answer.text, answer.citations)
    assert "asked" not in plain.trace


def test_a_stream_stands_alone_too(full: KnowledgeBase) -> None:
    stream = full.ask(ASKED, history=[NORTH], stream=True)

    assert "".join(stream) == stream.result.text
    assert (stream.result.question, stream.result.trace["asked"]) == (ALONE, ASKED)


def test_what_is_learned_is_the_question_it_became(full: KnowledgeBase) -> None:
    full.ask(ASKED, history=[NORTH])

    full.consolidate()

    studied = {
        question.question
        for adapter in full.catalog.learning.active()[1]
        for question in adapter.questions
    }
    assert ALONE in studied
    assert ASKED not in studied


def test_an_earlier_answer_is_never_evidence(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    scoring = LanguageModel._scoring

    def watched(self: LanguageModel, forks: Sequence[Any], adapter: str | None) -> Any:
        seen.extend(self.tokenizer.decode(fork.prompt.ids) for fork in forks)
        return scoring(self, forks, adapter)

    monkeypatch.setattr(LanguageModel, "_scoring", watched)
    claim = "The south berth is 99 metres deep"
    answer = full.ask(ASKED, history=[(NORTH[0], claim)])

    assert answer.question == ALONE
    assert seen
    assert all("99" not in prompt for prompt in seen)
    assert "99" not in answer.text


def test_earlier_turns_may_lean_on_those_before_them(full: KnowledgeBase) -> None:
    answer = full.ask("How long is it?", history=[NORTH, (ASKED, "7 metres")])

    assert answer.question == "How long is the south berth?"


def test_an_answer_that_was_none_is_not_spoken_of(full: KnowledgeBase) -> None:
    history = [("Who moors at the north berth?", "I don't know.")]

    assert full.ask("How deep is it?", history=history).question == NORTH[0]


def test_a_change_of_subject_is_left_to_the_letter(full: KnowledgeBase) -> None:
    for question in (
        "When does the canteen open?",
        "Where do pilots board?",
        "what does soup cost",
    ):
        assert full.ask(question, history=[NORTH]).question == question


def test_what_stands_alone_costs_nothing() -> None:
    nothing: Any = None
    idle = Conversation(nothing, nothing, AnsweringSettings())
    question = "Which town has a market that is held on Saturdays, and since when?"

    assert idle.stand_alone(question, [NORTH]) == question
    assert idle.stand_alone("And it?", []) == "And it?"


def test_only_the_documents_chosen_are_looked_at(full: KnowledgeBase) -> None:
    answer = full.ask(ASKED, history=[NORTH], source="berths.md")

    assert answer.question == ALONE
    assert {hit["source"] for hit in answer.trace["hits"]} == {"berths.md"}
    nothing = full.ask(ASKED, history=[NORTH], source="no-such-file")
    assert nothing.abstained


def test_a_question_does_not_grow_beyond_the_limit(kb_folder: Path, docs: Path) -> None:
    text = (
        (kb_folder / "ragcl.toml")
        .read_text()
        .replace("max_new_tokens = 8", "max_new_tokens = 8\nmax_question_chars = 40")
    )
    (kb_folder / "ragcl.toml").write_text(text)
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        long = "How is it, in a word or two, at night?"
        assert kb.ask(long, history=[NORTH]).question == long
        with pytest.raises(UsageError, match="more than 40"):
            kb.ask("Why?", history=[("How deep is it, in metres and centimetres?", "11")])


# --- the history


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (["How deep?"], "turn 1"),
        ([NORTH, ("How deep?",)], "turn 2"),
        ([("How deep?", None)], "turn 1"),
        ([("a", "b", "c")], "turn 1"),
        ([7], "turn 1"),
        ("How deep?", "a text"),
        ([("", "11 metres")], "empty"),
    ],
)
def test_a_history_that_is_none_is_refused(kb: KnowledgeBase, history: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kb.ask("Why?", history=history)
    with pytest.raises(UsageError, match=message):
        kb.ask("Why?", history=history, stream=True)


def test_only_the_last_turns_are_looked_at() -> None:
    history = [(f"How deep is berth {n}?", f"{n}") for n in range(9)]

    assert checked(history) == history[-CONVERSATION.turns :]
    assert checked([["How deep?", "11"]]) == [("How deep?", "11")]  # type: ignore[list-item]


# --- a model that writes


@pytest.mark.parametrize(
    ("written", "faithful"),
    [
        ("How deep is the south berth?", True),
        ("How deep was the south berth?", True),
        ("How deep is the south berth in winter?", False),
        ("How deep is the north berth?", False),
        ("How deep is it?\nThe south berth is 7 metres deep.", False),
        ("I don't know.", False),
        ("", False),
    ],
)
def test_what_is_written_holds_only_what_was_said(written: str, faithful: bool) -> None:
    said = f"{NORTH[0]} {NORTH[1]} {ASKED}"

    assert is_faithful(written, said, ASKED) == faithful


@pytest.mark.parametrize(
    ("written", "became"),
    [
        ("What depth has the south berth?", ALONE),  # of a word that nobody said: the rules
        ("How deep is the south one of the berths?", "How deep is the south one of the berths?"),
    ],
)
def test_a_model_that_writes_is_asked_and_not_trusted(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, written: str, became: str
) -> None:
    def generate(_self: Any, prompts: Sequence[Prompt], **_: Any) -> list[Completion]:
        return [Completion(written, (), 0.0) for _ in prompts]

    monkeypatch.setattr(LanguageModel, "generate", generate)
    settings = AnsweringSettings(reading="write")
    talk = Conversation(full._retriever, full._language_model, settings)

    assert talk.stand_alone(ASKED, [NORTH]) == became


# --- other languages


def test_other_languages_fall_back_on_the_words_of_the_last_question() -> None:
    found = conversation._any_language("Warum?", Turn("Wie tief ist der Nordkai?", "11 Meter"))

    assert [one.question for one in found.candidates] == ["Warum?", "tief Nordkai Warum?"]
    assert found.open
    whole = "Wann öffnet die Kantine am Sonntag?"
    same = conversation._any_language(whole, Turn("Wie tief ist der Nordkai?", "11 Meter"))
    assert [one.question for one in same.candidates] == [whole]
    short = conversation._any_language("東は?", Turn("北埠頭の水深は?", "11メートル"))
    assert [one.question for one in short.candidates] == ["東は?", "北 埠頭 水深 東は?"]


@pytest.mark.parametrize(
    ("asked", "last", "candidate"),
    [
        ("ทิศใต้ล่ะ", "ท่าเรือเหนือลึกเท่าไร", "ท่าเรือ เหนือ ลึก ทิศใต้ล่ะ"),
        ("और पूर्वी?", "उत्तरी घाट कितना गहरा है?", "उत्तरी घाट गहरा और पूर्वी?"),
        ("동쪽은?", "북쪽 부두의 깊이는?", "북쪽 부두의 깊이는 동쪽은?"),
        ("Et le quai sud ?", "Où est le mât du quai ?", "mât Et le quai sud ?"),
    ],
)
def test_the_words_of_the_last_question_are_whole_and_have_a_meaning(
    asked: str, last: str, candidate: str
) -> None:
    found = conversation._any_language(asked, Turn(last, ""))

    assert [one.question for one in found.candidates] == [asked, candidate]


def test_a_question_in_another_language_than_the_last_is_left_as_it_is(
    full: KnowledgeBase,
) -> None:
    history = [("What length of boat does the slipway take?", "7.5 metres")]
    talk = Conversation(full._retriever, full._language_model, AnsweringSettings())

    for asked in ("Wie viel kostet der Segelkurs?", "Combien coûte le cours ?"):
        assert talk.stand_alone(asked, history) == asked


# --- the default models


FOLLOW_UPS = [
    json.loads(line)
    for line in (HERE / "follow_ups.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """Three sets of documents in one knowledge base on the default models."""
    with KnowledgeBase.open(tmp_path_factory.mktemp("kb")) as kb:
        for folder in (HANDBOOK, HERE / "lantern", HERE / "brandmark"):
            kb.ingest(folder)
        yield kb


@pytest.mark.model
def test_follow_ups_find_what_their_stand_alone_forms_find(real: KnowledgeBase) -> None:
    found = []
    for one in FOLLOW_UPS:
        history = [(question, answer) for question, answer in one["history"]]
        follow_up = real.ask(one["asked"], history=history, record=False)
        alone = real.search(one["alone"], k=1)[0].content_hash
        found.append(follow_up.trace["hits"][0]["content_hash"] == alone)
        if one["asked"] == one["alone"]:
            assert follow_up.question == one["asked"]

    assert np.mean(found) >= 0.9
    plain = [
        real.search(one["asked"], k=1)[0].content_hash
        == real.search(one["alone"], k=1)[0].content_hash
        for one in FOLLOW_UPS
    ]
    assert np.mean(plain) < 0.4  # they are no questions that would be found anyway
