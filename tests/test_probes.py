"""Probes: a choice is right where the right continuation is the likeliest."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.probes import Choice, answered, arc_easy, blimp, evenly, lambada
from ragcl.generation.language_model import LanguageModel


def sums(model: LanguageModel, texts: list[str], skip: int) -> list[float]:
    """The log-probability of each text without its first tokens, one text at a time."""
    found = []
    for text in texts:
        ids = [model.tokenizer.eos_token_id]
        if model.tokenizer.bos_token_id is not None:
            ids = [model.tokenizer.bos_token_id]
        ids += model.tokenizer(text, add_special_tokens=False)["input_ids"]
        logprobs = model.next_logprobs(ids, None)
        places = range(skip, len(ids) - 1)
        found.append(sum(float(logprobs[i, ids[i + 1]]) for i in places))
    return found


def test_the_likeliest_continuation_is_the_answer(model: LanguageModel) -> None:
    context = "the north berth"
    continuations = (" is deep", " deep", " is a berth of the harbour", " soup soup")
    skip = len(model.tokenizer(context, add_special_tokens=False)["input_ids"])
    scores = sums(model, [context + one for one in continuations], skip)
    best = scores.index(max(scores))

    choices = [Choice(context, continuations, right) for right in range(len(continuations))]

    assert answered(model, choices) == [right == best for right in range(4)]


def test_a_single_continuation_is_right_if_the_model_would_write_it(
    model: LanguageModel,
) -> None:
    ids = model.tokenizer("the pilot", add_special_tokens=False)["input_ids"]
    begin = model.tokenizer.bos_token_id
    begin = model.tokenizer.eos_token_id if begin is None else begin
    [(logprobs, likeliest)] = model.sequence_logprobs([[begin, *ids]], None)
    every = model.next_logprobs([begin, *ids], None)

    assert torch.allclose(logprobs, every[range(len(ids)), ids], atol=1e-4)
    assert likeliest.tolist() == (every[:-1].argmax(-1) == torch.tensor(ids)).tolist()
    assert answered(model, [Choice("", ("the pilot",))]) == [bool(likeliest.all())]


def test_texts_of_different_lengths_do_not_touch_each_other(model: LanguageModel) -> None:
    texts = [[1, 2, 3, 4, 5, 6, 7], [1, 2], [5, 4, 3]]

    together = model.sequence_logprobs(texts, None)

    for ids, (logprobs, likeliest) in zip(texts, together, strict=True):
        [(alone, _)] = model.sequence_logprobs([ids], None)
        assert len(logprobs) == len(likeliest) == len(ids) - 1
        assert torch.allclose(logprobs, alone, atol=1e-4)


@pytest.mark.parametrize(
    ("reader", "line", "expected"),
    [
        (
            arc_easy,
            {"query": "Question: Why?", "choices": ["so", "thus"], "gold": 1},
            Choice("Question: Why?\nAnswer:", (" so", " thus"), 1),
        ),
        (lambada, {"context": "I saw a", "continuation": " ship "}, Choice("I saw a", (" ship",))),
        (blimp, {"sentence_good": "A.", "sentence_bad": "B."}, Choice("", ("A.", "B."))),
    ],
)
def test_the_files_of_the_probes(tmp_path: Path, reader, line, expected) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "probe.jsonl").write_text(json.dumps(line) + "\n")

    assert reader(tmp_path / "probe.jsonl") == [expected]


def test_choices_are_taken_at_equal_distances() -> None:
    choices = [Choice(str(n), ("",)) for n in range(10)]

    assert [one.context for one in evenly(choices, 5)] == ["0", "2", "4", "6", "8"]
    assert evenly(choices, 50) == choices
