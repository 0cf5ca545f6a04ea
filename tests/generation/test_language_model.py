"""The language model: one answer however it is computed, and adapters that leave no trace."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ragcl.errors import ModelNotFoundError, SettingsError
from ragcl.generation import language_model
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.scoring import Fork, Prompt
from tests.conftest import make_adapter

TEXTS = (
    "The north berth is 11 metres deep.",
    "Soup",
    "Pilots board at the red buoy. A pilot is compulsory for ships over 90 metres.",
    "Wo? Über den Fluss \U0001f6a2!",
)


def prompts(model: LanguageModel, *texts: str, shared: int = 0) -> list[Prompt]:
    return [Prompt(tuple(model.tokenizer(text)["input_ids"]), shared) for text in texts]


def direct_logprobs(folder: Path, ids: tuple[int, ...]) -> torch.Tensor:
    """What transformers alone says, without any code of ours."""
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        return torch.log_softmax(reference(torch.tensor([ids])).logits[0], -1)


def test_greedy_decoding_is_that_of_transformers(model: LanguageModel) -> None:
    [prompt] = prompts(model, TEXTS[0])
    [mine] = model.generate([prompt], max_new_tokens=12)

    reference = AutoModelForCausalLM.from_pretrained(model.files.path, dtype=torch.float32)
    theirs = reference.generate(
        torch.tensor([prompt.ids]), max_new_tokens=12, do_sample=False, pad_token_id=2
    )[0, len(prompt.ids) :].tolist()

    assert list(mine.token_ids) == theirs
    everything = direct_logprobs(model.files.path, (*prompt.ids, *theirs))
    places = range(len(prompt.ids) - 1, len(prompt.ids) + len(theirs) - 1)
    assert mine.logprob == pytest.approx(float(everything[places, theirs].mean()), abs=1e-4)


def test_a_batch_says_what_each_prompt_says_alone(model: LanguageModel) -> None:
    batch = prompts(model, *TEXTS)

    together = model.generate(batch, max_new_tokens=10)

    for prompt, completion in zip(batch, together, strict=True):
        [alone] = model.generate([prompt], max_new_tokens=10)
        assert alone.token_ids == completion.token_ids
        assert alone.logprob == pytest.approx(completion.logprob, abs=1e-4)


def test_many_batches_keep_the_order_and_count_every_prompt(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = prompts(model, *TEXTS, *reversed(TEXTS))
    expected = [one.token_ids for one in model.generate(batch, max_new_tokens=4)]
    monkeypatch.setattr(language_model, "BATCH_TOKENS", 60)
    done: list[int] = []

    found = model.generate(batch, max_new_tokens=4, progress=done.append)

    assert [one.token_ids for one in found] == expected
    assert sum(done) == len(batch)
    assert len(done) > 1


def test_no_prompts_no_completions(model: LanguageModel) -> None:
    assert model.generate([], max_new_tokens=4) == []


def test_a_shared_prefix_changes_nothing(model: LanguageModel) -> None:
    head = "The canteen opens at half past six.\n\n"
    shared = len(model.tokenizer(head)["input_ids"])
    texts = [head + text for text in TEXTS]
    plain, cached = prompts(model, *texts), prompts(model, *texts, shared=shared)
    assert len({prompt.ids[:shared] for prompt in cached}) == 1

    expected = model.generate(plain, max_new_tokens=8)
    for _ in range(2):  # computed, then taken from the cache
        found = model.generate(cached, max_new_tokens=8)
        assert [one.token_ids for one in found] == [one.token_ids for one in expected]


def test_prompts_with_different_prefixes_may_be_mixed(model: LanguageModel) -> None:
    one, two = "Soup costs 3 crowns. ", "Pilots board there. "
    mixed = [Prompt(prompt.ids, 5) for prompt in prompts(model, one + "a", two + "bcd", one + "ef")]

    found = model.generate(mixed, max_new_tokens=6)

    for prompt, completion in zip(mixed, found, strict=True):
        [alone] = model.generate([Prompt(prompt.ids)], max_new_tokens=6)
        assert completion.token_ids == alone.token_ids


@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_of_a_stream_join_to_the_answer(model: LanguageModel, text: str) -> None:
    [prompt] = prompts(model, text)
    [whole] = model.generate([prompt], max_new_tokens=24)

    *pieces, last = model.stream(prompt, max_new_tokens=24)

    assert isinstance(last, Completion)
    assert last == whole
    assert "".join(map(str, pieces)) == whole.text


def test_an_answer_ends_at_the_stop_token(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    [free] = model.generate([prompt], max_new_tokens=8)
    fourth = free.token_ids[3]
    stop = free.token_ids.index(fourth)
    monkeypatch.setattr(model, "stop_ids", frozenset({fourth}))

    [stopped] = model.generate([prompt], max_new_tokens=8)

    assert stopped.token_ids == free.token_ids[: stop + 1]  # the stop itself is counted …
    assert stopped.text == model.tokenizer.decode(free.token_ids[:stop]).strip()  # … not shown


def test_the_end_of_turn_is_a_stop_token(model: LanguageModel) -> None:
    assert model.stop_ids == {model.tokenizer.eos_token_id}


# --- adapters


def test_an_adapter_speaks_only_when_it_is_named(
    model: LanguageModel, random_adapters: Path
) -> None:
    batch = prompts(model, *TEXTS)
    before = model.generate(batch, max_new_tokens=8)
    model.attach("one", random_adapters / "one")
    model.attach("two", random_adapters / "two")

    with_one = model.generate(batch, adapter="one", max_new_tokens=8)
    with_two = model.generate(batch, adapter="two", max_new_tokens=8)

    assert model.generate(batch, max_new_tokens=8) == before
    assert model.generate(batch, adapter="one", max_new_tokens=8) == with_one
    assert len({str([one.token_ids for one in each]) for each in (before, with_one, with_two)}) == 3


def test_a_kept_prefix_belongs_to_one_adapter(model: LanguageModel, random_adapters: Path) -> None:
    [plain] = prompts(model, TEXTS[0])
    cached = Prompt(plain.ids, 4)
    model.attach("one", random_adapters / "one")

    for adapter in (None, "one", None, "one"):
        [expected] = model.generate([plain], adapter=adapter, max_new_tokens=6)
        [found] = model.generate([cached], adapter=adapter, max_new_tokens=6)
        assert found.token_ids == expected.token_ids


def test_the_adapter_is_that_of_the_file(model: LanguageModel, random_adapters: Path) -> None:
    """Its effect is B·A·alpha/r on the weights, computed here by hand."""
    [prompt] = prompts(model, TEXTS[0])
    model.attach("one", random_adapters / "one")
    found = model.next_logprobs(prompt.ids, "one")

    reference = AutoModelForCausalLM.from_pretrained(model.files.path, dtype=torch.float32).eval()
    tensors = load_file(random_adapters / "one" / "adapter_model.safetensors")
    with torch.no_grad():
        for name, lora_a in tensors.items():
            if name.endswith("lora_A.weight"):
                module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                lora_b = tensors[name.replace("lora_A", "lora_B")]
                reference.get_submodule(module).weight += lora_b @ lora_a * 16 / 4
        logits = reference(torch.tensor([prompt.ids])).logits[0]

    torch.testing.assert_close(found, torch.log_softmax(logits, -1), atol=1e-4, rtol=0)


def test_a_detached_adapter_leaves_the_base_as_it_was(
    model: LanguageModel, random_adapters: Path
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    before = model.next_logprobs(prompt.ids, None)
    model.attach("one", random_adapters / "one")
    model.attach("two", random_adapters / "two")
    with_one, with_two = (model.next_logprobs(prompt.ids, name) for name in ("one", "two"))
    model.detach("one")
    model.detach("one")  # nothing to do

    assert model.attached == {"two"}
    with pytest.raises(KeyError, match="one is not attached"):
        model.next_logprobs(prompt.ids, "one")
    torch.testing.assert_close(model.next_logprobs(prompt.ids, None), before)
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "two"), with_two)
    model.attach("one", random_adapters / "one")
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "one"), with_one)


def test_without_any_adapter_the_base_is_made_of_what_it_was(
    model: LanguageModel, random_adapters: Path
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    made_of = [(name, type(module)) for name, module in model.base.named_modules()]
    model.attach("one", random_adapters / "one")
    with_one = model.next_logprobs(prompt.ids, "one")

    model.detach("one")

    assert [(name, type(module)) for name, module in model.base.named_modules()] == made_of
    model.attach("one", random_adapters / "one")
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "one"), with_one)


def test_the_scale_runs_from_the_base_to_the_adapter(
    model: LanguageModel, random_adapters: Path
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    model.attach("one", random_adapters / "one")
    model.attach("two", random_adapters / "two")
    base, full, other = (model.next_logprobs(prompt.ids, name) for name in (None, "one", "two"))

    model.set_scale("one", 0.0)
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "one"), base)
    model.set_scale("one", 1.0)
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "one"), full)
    torch.testing.assert_close(model.next_logprobs(prompt.ids, "two"), other)


def test_a_prefix_that_was_kept_at_another_scale_is_computed_again(
    model: LanguageModel, random_adapters: Path
) -> None:
    [plain] = prompts(model, TEXTS[0])
    cached = Prompt(plain.ids, len(plain.ids) - 1)
    model.attach("one", random_adapters / "one")
    model.generate([cached], adapter="one", max_new_tokens=1)

    model.set_scale("one", 0.3)

    [expected] = model.generate([plain], adapter="one", max_new_tokens=6)
    [found] = model.generate([cached], adapter="one", max_new_tokens=6)
    assert found.logprob == pytest.approx(expected.logprob, abs=1e-4)


def test_two_streams_with_different_adapters_do_not_mix(
    model: LanguageModel, random_adapters: Path
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    model.attach("one", random_adapters / "one")
    expected = {
        name: model.generate([prompt], adapter=name, max_new_tokens=8)[0].token_ids
        for name in (None, "one")
    }

    streams = {name: model.stream(prompt, adapter=name, max_new_tokens=8) for name in expected}
    last: dict[str | None, object] = {}
    while streams:  # a piece of each in turn
        for name in list(streams):
            piece = next(streams[name], None)
            if piece is None:
                del streams[name]
            else:
                last[name] = piece

    for name, completion in last.items():
        assert isinstance(completion, Completion)
        assert completion.token_ids == expected[name]


def test_several_threads_get_what_one_gets(model: LanguageModel, random_adapters: Path) -> None:
    model.attach("one", random_adapters / "one")
    batch = prompts(model, *TEXTS)
    cases = [(prompt, adapter) for prompt in batch for adapter in (None, "one")]
    expected = [
        model.generate([prompt], adapter=adapter, max_new_tokens=6) for prompt, adapter in cases
    ]
    found: dict[int, list[Completion]] = {}

    def work(number: int) -> None:
        prompt, adapter = cases[number]
        found[number] = model.generate([prompt], adapter=adapter, max_new_tokens=6)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[number] for number in range(len(cases))] == expected


# --- scoring


@pytest.mark.parametrize("shared", [0, 4])
@pytest.mark.parametrize("adapter", [None, "one"])
def test_continuations_are_as_likely_as_a_direct_forward_says(
    model: LanguageModel, random_adapters: Path, shared: int, adapter: str | None
) -> None:
    model.attach("one", random_adapters / "one")
    [prompt] = prompts(model, TEXTS[0], shared=shared)
    candidates = [tuple(model.tokenizer(text)["input_ids"]) for text in ("11", "metres deep", "x")]
    stop = model.tokenizer.eos_token_id

    [found] = model.continuations([Fork(prompt, candidates)], adapter=adapter, keep=9)

    assert sorted(one.candidate for one in found) == [0, 1, 2]
    for one in found:
        ids = candidates[one.candidate]
        logprobs = model.next_logprobs((*prompt.ids, *ids), adapter)[len(prompt.ids) - 1 :]
        for length in range(1, len(ids) + 1):
            reached = sum(float(logprobs[i, ids[i]]) for i in range(length))
            assert one.stopped[length - 1] == pytest.approx(
                reached + float(logprobs[length, stop]), abs=1e-3
            )
        torch.testing.assert_close(one.logprobs, logprobs, atol=1e-3, rtol=0)


def test_what_the_output_head_sees_is_laid_out_as_a_tensor_of_its_own(model: LanguageModel) -> None:
    """By the strides of a slice, the product copies the whole vocabulary matrix."""
    seen: list[torch.Tensor] = []
    head = model.base.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _head, inputs: seen.extend(inputs))
    [prompt] = prompts(model, TEXTS[0])

    for keep in (9, 1):
        list(model.continuations([Fork(prompt, [(5, 6), (7,)])], keep=keep))
    model.generate(prompts(model, *TEXTS[:2]), max_new_tokens=2)
    hook.remove()

    assert len(seen) > 3
    assert [one.stride() for one in seen] == [torch.empty(one.shape).stride() for one in seen]


def test_only_the_candidates_with_the_likeliest_starts_are_scored(model: LanguageModel) -> None:
    [prompt] = prompts(model, TEXTS[0])
    first = model.next_logprobs(prompt.ids, None)[-1]
    candidates = [(token, 5) for token in range(10, 40)]

    [found] = model.continuations([Fork(prompt, candidates)], keep=3)

    likeliest = (first[10:40].topk(3).indices).tolist()
    assert [one.candidate for one in found] == likeliest

    favouring = Fork(prompt, candidates, [0.0] * 29 + [99.0])
    [favoured] = model.continuations([favouring], keep=1)
    assert [one.candidate for one in favoured] == [29]


def test_a_start_of_several_tokens_is_as_likely_as_all_of_them(model: LanguageModel) -> None:
    """Numbers begin with the token of a space: by it alone, all are equally likely."""
    [prompt] = prompts(model, TEXTS[0])
    numbers = [(5, token, 6) for token in range(10, 40)]
    others = [(7, 8), (9, 8)]
    candidates = [*numbers, *others]
    [every] = model.continuations([Fork(prompt, candidates)], keep=len(candidates))
    begun = {one.candidate: one.begun[1 if one.candidate < 30 else 0] for one in every}

    fork = Fork(prompt, candidates, starts=[2] * 30 + [1] * 2)
    [found] = model.continuations([fork], keep=3)

    assert [one.candidate for one in found] == sorted(begun, key=lambda i: -begun[i])[:3]
    for one in found:
        assert one.stopped == pytest.approx(every[one.candidate].stopped, abs=1e-3)


@pytest.mark.parametrize("tokens", [1, 40, 512])
@pytest.mark.parametrize("favoured", [None, 1, 4])
def test_the_likeliest_candidate_is_that_of_all_continuations(
    model: LanguageModel, tokens: int, favoured: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragcl.generation.scoring.PACKED_TOKENS", tokens)
    candidates = [(token, 5, 6)[: 1 + token % 3] for token in range(10, 40)]
    candidates += [(11, 5, 6), (11, 7), (14,), (14, 5, 6, 7)]  # that begin like others
    prior = [0.0 if i == favoured else -0.3 * (i % 4) for i in range(len(candidates))]
    forks = [Fork(one, candidates, prior) for one in prompts(model, *TEXTS)]
    expected = [
        max(weighed, key=lambda one: one.stopped[-1] + prior[one.candidate])
        for weighed in model.continuations(forks, keep=99)
    ]

    found = list(model.likeliest(forks, keep=99))

    assert [one.candidate for one in found] == [one.candidate for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.stopped == pytest.approx(other.stopped, abs=1e-3)
        torch.testing.assert_close(one.logprobs, other.logprobs, atol=1e-3, rtol=0)


def test_candidates_that_cannot_be_the_likeliest_are_not_put_through_the_model(
    model: LanguageModel,
) -> None:
    [prompt] = prompts(model, TEXTS[0])
    candidates = [(token, 5, 6) for token in range(10, 40)]
    width = len(prompt.ids) + 3

    def put_through(keep: int, prior: list[float]) -> list[int]:
        seen: list[int] = []
        hook = model.base.get_input_embeddings().register_forward_pre_hook(
            lambda _layer, given: seen.append(given[0].numel())
        )
        list(model.likeliest([Fork(prompt, candidates, prior)], keep=keep))
        hook.remove()
        return seen

    assert put_through(4, [0.0] + [-99.0] * 29) == [width]
    assert put_through(4, [99.0, 98.9, 98.8] + [0.0] * 27) == [width, 6]
    assert put_through(1, [99.0, 98.9, 98.8] + [0.0] * 27) == [width, 3]


@pytest.mark.parametrize("keep", [2, 9])
@pytest.mark.parametrize("tokens", [1, 40, 512])
def test_forks_that_share_a_row_are_scored_as_each_alone(
    model: LanguageModel, keep: int, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragcl.generation.scoring.PACKED_TOKENS", tokens)
    [beginning, *others] = prompts(model, *TEXTS)
    alike = [Prompt(beginning.ids + one.ids, len(beginning.ids)) for one in others]
    asked = [*alike, *others, alike[0]]
    many = [(token, 5, 6)[: 1 + token % 3] for token in range(10, 16)]
    forks = [Fork(prompt, many[i % 3 :]) for i, prompt in enumerate(asked)]
    alone = [next(model.continuations([fork], keep=keep)) for fork in forks]

    together = list(model.continuations(forks, keep=keep))

    for expected, found in zip(alone, together, strict=True):
        assert [one.candidate for one in found] == [one.candidate for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.stopped == pytest.approx(other.stopped, abs=1e-3)
            torch.testing.assert_close(one.logprobs, other.logprobs, atol=1e-3, rtol=0)


def test_weights_in_four_bits_are_smaller_and_another_base_for_adapters(
    four_bit_model: LanguageModel, tmp_path: Path
) -> None:
    small = four_bit_model
    whole = LanguageModel(replace(small.files, revision="whole"), dtype="float32", device="cpu")
    make_adapter(small.files.path, tmp_path, 0)

    assert small.base.get_memory_footprint() < whole.base.get_memory_footprint()
    [said] = small.generate(prompts(small, TEXTS[0]), max_new_tokens=4)
    assert said.token_ids
    with pytest.raises(ModelNotFoundError, match="in 4 bits"):
        small.attach("one", tmp_path)


def test_four_bits_without_the_package_for_them_are_refused(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model.importlib.util, "find_spec", lambda _: None)
    small = LanguageModel(model.files, device="cpu", four_bit=True)

    with pytest.raises(SettingsError, match="bitsandbytes"):
        _ = small.base
