"""Answering: the route that was decided, the sources it rests on, and the log it leaves."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import logging
import math
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import on_both_pairs

from ragcl import KnowledgeBase
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.errors import CatalogError, UsageError
from ragcl.generation.answerers.draft import Draft
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Outlook, Reader, Reading
from ragcl.generation.recipe import ROUTING
from ragcl.generation.routing import Decision
from ragcl.generation.scoring import Prompt
from ragcl.models.trained_reader import Forms
from ragcl.results import MODES, Answer, ConsolidationReport

QUESTION = "How deep is the north berth?"
ELSEWHERE = "Zyx wvu tsr?"
EASY = {"margin": 0.0, "confidence": -99.0, "fit": -999.0}


@pytest.fixture
def full(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    """A knowledge base that holds the four documents."""
    kb.ingest(docs)
    return kb


def install(
    kb: KnowledgeBase,
    adapters: Path,
    name: str,
    question: str,
    answer: str | None = None,
    also: dict[str, str] | None = None,
    likelihood: float | None = -1.0,
    **limits: float,
) -> str:
    """Make an adapter active as if `question` had been learned and proved; its name.

    `answer` is what it was taught, by default what it says; `also` further questions and answers.
    """
    folder = kb.folder / "adapters" / name
    folder.parent.mkdir(exist_ok=True)
    if not folder.exists():
        os.symlink(adapters / "one", folder)
    round_id = kb.catalog.learning.start_round({}, time.time())
    taught = {question: answer or _said(kb, adapters, question), **(also or {})}
    about = {one: kb.search(one, k=1)[0].content_hash for one in taught}
    vectors = kb.catalog.documents.known_vectors(about.values())
    kb.catalog.learning.add_adapter(
        AdapterRecord(
            id=name,
            round_id=round_id,
            created_at=time.time(),
            thresholds={**EASY, **limits},
            chunks=tuple(LearnedChunk(key, vectors[key]) for key in dict.fromkeys(about.values())),
            questions=tuple(
                LearnedQuestion(about[one], one, told, vector, 0.0, True, likelihood)
                for (one, told), vector in zip(
                    taught.items(), kb._embedder.encode_questions(list(taught)), strict=True
                )
            ),
        )
    )
    kb.catalog.learning.promote(
        round_id, [name], ConsolidationReport(round_id, "promoted", ""), time.time()
    )
    return name


def _said(kb: KnowledgeBase, adapters: Path, question: str) -> str:
    """What the adapter answers closed-book."""
    model = kb._language_model
    model.attach("said", adapters / "one")
    prompt = Prompts(model.tokenizer).closed_book(question)
    tokens = kb.settings.answering.max_new_tokens
    [completion] = model.generate([prompt], adapter="said", max_new_tokens=tokens)
    model.detach("said")
    return completion.text


# --- from the index


def test_an_answer_is_a_piece_of_what_it_cites(full: KnowledgeBase) -> None:
    answer = full.ask(QUESTION)

    assert answer.route == "context"
    assert not answer.abstained
    assert answer.text in answer.citations[0].text
    assert answer.trace["support"][0] == answer.citations[0].content_hash
    assert answer.prompt_tokens > 0
    assert "berths.md" in {citation.source for citation in answer.citations}


def test_a_value_of_a_table_is_looked_up(full: KnowledgeBase) -> None:
    answer = full.ask("What is the tariff price of water?")

    assert (answer.text, answer.form) == ("14 crowns", "phrase")
    assert answer.citations[0].source == "tariff.csv"
    assert "water" in answer.quotes[0].text
    costs = full.catalog.asks.costs(after=0)  # figures that SQLite reads out of what was recorded
    assert costs["context"].answers == 1


def test_a_value_of_a_table_is_looked_up_once_whatever_the_weights(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "What is the tariff price of water?"
    name = install(full, random_adapters, "s0-a", question)
    monkeypatch.setattr(JudgingReader, "forms", Forms(unknown=((0.05, 9.0),), strange=-1.0))
    looks: list[Outlook] = []
    look = Reader.first_look

    def counted(self: Reader, *arguments: Any) -> Outlook:
        looks.append(look(self, *arguments))
        return looks[-1]

    monkeypatch.setattr(Reader, "first_look", counted)

    answer = full.ask(question, mode="both")

    assert (answer.text, answer.trace.adapter) == ("14 crowns", name)
    assert [one.looked_up for one in looks] == [True]


@pytest.mark.parametrize(
    ("question", "form", "text"),
    [
        ("Which hive gave the most honey in 2025?", "phrase", "Willow"),
        ("Which hive gave the second most honey in 2025?", "quotation", "honey kg 2025: 15"),
    ],
)
def test_the_most_of_a_column_is_looked_up_or_its_rows_are_quoted(
    kb: KnowledgeBase, docs: Path, question: str, form: str, text: str
) -> None:
    (docs / "honey.csv").write_text(
        "hive,honey kg 2024,honey kg 2025\nLinden,14,9.5\nWillow,8,15\nHeather,11,12\n"
    )
    kb.ingest(docs)

    answer = kb.ask(question)

    assert answer.form == form
    assert text in answer.text
    assert answer.citations[0].source == "honey.csv"


def test_a_question_about_nothing_known_is_abstained_from(full: KnowledgeBase) -> None:
    answer = full.ask(ELSEWHERE)

    assert (answer.route, answer.text, answer.abstained) == ("none", ABSTENTION, True)
    assert answer.citations == []
    assert answer.prompt_tokens == 0
    assert "nothing relevant" in answer.trace["reason"]


def test_nothing_is_answered_in_the_language_of_the_question(kb: KnowledgeBase) -> None:
    answer, stream = kb.ask("守塔人是谁？"), kb.ask("Wer ist der Wärter?", stream=True)

    assert (answer.route, answer.text, answer.abstained) == ("none", "我不知道。", True)
    assert "".join(stream) == stream.result.text == "Das weiß ich nicht."


def test_right_to_left_text_is_shown_as_it_was(kb: KnowledgeBase, docs: Path) -> None:
    text = "سعر الماء ٧٫١٥ كرونة لكل متر مكعب (الرصيف north-2)."
    (docs / "water.md").write_text(f"# الميناء\n\n{text}\n", encoding="utf-8")
    kb.ingest(docs)

    [hit] = [one for one in kb.search("سعر الماء", k=9) if one.source == "water.md"]

    assert (hit.heading, hit.text) == ("الميناء", text)


def test_an_empty_knowledge_base_abstains(kb: KnowledgeBase) -> None:
    assert kb.ask(QUESTION).route == "none"


@pytest.fixture
def writing(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[KnowledgeBase, list[str]]]:
    """A knowledge base whose model writes what stands in the list."""
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("[answering]", '[answering]\nreading = "write"'))
    texts: list[str] = []

    def generate(_self: Any, prompts: Sequence[Prompt], **_: Any) -> list[Completion]:
        return [Completion(texts[0], (1, 2), -0.1) for _ in prompts]

    def stream(_self: Any, _prompt: Prompt, **_: Any) -> Iterator[str | Completion]:
        yield from re.findall(r"\s*\S+", texts[0])
        yield Completion(texts[0], (1, 2), -0.1)

    monkeypatch.setattr(LanguageModel, "generate", generate)
    monkeypatch.setattr(LanguageModel, "stream", stream)
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        yield kb, texts


def test_what_is_written_is_cited_by_numbers_and_kept_only_where_passages_say_it(
    writing: tuple[KnowledgeBase, list[str]],
) -> None:
    kb, texts = writing
    texts.append("The north berth is 11 metres deep [1]. It was built by Ida Holm in 1931 [1].")

    answer = kb.ask(QUESTION)
    stream = kb.ask(QUESTION, stream=True)

    assert "".join(stream) == stream.result.text == answer.text
    assert answer.text == "The north berth is 11 metres deep [1]."
    assert (answer.route, answer.form, answer.answer_tokens) == ("context", "written", 2)
    assert answer.citations[0].text.startswith("The north berth")
    assert [one.text for one in answer.quotes] == ["The north berth is 11 metres deep."]


@pytest.mark.parametrize("written", ["Its crane lifts 80 tonnes [1].", "I don't know.", ""])
def test_sentences_are_quoted_if_nothing_that_was_written_stays(
    writing: tuple[KnowledgeBase, list[str]], written: str
) -> None:
    kb, texts = writing
    texts.append(written)

    answer = kb.ask(QUESTION)
    stream = kb.ask(QUESTION, stream=True)

    assert (answer.route, answer.form) == ("context", "quotation")
    assert "The north berth is 11 metres deep." in answer.text
    assert "".join(stream) == stream.result.text == answer.text


def test_nothing_is_written_where_the_reader_finds_no_answer(
    writing: tuple[KnowledgeBase, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kb, texts = writing
    texts.append("The north berth is 11 metres deep [1].")
    monkeypatch.setattr(JudgingReader, "forms", Forms(unknown=((0.05, -math.inf),)))

    answer = kb.ask(QUESTION)
    stream = kb.ask(QUESTION, stream=True)

    assert (answer.route, answer.form, answer.text) == ("none", "none", ABSTENTION)
    assert "".join(stream) == stream.result.text == ABSTENTION
    assert answer.citations == answer.quotes == []
    assert answer.nearest is not None
    assert answer.nearest.source == "berths.md"


def test_sentences_are_quoted_as_they_stand_in_the_source(kb_folder: Path, docs: Path) -> None:
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("[answering]", '[answering]\nreading = "quote"'))
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        answer = kb.ask(QUESTION)

    assert (answer.route, answer.form) == ("context", "quotation")
    assert "The north berth is 11 metres deep." in answer.text
    assert answer.text == "\n".join(one.text for one in answer.quotes)
    for quote in answer.quotes:
        lines = (docs / quote.source).read_text().splitlines()
        assert quote.lines is not None
        assert quote.text in "\n".join(lines[quote.lines[0] - 1 : quote.lines[1]])


def test_a_phrase_comes_with_the_sentence_that_it_was_read_in(full: KnowledgeBase) -> None:
    answer = full.ask(QUESTION)

    [quote] = answer.quotes
    assert answer.form == "phrase"
    assert answer.text in quote.text
    assert quote.content_hash == answer.citations[0].content_hash


def test_a_reader_that_finds_nothing_says_so_and_names_what_was_nearest(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = Forms(unknown=((0.05, -math.inf),))
    monkeypatch.setattr(JudgingReader, "forms", everything)

    answer = full.ask(QUESTION)

    assert (answer.route, answer.form, answer.abstained) == ("none", "none", True)
    assert answer.citations == []
    assert answer.nearest is not None
    assert answer.nearest.source == "berths.md"
    assert answer.trace["reason"] == "the passages found do not say it"


def test_unsure_of_a_phrase_it_gives_the_sentences(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase = full.ask(QUESTION)
    monkeypatch.setattr(JudgingReader, "forms", Forms(sure=1.01))

    answer = full.ask(QUESTION)

    assert (phrase.form, answer.form) == ("phrase", "quotation")
    assert answer.quotes[0].source == "berths.md"


def test_no_phrase_answers_what_asks_for_several_things(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)

    answer = full.ask("How deep is the north berth, and which ships does it take?")

    assert (answer.route, answer.form) == ("context", "quotation")
    assert answer.trace["reason"] == "it asks for more than one thing"
    assert "11 metres" in answer.text
    assert "tankers" in answer.text


def test_a_reader_that_is_sure_answers_though_nothing_relevant_seems_to_be_found(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = "Why do cats purr?"
    assert full.ask(strange).trace["reason"].startswith("nothing relevant")
    monkeypatch.setattr(JudgingReader, "forms", Forms(unknown=((0.05, 9.0),), strange=-1.0))

    for doubt, silent in ((-2.0, False), (0.0, True)):
        monkeypatch.setattr(Outlook, "not_knowing", lambda _, doubt=doubt: doubt)
        answer = full.ask(strange)

        assert answer.abstained == silent
        assert "nothing relevant" in answer.trace["reason"]
        assert not full.ask(QUESTION).abstained


def test_what_was_read_is_an_answer_whatever_it_says() -> None:
    read = Draft(Decision("context", None, ""), Completion("Unknown", (), 0.0), 0, ())

    assert not replace(read, form="quotation").silent
    assert read.silent  # written freely
    assert replace(read, form="quotation", completion=Completion(" ", (), 0.0)).silent
    assert replace(read, form="quotation", decision=Decision("none", None, "")).silent


# --- from the weights


def test_what_was_proved_is_answered_from_the_weights_and_names_its_source(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    name = install(full, random_adapters, "s0-x", QUESTION)

    answer = full.ask(QUESTION)

    assert (answer.route, answer.trace["adapter"]) == ("weights", name)
    assert [citation.source for citation in answer.citations] == ["berths.md"]
    assert answer.prompt_tokens < full.ask(QUESTION, mode="context").prompt_tokens
    assert answer.text == full.ask(QUESTION, mode="weights").text
    other = full.ask("Where do pilots board?")
    assert (other.route, other.trace["adapter"]) == ("context", None)


def test_an_answer_that_the_model_is_unsure_of_is_read_instead(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    reworded = f"Please: {QUESTION}"
    before = full.ask(reworded)
    install(full, random_adapters, "s0-x", QUESTION, confidence=0.0)

    answer = full.ask(reworded)

    assert (answer.route, answer.text) == ("context", before.text)
    assert answer.trace["tried"] == "weights"
    assert answer.trace["adapter"] is None
    assert "less sure" in answer.trace["reason"]


def test_an_answer_that_is_not_the_one_that_was_proved_is_read_instead(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest question that was proved may have been about something else."""
    monkeypatch.setattr("ragcl.generation.recall.ROUTING", replace(ROUTING, nearness=0.0))
    before, other = full.ask(QUESTION), "Which ships does the north berth take?"
    install(full, random_adapters, "s0-x", QUESTION, answer="11 metres", also={other: "tankers"})
    recalled = full.ask(QUESTION, mode="weights").text
    [unsaid] = {"11 metres", "tankers"} - {recalled}
    install(full, random_adapters, "s0-y", QUESTION, answer=unsaid, also={other: recalled})

    answer = full.ask(QUESTION)

    assert (answer.route, answer.text) == ("context", before.text)
    assert (answer.trace["tried"], answer.trace["adapter"]) == ("weights", None)
    assert "did not say" in answer.trace["reason"]
    forced = full.ask(QUESTION, mode="weights")
    assert (forced.route, forced.text) == ("weights", recalled)


def test_a_new_wording_is_answered_from_the_weights_if_the_passage_says_so(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reworded = f"Please: {QUESTION}"
    install(full, random_adapters, "s0-x", QUESTION, answer="11 metres", fit=0.5)
    monkeypatch.setattr("ragcl.generation.recall.ROUTING", replace(ROUTING, nearness=999.0))
    asked: list[tuple[Any, ...]] = []
    found: dict[str, tuple[float, int] | None] = {}

    def read(_: Any, question: str, passage: Any, *learned: str) -> tuple[float, int] | None:
        asked.append((question, passage.source, *learned))
        return found[question]

    monkeypatch.setattr(JudgingReader, "likelihood", read)
    for clear, route, why in (
        ((-0.4, 50), "weights", "says what they were proved to know"),
        ((-0.6, 50), "context", "less clearly (0.40) than the needed 0.50"),
        (None, "context", "did not say"),
    ):
        found[reworded] = clear
        answer = full.ask(reworded)

        assert (answer.route, answer.trace["tried"]) == (route, "weights")
        assert why in answer.trace["reason"]
    assert asked == [(reworded, "berths.md", QUESTION, "11 metres")] * 3

    found[reworded] = (-0.4, 50)
    from_weights = full.ask(reworded)
    assert (from_weights.trace["features"] or {})["fit"] == 0.6
    assert from_weights.prompt_tokens == 50 + full.ask(reworded, mode="weights").prompt_tokens
    assert full.ask(QUESTION).route == "weights"  # asked as it was learned, nothing else is read
    # Of an adapter that was verified before the likelihood was measured, the fit is not known.
    install(full, random_adapters, "s0-y", QUESTION, "11 metres", likelihood=None, fit=0.5)
    assert full.ask(reworded).route == "context"
    assert full.ask(QUESTION).route == "weights"
    assert len(asked) == 4


def test_a_new_wording_is_read_if_the_weights_know_it_of_another_passage_or_not_for_sure(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reworded, soup = f"Please: {QUESTION}", "What does soup cost?"
    monkeypatch.setattr("ragcl.generation.recall.ROUTING", replace(ROUTING, nearness=999.0))
    monkeypatch.setattr(JudgingReader, "likelihood", lambda *_: (99.0, 50))
    install(full, random_adapters, "s0-x", QUESTION, answer="11 metres", fit=0.5)
    assert full.ask(reworded).route == "weights"
    name = install(full, random_adapters, "s0-y", QUESTION, answer="11 metres", also={soup: "x"})
    _, [adapter] = full.catalog.learning.active()
    assert adapter.id == name
    elsewhere, here = adapter.questions[1].content_hash, adapter.questions[0].content_hash

    for about, proved in ((elsewhere, True), (here, False)):
        nearest = replace(adapter.questions[0], content_hash=about, proved=proved)
        other = replace(
            adapter.questions[1], content_hash=here, vector=np.float32(0.9) * nearest.vector
        )
        known = (about, [replace(adapter, questions=(nearest, other))])
        monkeypatch.setattr(full.catalog.learning, "active_key", lambda key=about: key)
        monkeypatch.setattr(full.catalog.learning, "active", lambda known=known: known)
        answer = full.ask(reworded, record=False)
        assert (answer.route, answer.trace["tried"]) == ("context", "weights")
        assert "did not say" in answer.trace["reason"]


def test_asked_alone_the_weights_favour_what_the_nearest_question_was_taught(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragcl.generation.recall.ROUTING", replace(ROUTING, nearness=99.0))
    other = "Which ships does the north berth take?"
    for number, (near, far) in enumerate([("11 metres", "tankers"), ("tankers", "11 metres")]):
        install(full, random_adapters, f"s0-{number}", QUESTION, answer=near, also={other: far})
        assert full.ask(QUESTION, mode="weights").text in (near, ABSTENTION)


def test_context_answers_are_the_base_models_with_or_without_an_adapter(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    questions = [QUESTION, "Where do pilots board?", "What does soup cost?"]
    before = full.ask_many(questions, mode="context")
    install(full, random_adapters, "s0-x", QUESTION)
    full.ask(QUESTION, mode="weights")

    after = full.ask_many(questions, mode="context")

    assert [one.text for one in after] == [one.text for one in before]
    assert [one.confidence for one in after] == pytest.approx([o.confidence for o in before])


def test_both_reads_with_the_adapter_on(full: KnowledgeBase, random_adapters: Path) -> None:
    plain = full.ask(QUESTION, mode="both")
    name = install(full, random_adapters, "s0-x", QUESTION)

    answer = full.ask(QUESTION, mode="both")

    assert (plain.route, plain.trace["adapter"]) == ("both", None)
    assert (answer.route, answer.trace["adapter"]) == ("both", name)
    assert answer.confidence != pytest.approx(plain.confidence)


def test_an_adapter_has_no_say_in_whether_anything_answers(
    full: KnowledgeBase, random_adapters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install(full, random_adapters, "s0-x", QUESTION)
    look, read = JudgingReader.look, Reader.read
    read_with: list[str | None] = []

    def answers(self: JudgingReader, *given: Any) -> Outlook:
        return replace(look(self, *given), unknown=-99.0 if knows else 99.0)

    def reads(self: Reader, *given: Any) -> Reading | None:
        read_with.append(given[3])
        return read(self, *given)

    monkeypatch.setattr(JudgingReader, "look", answers)
    monkeypatch.setattr(Reader, "read", reads)
    monkeypatch.setattr(JudgingReader, "forms", Forms(unknown=((0.05, 0.0),), strange=-1.0))

    knows = False
    assert full.ask(QUESTION, mode="both").abstained
    assert read_with == []

    knows = True
    answer = full.ask(QUESTION, mode="both")
    assert (answer.route, answer.trace["adapter"]) == ("both", name)
    assert read_with == [name]


def test_a_change_of_the_active_set_is_seen_at_the_next_question(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    with KnowledgeBase.open(full.folder) as other:
        assert other.ask(QUESTION).route == "context"
        install(full, random_adapters, "s0-x", QUESTION)
        assert other.ask(QUESTION).trace["adapter"] == "s0-x"
        install(full, random_adapters, "s0-y", QUESTION)
        assert other.ask(QUESTION).trace["adapter"] == "s0-y"
        full.rollback()
        assert other.ask(QUESTION).trace["adapter"] == "s0-x"
        full.rollback()
        assert other.ask(QUESTION).route == "context"


def test_an_edit_takes_effect_at_the_next_question(
    full: KnowledgeBase, docs: Path, random_adapters: Path
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    assert full.ask(QUESTION).route == "weights"
    path = docs / "berths.md"
    path.write_text(path.read_text().replace("11 metres", "12 metres"))
    full.ingest(docs)

    auto, weights = full.ask(QUESTION), full.ask(QUESTION, mode="weights")

    assert auto.route == "context"
    assert any("12 metres" in citation.text for citation in auto.citations)
    assert (weights.route, weights.text) == ("none", ABSTENTION)


@on_both_pairs
@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_no_route_answers_what_a_text_no_longer_says(
    full: KnowledgeBase, docs: Path, random_adapters: Path, change: str
) -> None:
    wordings = (QUESTION, "What depth has the north berth?")
    install(full, random_adapters, "s0-x", QUESTION, "11 metres", {wordings[1]: "11 metres"})
    for question in wordings:
        for mode in MODES:
            assert "11 metres" in told(full.ask(question, mode=mode)), mode
        assert full.ask(question).route == "weights"
    path = docs / "berths.md"
    if change == "edited":
        path.write_text(path.read_text().replace("11 metres", "12 metres"))
    else:
        path.unlink()
    full.ingest(docs)

    for question in wordings:
        for mode in MODES:
            answer = full.ask(question, mode=mode)
            assert answer.route != "weights"
            assert "11 metres" not in told(answer), mode


@on_both_pairs
def test_a_text_in_two_files_is_answered_until_it_is_edited_in_both(
    full: KnowledgeBase, docs: Path, random_adapters: Path
) -> None:
    path, twin = docs / "berths.md", docs / "quay.md"
    shutil.copy(path, twin)
    full.ingest(docs)
    install(full, random_adapters, "s0-x", QUESTION, "11 metres")
    edited = path.read_text().replace("11 metres", "12 metres")

    path.write_text(edited)
    full.ingest(docs)
    for mode in MODES:
        cited = full.ask(QUESTION, mode=mode).citations
        [kept] = [one for one in cited if "11 metres" in one.text]
        assert (kept.source, kept.elsewhere) == ("quay.md", ())
    assert full.ask(QUESTION, mode="weights").text == "11 metres"

    twin.write_text(edited)
    full.ingest(docs)
    for mode in MODES:
        assert "11 metres" not in told(full.ask(QUESTION, mode=mode)), mode


def told(answer: Answer) -> str:
    """All that whoever asks is shown."""
    shown = [*answer.citations, *answer.quotes]
    return "\n".join([answer.text, *(one.text for one in shown)])


def test_the_weights_answer_only_from_the_documents_that_were_chosen(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    soup = {"What does soup cost?": "3 crowns"}
    install(full, random_adapters, "s0-x", QUESTION, answer="11 metres", also=soup)

    within = full.ask(QUESTION, mode="weights", source="berths.md")
    learned_otherwise = full.ask(QUESTION, mode="weights", source="canteen.md")
    not_learned = full.ask(QUESTION, mode="weights", source="pilots.txt")

    assert (within.route, within.text) == ("weights", "11 metres")
    assert (learned_otherwise.route, learned_otherwise.text) == ("weights", "3 crowns")
    assert [one.source for one in learned_otherwise.citations] == ["canteen.md"]
    assert (not_learned.route, not_learned.abstained) == ("none", True)
    assert "no adapter holds anything of the documents chosen" in not_learned.trace["reason"]


def test_the_weights_say_only_what_was_taught_of_the_passages_found_and_cite_that_one(
    kb_folder: Path, docs: Path, random_adapters: Path
) -> None:
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("[answering]", "[answering]\npassages = 1"))
    learned = {"What does soup cost?": "3 crowns", "Where do pilots board?": "the beacon"}
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        install(kb, random_adapters, "s0-x", QUESTION, answer="11 metres", also=learned)

        for question, answer in {QUESTION: "11 metres", **learned}.items():
            found = kb.ask(question, mode="weights")
            assert (found.route, found.text) == ("weights", answer)
            hashes = [one.content_hash for one in found.citations]
            assert hashes == [kb.search(question, k=1)[0].content_hash]


def test_a_filter_keeps_the_router_from_what_was_learned_elsewhere(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)

    assert full.ask(QUESTION, source="berths.md").route == "weights"
    elsewhere = full.ask(QUESTION, source="canteen.md")
    assert elsewhere.route in ("context", "none")
    assert {hit["source"] for hit in elsewhere.trace["hits"]} == {"canteen.md"}
    assert elsewhere.trace["chosen"]["source"] == "canteen.md"


@pytest.mark.parametrize("harm", ["missing", "cut short", "unfinished", "of another base model"])
def test_an_adapter_that_cannot_be_used_is_passed_over(
    full: KnowledgeBase, random_adapters: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    before = full.ask(QUESTION)
    folder = full.folder / "adapters" / "s0-x"
    shutil.copytree(random_adapters / "one", folder)
    install(full, random_adapters, "s0-x", QUESTION)
    weights = folder / "adapter_model.safetensors"
    if harm == "missing":
        shutil.rmtree(folder)
    elif harm == "cut short":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif harm == "unfinished":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text('{"base_revision": "another"}')

    answer = full.ask(QUESTION)
    weights_only = full.ask(QUESTION, mode="weights")

    assert (answer.route, answer.text) == ("context", before.text)
    assert answer.confidence == pytest.approx(before.confidence)
    assert weights_only.trace["adapter"] is None
    # After a change of the language model it is as it should be.
    warned = "The index answers in the place of s0-x" in caplog.text
    assert warned is (harm != "of another base model")


def test_a_promotion_does_not_pull_the_adapter_from_under_a_running_stream(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    expected = full.ask(QUESTION, mode="weights").text
    stream = full.ask(QUESTION, mode="weights", stream=True)
    pieces = [next(iter(stream))]

    install(full, random_adapters, "s0-y", QUESTION)
    full.ask(QUESTION)  # attaches the new one
    pieces += list(stream)

    assert "".join(pieces) == stream.result.text == expected


def test_what_was_forgotten_and_is_ingested_again_has_to_be_proved_again(
    full: KnowledgeBase, docs: Path, random_adapters: Path
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    assert full.ask(QUESTION).route == "weights"

    full.forget("berths.md")
    full.ingest(docs)

    assert full.ask(QUESTION).route == "context"


def test_an_evaluation_names_the_set_that_answered(
    full: KnowledgeBase, random_adapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(f'{{"question": "{QUESTION}", "answers": ["11 metres"]}}')
    ask_many = KnowledgeBase.ask_many

    def late(self: KnowledgeBase, *questions: Any, **how: Any) -> list[Answer]:
        install(full, random_adapters, "s0-x", QUESTION)
        return ask_many(self, *questions, **how)

    monkeypatch.setattr(KnowledgeBase, "ask_many", late)
    full.evaluate(file)

    assert [one.adapter_set for one in full.evaluations()] == [1]


def test_an_adapter_serves_the_answers_that_it_was_taken_for(
    full: KnowledgeBase, random_adapters: Path
) -> None:
    """It is detached with the last of them, and its files may go at once."""
    install(full, random_adapters, "s0-x", QUESTION, answer="11 metres")
    active, model = full._answerer.active, full._language_model
    with active.taken() as first, active.taken() as second:
        install(full, random_adapters, "s0-y", QUESTION)
        os.unlink(full.folder / "adapters" / "s0-x")
        assert (first.adapters, second.current) == (second.adapters, first.current)
        with active.taken() as third:
            assert [one.id for one in third.adapters.adapters] == ["s0-y"]
            assert model.attached == {"s0-x", "s0-y"}
        assert model.attached == {"s0-x", "s0-y"}
    assert model.attached == {"s0-y"}


def test_an_adapter_that_was_superseded_while_it_was_read_is_no_trouble(
    full: KnowledgeBase,
    random_adapters: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    attach = LanguageModel.attach

    def late(self: LanguageModel, adapter: str, folder: Path) -> None:
        if adapter == "s0-x":
            install(full, random_adapters, "s0-y", QUESTION, answer="11 metres")
            os.unlink(folder)
        attach(self, adapter, folder)

    monkeypatch.setattr(LanguageModel, "attach", late)

    assert full.ask(QUESTION, mode="weights").trace["adapter"] == "s0-y"
    assert "in the place of" not in caplog.text


# --- many and streamed


@pytest.mark.parametrize("mode", MODES)
def test_many_questions_are_answered_as_one_by_one(
    full: KnowledgeBase, random_adapters: Path, mode: Any
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    questions = [QUESTION, ELSEWHERE, "Where do pilots board?", "What does soup cost?", QUESTION]

    together = full.ask_many(questions, mode=mode)

    for question, answer in zip(questions, together, strict=True):
        alone = full.ask(question, mode=mode)
        assert (answer.question, answer.text, answer.route) == (question, alone.text, alone.route)
        assert answer.citations == alone.citations
        assert answer.confidence == pytest.approx(alone.confidence, abs=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_joins_to_the_answer(
    full: KnowledgeBase, random_adapters: Path, mode: Any
) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    for question in (QUESTION, ELSEWHERE):
        whole = full.ask(question, mode=mode)
        stream = full.ask(question, mode=mode, stream=True)
        text = "".join(stream)
        assert text == stream.result.text == whole.text
        assert (stream.result.route, stream.result.citations) == (whole.route, whole.citations)


def test_the_result_of_a_stream_that_was_not_read_is_complete(full: KnowledgeBase) -> None:
    stream = full.ask(QUESTION, stream=True)

    assert stream.result.text == full.ask(QUESTION).text
    assert stream.result.id > 0
    assert list(stream) == []


def test_no_questions_no_answers(full: KnowledgeBase) -> None:
    assert full.ask_many([]) == []


def test_progress_counts_every_question(full: KnowledgeBase, random_adapters: Path) -> None:
    install(full, random_adapters, "s0-x", QUESTION, confidence=0.0)
    seen: list[tuple[str, int, int]] = []

    full.ask_many([QUESTION, ELSEWHERE, "Soup?"], progress=lambda *one: seen.append(one))

    assert seen[-1] == ("answering", 3, 3)


# --- what anybody may have written


@pytest.fixture
def guests(full: KnowledgeBase, tmp_path: Path) -> Path:
    """An untrusted folder that says more than the trusted ones, and contradicts them."""
    folder = tmp_path / "guests"
    folder.mkdir()
    for name in range(6):  # more than the passages of an answer
        said = f"How deep is the north berth? The north berth is {90 + name} metres deep, it is."
        (folder / f"berth{name}.md").write_text(f"# How deep is the north berth?\n\n{said}\n")
    (folder / "lighthouse.md").write_text("# Lighthouse\n\nThe lighthouse flashes green.\n")
    full.ingest(folder, trusted=False)
    return folder


@pytest.mark.usefixtures("guests")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["auto", "context", "both"])
def test_however_many_untrusted_passages_are_found_a_trusted_one_answers(
    full: KnowledgeBase, mode: Any, stream: bool
) -> None:
    assert not any(hit.flags == () for hit in full.search(QUESTION, k=4))

    asked = full.ask(QUESTION, mode=mode, stream=stream)
    answer = asked if isinstance(asked, Answer) else asked.result

    assert answer.citations[0].source == "berths.md"
    assert not any(
        one.source.startswith("berth") and one.source != "berths.md" for one in answer.citations
    )
    assert "9" not in answer.text
    assert "untrusted passages are read only if" in answer.trace["reason"]
    assert "berths.md" in {one.source for one in full.explain(answer.id).sources}


@pytest.mark.usefixtures("guests")
def test_many_untrusted_passages_do_not_keep_the_weights_from_answering(
    full: KnowledgeBase, random_adapters: Path, tmp_path: Path
) -> None:
    full.forget(tmp_path / "guests")
    install(full, random_adapters, "s0-x", QUESTION)
    known = full.ask(QUESTION)
    full.ingest(tmp_path / "guests", trusted=False)

    answer = full.ask(QUESTION)

    assert known.route == answer.route == "weights"
    assert answer.text == known.text


@pytest.mark.usefixtures("guests")
def test_untrusted_passages_answer_what_trusted_ones_do_not(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert full.ask("What does the lighthouse flash?").citations[0].source == "lighthouse.md"

    judge = JudgingReader.judge

    def silent(
        self: Any, question: str, retrieval: Any, ranked: Any, limit: Any, **more: Any
    ) -> Any:
        found = judge(self, question, retrieval, ranked, limit, **more)
        known = all(hit.trusted for hit in retrieval.hits) or "soup" in question
        return replace(found, form="none") if known else found

    monkeypatch.setattr(JudgingReader, "judge", silent)
    seen: list[int] = []

    answers = full.ask_many(
        [QUESTION, "What does soup cost?"], progress=lambda *one: seen.append(one[1])
    )

    assert [one.abstained for one in answers] == [False, True]
    assert answers[0].citations[0].source.startswith("berth")
    assert "9" in answers[0].quotes[0].text
    assert seen[-1] == 2
    assert full.ask(QUESTION, stream=True).result.text == answers[0].text


# --- the log


@pytest.mark.parametrize("options", [{}, {"source": "*.md", "where": {}}])
def test_an_answer_is_logged_with_what_it_retrieved(
    full: KnowledgeBase, options: dict[str, Any]
) -> None:
    answer = full.ask(QUESTION, **options)

    logged = full.catalog.asks.get(answer.id)

    assert logged is not None
    assert (logged.question, logged.answer, logged.route) == (QUESTION, answer.text, "context")
    assert [hit.content_hash for hit in logged.hits] == [
        hit["content_hash"] for hit in answer.trace["hits"]
    ]
    assert logged.trace == answer.trace


def test_what_was_read_under_a_filter_is_not_studied(full: KnowledgeBase) -> None:
    keys = [hit.content_hash for hit in full.search(QUESTION, k=100)]
    teacher = full._answerer.reader.teacher(full._embedder)
    full.ask(QUESTION, source="berths.md")
    assert full.catalog.learning.study(keys, teacher) == {}

    full.ask(QUESTION)

    assert list(full.catalog.learning.study(keys, teacher)) == [QUESTION]


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_that_is_not_recorded_leaves_no_trace(full: KnowledgeBase, stream: bool) -> None:
    before = snapshot(full)

    answer = full.ask(QUESTION, record=False, stream=stream)  # type: ignore[call-overload]
    result: Answer = answer.result if stream else answer
    full.ask_many([QUESTION, ELSEWHERE], record=False)

    assert result.id == 0
    assert snapshot(full) == before


def test_an_answer_survives_that_it_cannot_be_logged(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Sequence[object]) -> list[int]:
        raise CatalogError("the disk is full")

    monkeypatch.setattr(full.catalog.asks, "record", fails)

    with caplog.at_level(logging.WARNING):
        answer = full.ask(QUESTION)

    assert answer.text
    assert answer.id == 0
    assert "could not be logged: the disk is full" in caplog.text


def snapshot(kb: KnowledgeBase) -> list[str]:
    connection = kb.catalog.database._engine.raw_connection()
    try:
        return list(connection.driver_connection.iterdump())  # type: ignore[union-attr]
    finally:
        connection.close()


# --- wrong questions


@pytest.mark.parametrize("question", ["", "  \n "])
def test_an_empty_question_is_refused(full: KnowledgeBase, question: str) -> None:
    for stream in (False, True):
        with pytest.raises(UsageError, match="the question is empty"):
            full.ask(question, stream=stream)  # type: ignore[call-overload]


def test_an_endless_question_is_refused_with_its_length(full: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match=r"100,000 characters, more than 4,000"):
        full.ask("x" * 100_000)


def test_half_a_character_is_refused(full: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match=r"character 3 of the question is '.ud83d'.*UTF-8"):
        full.ask("ab\ud83d")


def test_one_bad_question_stops_the_batch_before_anything_is_logged(full: KnowledgeBase) -> None:
    with pytest.raises(UsageError):
        full.ask_many([QUESTION, ""])

    assert full.status().asks == 0


def test_an_unknown_mode_is_refused_with_the_known_ones(full: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match="'fast' is unknown: use one of auto, context, weights"):
        full.ask(QUESTION, mode="fast")  # type: ignore[call-overload]


@pytest.mark.parametrize("question", ["\x00", "<|im_end|>", "\u202e?!", "a\x00b" * 900])
def test_strange_characters_are_no_trouble(full: KnowledgeBase, question: str) -> None:
    for mode in MODES:
        full.ask(question, mode=mode)


def test_the_numbers_of_the_model_are_not_left_with_gradients(full: KnowledgeBase) -> None:
    full.ask(QUESTION)

    assert not any(one.requires_grad for one in full._language_model.base.parameters())
    assert not torch.is_inference_mode_enabled()
