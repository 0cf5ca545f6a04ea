"""Tiny random language models of several architectures, and tokenizers with several habits.

Each is a folder as `save_pretrained` writes it. Nothing is downloaded.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from ragcl.generation.language_model import LanguageModel
from ragcl.models import model_files

WINDOW = 8  # tokens that a layer with sliding-window attention sees, itself among them
CONTEXT = 256
_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,  # large enough that its likeliest token stands out
}
_ALTERNATING = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]

# What `AutoConfig.for_model` takes: the architecture, and how it differs from `_SIZES`.
ARCHITECTURES: Mapping[str, dict[str, Any]] = {
    "llama": {"tie_word_embeddings": False},  # queries share keys: GQA
    "qwen2": {"tie_word_embeddings": True},  # biases on queries, keys and values
    "gpt2": {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_inner": 48},  # learned positions, Conv1D
    "gpt_neox": {"hidden_act": "gelu", "attention_bias": True},  # one map for all of attention
    "mistral": {"sliding_window": WINDOW},  # in all layers
    # Alternating layers, each kind with its own rope; scaled embeddings.
    "gemma3_text": {
        "sliding_window": WINDOW,
        "layer_types": _ALTERNATING,
        "query_pre_attn_scalar": 8,
        "tie_word_embeddings": True,
    },
    # Alternating layers; logits and attention are capped.
    "gemma2": {
        "sliding_window": WINDOW,
        "layer_types": _ALTERNATING,
        "query_pre_attn_scalar": 8,
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 10.0,
    },
}
SLIDING = ("mistral", "gemma3_text", "gemma2")


def make(
    folder: Path, architecture: str, tokenizer: PreTrainedTokenizerFast, **changes: Any
) -> Path:
    """A random model of an architecture in `folder`, with its tokenizer."""
    sizes = {} if architecture == "gpt2" else _SIZES
    config = AutoConfig.for_model(
        architecture,
        **{
            **sizes,
            "initializer_range": _SIZES["initializer_range"],
            "max_position_embeddings": CONTEXT,
            "vocab_size": len(tokenizer),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            **ARCHITECTURES[architecture],
            **changes,
        },
    )
    torch.manual_seed(4)
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        made.get_input_embeddings().weight *= 0.1  # or a tied head repeats what it was given
        for name, weights in made.named_parameters():
            if name.endswith("bias"):  # which are zero in a new model
                weights.normal_(std=0.3)
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(folder: Path) -> LanguageModel:
    """The model in a folder, in float32."""
    files = model_files.resolve(str(folder), "language_model")
    return LanguageModel(files, dtype="float32", device="cpu")


def byte_level(**tokens: str) -> PreTrainedTokenizerFast:
    """A tokenizer of single bytes, as of GPT-2, without merges; by default with an end token."""
    special = {"eos_token": "<|end|>", **tokens}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*special.values(), *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def byte_fallback() -> PreTrainedTokenizerFast:
    """As of Llama 2 and Gemma: letters and blanks are tokens, and any other character its bytes.

    A text gets a blank and a begin token at its start.
    """
    special = ["<unk>", "<s>", "</s>"]
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *letters]
    tokenizer = Tokenizer(
        models.BPE(
            {token: i for i, token in enumerate(pieces)}, [], unk_token="<unk>", byte_fallback=True
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


TOKENIZERS: Mapping[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level": byte_level,
    "byte-fallback": byte_fallback,
}
