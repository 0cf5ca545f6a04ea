"""Reading: the nearest sentences, and from them a span that is really there and says something."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragcl import KnowledgeBase
from ragcl.catalog.passage import Passage
from ragcl.catalog.stored_reading import StoredReading
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Narrower, Sentence, word_shares
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reader, Reading
from ragcl.generation.recipe import READING
from ragcl.generation.scoring import Prompt
from ragcl.generation.spans import Span, SpanReader, Weighed
from ragcl.models.trained_reader import Forms
from ragcl.text.scripts import starts, within
from ragcl.text.words import content_words

QUESTION = "How deep is the north berth?"


def test_content_words_are_those_that_carry_meaning() -> None:
    assert content_words("How deep is the NORTH berth?") == ["deep", "north", "berth"]
    assert content_words("What is it?") == []


def read(model: LanguageModel, question: str, *sentences: str) -> list[Span]:
    shown = [Sentence(text, "hash", 0.1 * n) for n, text in enumerate(sentences)]
    prompt = Prompts(model.tokenizer).with_context(question, sentences, 200)
    return SpanReader(model).spans(prompt, question, shown)


SENTENCES = (
    "The south berth, \u201cLong Tom\u201d, is 7 metres deep.",
    "Soup costs 3 crowns; bread is free.",
    "The north berth is 11 metres deep.",
)


def test_a_span_is_a_piece_of_its_sentence_in_whole_words(model: LanguageModel) -> None:
    spans = read(model, QUESTION, *SENTENCES)

    assert spans
    for span in spans:
        sentence = SENTENCES[span.sentence]
        assert span.text in sentence
        start = sentence.index(span.text)
        assert not re.match(r"\w\w", sentence[max(0, start - 1) : start + 1]) or start == 0
        end = start + len(span.text)
        assert not sentence[end : end + 1].isalnum()


def test_a_span_has_the_sign_of_its_number(model: LanguageModel) -> None:
    texts = {span.text for span in read(model, QUESTION, "At low water it is -2 metres, or $5.")}

    assert {text for text in texts if text[0] in "-2$5"} <= {
        "-2", "-2 metres", "-2 metres, or", "-2 metres, or $5", "$5"
    }  # fmt: skip
    assert any(text.startswith("-2") for text in texts)


def test_a_phone_number_is_read_whole_however_many_tokens_it_takes(model: LanguageModel) -> None:
    number = "+44 20 7946 0321"
    assert len(model.tokenizer(number)["input_ids"]) > READING.span_tokens

    texts = {span.text for span in read(model, QUESTION, f"Call {number} at night.")}

    assert {text for text in texts if any(map(str.isdigit, text))} <= {
        number, f"{number} at", f"{number} at night", f"Call {number}",
        f"Call {number} at", f"Call {number} at night",
    }  # fmt: skip
    assert number in texts


CHINESE = "白鹭礁灯塔由韩岭舟看守，塔身高四十三米。"


def test_a_span_of_a_text_without_spaces_is_made_of_its_words(model: LanguageModel) -> None:
    spans = {span.text for span in read(model, "谁看守灯塔？", CHINESE)}

    assert len(spans) > 3
    for text in spans:
        places = [start for start in starts(CHINESE) if CHINESE.startswith(text, start)]
        assert places
        assert not all(within(CHINESE, start + len(text)) for start in places)
        assert text.strip("，。") == text
        assert not text.endswith(("四", "十", "三"))


def test_a_span_ends_with_no_piece_of_a_character(model: LanguageModel) -> None:
    for span in read(model, "谁看守灯塔？", CHINESE):
        written = model.tokenizer.decode(span.ids)
        assert "\ufffd" not in written
        text = span.text if span.spelt else span.text.replace("四十三", "43")
        assert written.strip().startswith(text)


def test_a_number_in_words_is_found_where_the_model_writes_digits(
    kb: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is said and learned as the text has it."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.md").write_text("塔身高四十三米，没有电梯。", encoding="utf-8")
    kb.ingest(tmp_path / "new")
    asked = "塔有多高？"
    [retrieval] = kb._retriever.retrieve([asked], 4)
    model = kb._language_model
    reader = Reader(model, kb._narrower, 400)
    sentences = reader.fitting(reader.rank([asked], [retrieval])[0])
    every = SpanReader(model).spans(reader.prompt(asked, sentences), asked, sentences)
    digits = next(one for one in every if not one.spelt and one.text == "四十三米")
    assert model.tokenizer.decode(digits.ids).strip() == "43米"
    weighed = Weighed([digits, *(one for one in every if one is not digits)], -9.0, -9.0)
    monkeypatch.setattr(SpanReader, "weigh", lambda *_: weighed)

    reading = reader.read(asked, retrieval, sentences)

    assert reading is not None
    assert reading.answer == model.tokenizer.decode(reading.ids).strip() == "四十三米"


def test_a_span_says_more_than_the_question_did(model: LanguageModel) -> None:
    asked = set(content_words(QUESTION))

    spans = read(model, QUESTION, *SENTENCES)

    assert all(set(content_words(span.text)) - asked for span in spans)
    assert read(model, QUESTION, "The north berth is deep.") == []


def test_the_best_span_comes_first_and_none_twice(model: LanguageModel) -> None:
    spans = read(model, QUESTION, *SENTENCES)

    scores = [span.score for span in spans]
    assert scores == sorted(scores, reverse=True)
    assert len({span.text for span in spans}) == len(spans)


def test_the_logprob_of_a_span_is_that_of_writing_it_and_stopping(model: LanguageModel) -> None:
    prompt = Prompts(model.tokenizer).with_context(QUESTION, SENTENCES, 200)

    for span in read(model, QUESTION, *SENTENCES)[:5]:
        ids = (*prompt.ids, *span.ids, model.tokenizer.eos_token_id)
        logprobs = model.next_logprobs(ids, None)
        places = range(len(prompt.ids) - 1, len(ids) - 1)
        expected = float(logprobs[places, ids[len(prompt.ids) :]].sum())
        assert span.logprob == pytest.approx(expected, abs=1e-3)


def test_a_nearer_sentence_makes_its_spans_better(model: LanguageModel) -> None:
    prompt = Prompts(model.tokenizer).with_context(QUESTION, SENTENCES, 200)

    def best(scores: tuple[float, ...]) -> int:
        shown = [
            Sentence(text, "hash", score) for text, score in zip(SENTENCES, scores, strict=True)
        ]
        return SpanReader(model).spans(prompt, QUESTION, shown)[0].sentence

    assert best((5.0, 0.0, 0.0)) == 0
    assert best((0.0, 0.0, 5.0)) == 2


def test_nothing_to_read_nothing_found(model: LanguageModel) -> None:
    assert read(model, QUESTION) == []
    assert read(model, QUESTION, "\u2014 \u2026 !?") == []


def test_a_reading_is_the_best_span_with_soft_labels_for_its_tokens_and_the_stop(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)
    reader = Reader(kb._language_model, kb._narrower, 200)
    sentences = reader.fitting(reader.rank([QUESTION], [retrieval])[0])

    reading = reader.read(QUESTION, retrieval, sentences)

    assert reading is not None
    best = SpanReader(kb._language_model).spans(
        reader.prompt(QUESTION, sentences), QUESTION, sentences
    )[0]
    assert (reading.answer, reading.ids) == (best.text, best.ids)
    assert reading.content_hash == sentences[best.sentence].content_hash
    assert reading.found == tuple(hit.content_hash for hit in retrieval.hits)
    assert reading.margin == pytest.approx(retrieval.hits[0].fused - retrieval.hits[1].fused)
    assert 0 < reading.trust <= 1
    assert reading.logprob == pytest.approx(best.logprob / (len(best.ids) + 1))
    assert reading.top_ids.shape == reading.top_logprobs.shape == (len(best.ids) + 1, 20)


@pytest.mark.parametrize(
    ("question", "gain", "sentences"),
    [
        (QUESTION, 1.0, True),  # the threshold, which was set on English questions
        (QUESTION, -1.0, False),
        ("灯塔有多高？", 1.0, False),
        ("如何清洗灯塔？", -1.0, True),
        ("说出灯塔的高度。", 1.0, True),  # no question word tells
        ("说出灯塔的高度。", -1.0, False),
    ],
)
def test_in_another_language_the_question_word_tells_the_form(
    kb: KnowledgeBase, docs: Path, question: str, gain: float, sentences: bool
) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)
    reader = Reader(kb._language_model, kb._narrower, 200)
    ranked = reader.fitting(reader.rank([QUESTION], [retrieval])[0])
    outlook = reader.first_look(question, retrieval, ranked)

    outlook = replace(outlook, phrase=0.0, quote=gain)

    assert outlook.asks_for_sentences(Forms(quote=0.0)) == sentences


def test_a_trained_reader_looks_again_at_the_sentence_of_its_phrase_alone(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)
    monkeypatch.setattr(JudgingReader, "forms", Forms())
    reader = JudgingReader(kb._language_model, kb._narrower, 400)
    sentences = reader.fitting(reader.rank([QUESTION], [retrieval])[0])
    once = reader.look(QUESTION, retrieval, sentences)
    monkeypatch.setattr(JudgingReader, "forms", Forms(strange=0.0))
    reader = JudgingReader(kb._language_model, kb._narrower, 400)

    outlook = reader.look(QUESTION, retrieval, sentences)

    assert outlook.reading is not None
    [own] = [one for one in sentences if outlook.reading.holds(one)][-1:]
    alone = reader.prompt(QUESTION, [own])
    beside = replace(outlook, alone=None)
    read = outlook.reading
    expected = SpanReader(kb._language_model).not_knowing(alone, read.answer, read.ids)
    assert outlook.alone == expected
    assert outlook.not_knowing() == pytest.approx((beside.not_knowing() + outlook.alone) / 2)
    assert outlook.prompt_tokens == beside_tokens(reader, sentences) + len(alone.ids)
    assert once.alone is None


def test_the_likelihood_of_an_answer_is_read_in_the_sentence_that_it_was_learned_from(
    model: LanguageModel,
) -> None:
    reader = Reader(model, None, 100)
    text = "The fair opens on Monday. The north berth is closed on Monday. Soup costs 3 crowns."
    passage = Passage(text, 0.0, "a.md", (1, 1), "Harbour", "x")
    asked, other = "When is the north berth closed?", "On what day is no ship let in?"
    shown = Sentence("The north berth is closed on Monday.", "x", 0.0, "Harbour", 1)
    prompt = reader.prompt(other, [shown])

    found = reader.likelihood(other, passage, asked, "Monday")

    assert found == (SpanReader(model).span(prompt, "Monday", 0).logprob, len(prompt.ids))
    assert reader.likelihood(other, passage, asked, "Tuesday") is None


def test_the_likelihood_of_a_value_is_read_in_its_row_below_the_header(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(model, None, 100)
    rows = ["| berth | depth |", "|---|---|", "| north | 11 m |", "| south | 7 m |"]
    passage = Passage("\n".join(rows), 0.0, "a.md", (1, 4), "Berths", "x")
    shown: list[str] = []

    def prompt(_: Any, question: str, sentences: Sequence[Sentence]) -> Prompt:
        shown.extend(one.text for one in sentences)
        return Prompts.of(model).closed_book(question)

    monkeypatch.setattr(Reader, "prompt", prompt)

    asked = "What is the depth of the south berth?"

    assert reader.likelihood("And?", passage, asked, "7 m") is not None
    assert "berth" in shown[0]
    assert "south" in shown[-1]
    assert not any("north" in one for one in shown)


def beside_tokens(reader: Reader, sentences: list[Sentence]) -> int:
    """The length of the prompt with all sentences."""
    return len(reader.prompt(QUESTION, sentences).ids)


def test_a_reading_survives_being_stored(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)
    reader = Reader(kb._language_model, kb._narrower, 200)
    sentences = reader.fitting(reader.rank([QUESTION], [retrieval])[0])
    reading = reader.read(QUESTION, retrieval, sentences)
    assert reading is not None

    row = json.loads(json.dumps(reading.stored().to_json()))
    stored = Reading.of(StoredReading.from_json(row))

    assert (stored.question, stored.answer, stored.ids) == (QUESTION, reading.answer, reading.ids)
    assert [one.text for one in stored.sentences] == [one.text for one in sentences]
    assert stored.top_ids.tolist() == reading.top_ids.tolist()
    np.testing.assert_allclose(stored.top_logprobs, reading.top_logprobs, atol=1e-3)
    np.testing.assert_allclose(stored.vector, reading.vector, atol=1e-5)


@pytest.mark.parametrize("read", ["11 metres.", "11 metres deep", "11"])
def test_an_answer_is_put_in_its_form_without_what_was_read_behind_it(
    model: LanguageModel, reading: Reading, read: str
) -> None:
    prompts = Prompts(model.tokenizer)
    reader = Reader(model, Narrower(), 200)
    was = replace(reading, answer=read.rstrip("."), ids=prompts.answer_ids(read)[:-1])

    put = reader.put(was, "11 metres")

    assert (put.answer, put.ids) == ("11 metres", prompts.answer_ids("11 metres")[:-1])
    assert len(put.top_ids) == len(put.ids) + 1
    assert reader.put(put, "11 metres") is put
    assert reader.put(was, "nine metres") is was


def test_what_is_known_of_one_answer_is_not_known_of_another(
    model: LanguageModel, reading: Reading
) -> None:
    reader = Reader(model, Narrower(), 200)
    was = replace(reading, found_again=True)

    assert reader.put(was, "11 metres").found_again is True
    assert reader.put(was, "It").found_again is None


def test_the_sentences_nearest_to_the_question_are_read_the_nearest_last(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)

    [all_of_them] = kb._narrower.rank([QUESTION], [retrieval])
    reader = Reader(kb._language_model, kb._narrower, 200)
    nearest = reader.fitting(reader.rank([QUESTION], [retrieval])[0])

    assert nearest == all_of_them[-len(nearest) :]
    assert nearest[-1].text == "The north berth is 11 metres deep."
    scores = [sentence.score for sentence in all_of_them]
    assert scores == sorted(scores)
    texts = {hit.content_hash: hit.text for hit in retrieval.hits}
    assert all(sentence.text in texts[sentence.content_hash] for sentence in all_of_them)


def test_a_sentence_has_one_vector_however_it_is_read(kb: KnowledgeBase, docs: Path) -> None:
    """What was computed for one question serves the next."""
    kb.ingest(docs)
    questions = [QUESTION, "Where do pilots board?"]
    retrievals = kb._retriever.retrieve(questions, 4)

    first = kb._narrower.rank(questions, retrievals)
    again = [
        kb._narrower.rank([question], [retrieval])[0]
        for question, retrieval in zip(questions, retrievals, strict=True)
    ]

    for one, other in zip(first, again, strict=True):
        assert [sentence.text for sentence in one] == [sentence.text for sentence in other]
        np.testing.assert_allclose(
            [sentence.score for sentence in one], [sentence.score for sentence in other], atol=1e-5
        )


def test_a_sentence_is_worth_the_rare_words_of_the_question_that_it_holds() -> None:
    sentences = ["The tug Bodkin breaks ice.", "This tug is red.", "That tug is new.", "Soup."]
    headings = ["", "", "", "Breaks in the ice"]

    whole, *common, above = word_shares("Which tug breaks ice?", sentences, headings)

    assert whole == pytest.approx(1.0)
    assert 0 < common[0] == common[1] < above < whole  # a heading is worth half of the text


def test_a_question_without_words_favours_no_sentence() -> None:
    assert word_shares("?!", ["One.", "Two."], ["", ""]) == [0.0, 0.0]
    assert word_shares("How deep?", [], []) == []


def test_of_two_sentences_that_mean_the_same_the_one_with_the_words_is_read(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    [retrieval] = kb._retriever.retrieve([QUESTION], 4)
    [sentences] = kb._narrower.rank([QUESTION], [retrieval])
    [without] = kb._narrower.rank(["?"], [retrieval])

    plain = {sentence.text: sentence.score for sentence in without}
    for sentence in sentences:
        gained = sentence.score - plain[sentence.text]
        assert -1e-6 <= gained <= READING.every_word + 1e-6
    assert sentences[-1].score - plain[sentences[-1].text] > READING.every_word / 2
