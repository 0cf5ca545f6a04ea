"""Every architecture: scoring, writing and adapters are what the plain model says.

Each model is tiny and random. Where it has sliding windows they are shorter than the prompts, or
longer than all of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig, MambaConfig

from ragcl.errors import SettingsError
from ragcl.generation import language_model, scoring
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import CUE, Prompts, answer_tokens
from ragcl.generation.scoring import Fork, Prompt
from ragcl.generation.spans import SpanReader
from tests.architectures import (
    ARCHITECTURES,
    CONTEXT,
    SLIDING,
    TOKENIZERS,
    byte_level,
    make,
    opened,
)
from tests.conftest import CHAT_TEMPLATE, make_adapter

HEAD = "Read: "
TEXTS = ("The berth is 11 m.", "Soup", "Pilots board there, at the red buoy.")
CANDIDATES = ((40, 50, 60), (70,), (80, 81, 82, 83), (40, 51))
LONG_WINDOW = 200

CASES = [*ARCHITECTURES, *(f"{name}, long windows" for name in SLIDING)]


@pytest.fixture(params=CASES, scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name, _, long = request.param.partition(",")
    windows = {"sliding_window": LONG_WINDOW} if long else {}
    return opened(make(tmp_path_factory.mktemp(name), name, byte_level(), **windows))


@pytest.fixture(scope="module")
def plain(model: LanguageModel) -> Any:
    """The same model, without any code of ours."""
    return AutoModelForCausalLM.from_pretrained(model.files.path, dtype=torch.float32).eval()


def prompts(model: LanguageModel, shared: int) -> list[Prompt]:
    return [Prompt(tuple(model.tokenizer(HEAD + text)["input_ids"]), shared) for text in TEXTS]


@torch.inference_mode()
def logprobs(plain: Any, ids: tuple[int, ...]) -> torch.Tensor:
    return torch.log_softmax(plain(torch.tensor([ids])).logits[0], -1)


@pytest.mark.parametrize("shared", [0, 3, len(HEAD)])
def test_a_batch_is_written_as_transformers_writes_each(
    model: LanguageModel, plain: Any, shared: int
) -> None:
    asked = prompts(model, shared)

    found = model.generate(asked, max_new_tokens=14)

    for prompt, mine in zip(asked, found, strict=True):
        theirs = plain.generate(
            torch.tensor([prompt.ids]), max_new_tokens=14, do_sample=False, pad_token_id=0
        )[0].tolist()
        assert [*prompt.ids, *mine.token_ids] == theirs[: len(prompt.ids) + len(mine.token_ids)]
        everything = logprobs(plain, tuple(theirs))
        places = range(len(prompt.ids) - 1, len(prompt.ids) + len(mine.token_ids) - 1)
        expected = float(everything[places, list(mine.token_ids)].mean())
        assert mine.logprob == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("keep", [1, 9])
@pytest.mark.parametrize("shared", [0, len(HEAD)])
def test_packed_scores_are_those_of_every_text_alone(
    model: LanguageModel, plain: Any, shared: int, keep: int
) -> None:
    forks = [Fork(prompt, CANDIDATES) for prompt in prompts(model, shared)]

    found = list(model.continuations(forks, keep=keep))

    for fork, scored in zip(forks, found, strict=True):
        assert len(scored) == min(keep, len(CANDIDATES))
        for one in scored:
            ids = CANDIDATES[one.candidate]
            expected = logprobs(plain, fork.prompt.ids + ids)[len(fork.prompt.ids) - 1 :]
            torch.testing.assert_close(one.logprobs, expected, atol=1e-3, rtol=0)
    if keep == 9:
        for best, scored in zip(model.likeliest(forks, keep=9), found, strict=True):
            assert best.stopped[-1] == pytest.approx(max(o.stopped[-1] for o in scored), abs=1e-3)


def test_texts_of_several_lengths_are_as_likely_as_alone(model: LanguageModel, plain: Any) -> None:
    rows = [prompt.ids for prompt in prompts(model, 0)]

    for ids, (values, likeliest) in zip(rows, model.sequence_logprobs(rows, None), strict=True):
        expected = logprobs(plain, ids)[:-1]
        taken = expected.gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
        torch.testing.assert_close(values, taken, atol=1e-3, rtol=0)
        assert likeliest.tolist() == (expected.argmax(-1) == torch.tensor(ids[1:])).tolist()


def test_adapters_come_and_go_at_every_scale(model: LanguageModel, tmp_path: Path) -> None:
    make_adapter(model.files.path, tmp_path, 3, targets="all-linear")
    [prompt, *_] = prompts(model, len(HEAD))
    before = model.next_logprobs(prompt.ids, None)

    model.attach("one", tmp_path)
    changed = model.next_logprobs(prompt.ids, "one")
    [[scored]] = model.continuations([Fork(prompt, CANDIDATES[:1])], adapter="one", keep=1)
    model.set_scale("one", 0.0)
    none = model.next_logprobs(prompt.ids, "one")
    model.detach("one")

    assert (changed - before).abs().max() > 0.1
    torch.testing.assert_close(scored.logprobs[0], changed[-1], atol=1e-3, rtol=0)
    torch.testing.assert_close(none, before)
    torch.testing.assert_close(model.next_logprobs(prompt.ids, None), before)


@pytest.mark.parametrize("config", [BloomConfig(n_layer=2), MambaConfig(num_hidden_layers=2)])
def test_a_model_that_mixes_texts_of_one_row_is_refused(tmp_path: Path, config: Any) -> None:
    tokenizer = byte_level()
    config.hidden_size, config.vocab_size = 32, len(tokenizer)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    with pytest.raises(SettingsError, match=rf"{config.model_type} has layers .* Name a model"):
        _ = opened(tmp_path).base


# --- a large vocabulary


def test_logits_are_bounded_with_any_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many prompts and candidates go through the model in parts."""
    model = opened(make(tmp_path, "llama", byte_level(), vocab_size=250_000))
    asked = prompts(model, 0) * 20
    forks = [Fork(prompt, CANDIDATES) for prompt in asked]
    sizes: list[int] = []
    model.base.get_output_embeddings().register_forward_hook(
        lambda _head, _inputs, logits: sizes.append(logits.numel())
    )

    list(model.continuations(forks, keep=9))
    model.generate([*asked] * 4, max_new_tokens=2)
    model.sequence_logprobs([prompt.ids for prompt in asked], None)

    assert max(sizes) <= scoring.LOGITS
    assert scoring.logit_rows(model.base) == 201
    monkeypatch.setattr(model.base.config, "vocab_size", 49_152)
    assert scoring.logit_rows(model.base) == 1024
    assert language_model.BATCH_TOKENS > 1024


# --- tokenizers and templates

NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + CHAT_TEMPLATE
)
OWN_END = (  # as Gemma's: the end of a turn is not the tokenizer's end token
    "{{ bos_token }}{% for message in messages %}<turn>{{ message['role'] }}\n"
    "{{ message['content'] }}<turn_end>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
QUESTION = "How deep is the 水 berth?"
PASSAGES = ("It is é 11 m. 🚢", "Soup costs 3.")


@pytest.mark.parametrize("made", TOKENIZERS.values(), ids=TOKENIZERS)
@pytest.mark.parametrize("template", [None, CHAT_TEMPLATE, NO_SYSTEM])
def test_every_tokenizer_and_template_spells_question_passages_and_answer(
    made: Callable[[], Any], template: str | None
) -> None:
    tokenizer = made()
    assert tokenizer.pad_token is None
    tokenizer.chat_template = template

    for prompt in (
        (own := Prompts(tokenizer)).with_context(QUESTION, PASSAGES, 200),
        own.for_writing(QUESTION, PASSAGES, 200),
    ):
        text = tokenizer.decode(prompt.ids)
        assert all(words in text for words in (QUESTION, *PASSAGES))
        assert prompt.ids[-1] != tokenizer.eos_token_id
        assert template is not None or prompt.ids.count(tokenizer.bos_token_id) == (
            tokenizer.bos_token is not None
        )
    closed = own.closed_book(QUESTION)
    assert tokenizer.decode(closed.ids).endswith(CUE)
    assert tokenizer.decode([*closed.ids, *own.answer_ids("é 11 m.")[:-1]]).endswith(
        f"{CUE} é 11 m."
    )
    if template == NO_SYSTEM:
        assert "from memory" in tokenizer.decode(closed.ids)


@pytest.mark.parametrize("made", TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_character_of_several_tokens_ends_with_the_last_of_them(made: Callable[[], Any]) -> None:
    [found] = answer_tokens(made(), ["m水é"])

    assert found.ends == (0, 1, 1, 1, 2, 2, 3)


@pytest.mark.parametrize("made", TOKENIZERS.values(), ids=TOKENIZERS)
def test_the_tokens_of_every_span_spell_it(made: Callable[[], Any], tmp_path: Path) -> None:
    """None ends within a character, nor has a part of the next one."""
    tokenizer = made()
    reader = SpanReader(opened(make(tmp_path, "llama", tokenizer)))

    found = reader._candidates(["It is 7 \u6c34\u6df1, \u00e9t\u00e9."])

    spelt = [(one, length, end) for one in found for length, end in one.ends]
    assert {one.text[:end] for one, _, end in spelt} >= {"It is 7", "\u6c34\u6df1", "\u00e9t\u00e9"}
    for one, length, end in spelt:
        assert tokenizer.decode(one.ids[:length]).strip() == one.text[:end].strip()
    for one in found:
        starts = [tokenizer.decode(one.ids[: one.start - less]).strip() for less in (0, 1)]
        assert [start[:1] == one.text[0] for start in starts] == [True, False]


def test_no_prompt_ends_with_the_tokenizers_end_token() -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = byte_level(bos_token="<|begin|>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|begin|> $A <|end|>", special_tokens=[("<|end|>", 0), ("<|begin|>", 1)]
    )

    ids = Prompts(tokenizer).closed_book(QUESTION).ids

    assert ids.count(1) == 1
    assert ids[0] == 1
    assert 0 not in ids


def test_an_answer_ends_as_the_template_ends_a_turn(tmp_path: Path) -> None:
    tokenizer = byte_level(bos_token="<|begin|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>", "<turn_end>"]})
    tokenizer.chat_template = OWN_END
    model = opened(make(tmp_path, "llama", tokenizer))

    end = Prompts.of(model).end

    assert tokenizer.decode([end]) == "<turn_end>"
    assert model.stop_ids == {end, tokenizer.eos_token_id}


def test_without_a_template_an_answer_ends_with_its_paragraph(tmp_path: Path) -> None:
    model = opened(make(tmp_path, "llama", byte_level()))

    end = Prompts.of(model).end

    assert model.tokenizer.decode([end]) == "\n"
    assert model.stop_ids == {end, model.tokenizer.eos_token_id}


def test_a_tokenizer_without_any_end_is_refused() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template, tokenizer.eos_token = CHAT_TEMPLATE, None  # nor has this a <|im_end|>

    with pytest.raises(SettingsError, match="no end token"):
        Prompts(tokenizer).answer_ids("x")


# --- a short context


@pytest.mark.parametrize("architecture", ["gpt2", "gemma3_text"])
def test_a_prompt_is_cut_to_the_context_and_keeps_its_question(
    tmp_path: Path, architecture: str
) -> None:
    model = opened(make(tmp_path, architecture, byte_level()))
    own = Prompts.of(model)
    long = "word " * 400

    for prompt in (
        own.with_context(QUESTION, [long, long], 900),
        own.for_writing(QUESTION, [long], 900),
        own.closed_book(long + QUESTION),
        own.instructed(long, QUESTION),
    ):
        assert len(prompt.ids) == CONTEXT * 3 // 4  # there is room for an answer
        assert QUESTION in model.tokenizer.decode(prompt.ids)
        [answer] = model.generate([prompt], max_new_tokens=CONTEXT)
        assert len(prompt.ids) + len(answer.token_ids) <= CONTEXT


def test_passages_give_way_before_instructions_do() -> None:
    own = Prompts(byte_level(), context=2048)

    text = own.tokenizer.decode(own.with_context(QUESTION, ["word " * 200] * 4, 4000).ids)

    assert text.startswith("Answer the question from the passages.")
    assert text.count("] word word") == 1
    assert len(text) > 1400
