"""Anchors: texts that have nothing to do with what is learned, written by the base model itself.

Keeping the adapter's predictions on them near the base model's keeps its general ability (prompt
distillation, arXiv 2412.14964). The model continues the openings below, so no corpus is needed;
what it wrote is kept, since it is the same in every round.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcl.generation.language_model import LanguageModel

if TYPE_CHECKING:
    import torch

LENGTH = 64
TOP = 64  # likeliest tokens kept a place; the rest is one tail

OPENINGS = (
    "The history of the city goes back to", "In mathematics, a group is", "The film was released",
    "She was born in the north of", "The species is found in", "During the war, the regiment",
    "The album received", "According to the census,", "The river rises in",
    "Scientists believe that", "The novel tells the story of", "In the first half of the season,",
    "The bridge was designed by", "Photosynthesis is the process", "The law was passed in",
    "The recipe calls for", "A computer program is", "The tropical storm formed",
    "The temple was built", "In music theory,", "The train left the station",
    "He opened the letter and", "The children were playing", "It was a cold morning and",
    "The doctor looked at her and", "My favourite memory is", "The company announced that",
    "Researchers at the university", "The painting shows", "To change a bicycle tyre, first",
    "The economy of the region", "The planet has a diameter of", "The championship was won by",
    "Birds of this family", "The article describes how", "Once upon a time there was",
    "The main advantage of this method", "The king returned to", "In the kitchen, the old man",
    "The experiment showed that", "The highway runs from", "The church was consecrated",
    "When the rain stopped,", "The battle began at dawn when", "The character first appeared in",
    "A good way to learn a language", "The volcano last erupted", "The committee decided to",
)  # fmt: skip
QUESTIONS = (
    "Why is the sky blue?", "Write a short poem about autumn.", "What is the capital of Japan?",
    "How do I boil an egg?", "Explain gravity to a child.", "Who wrote Romeo and Juliet?",
    "What is 15 plus 27?", "Give me three tips for better sleep.", "What does a heart do?",
    "Name four fruits.", "What is the largest ocean?", "How does a rainbow form?",
    "Translate 'good morning' into French.", "What is a noun?", "Who was Marie Curie?",
    "Summarise the water cycle.",
)  # fmt: skip


@dataclass(frozen=True)
class Anchor:
    """Token ids `(n,)` and the base model's likeliest next tokens at each place, `(n, TOP)`."""

    ids: tuple[int, ...]
    top_ids: "torch.Tensor"
    top_logprobs: "torch.Tensor"


def kept_or_made(path: Path, model: LanguageModel, seed: int) -> list[Anchor]:
    """The anchors in the file at `path`; made, and kept there, unless they are of this model."""
    from safetensors import SafetensorError, safe_open

    made_from = f"{model.files.revision} {seed}"
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("made_from") == made_from:
                return _unpacked(file)
    except (OSError, SafetensorError):
        pass  # not there yet, or damaged: it is made from the model alone
    anchors = make(model, seed)
    _keep(anchors, path, made_from)
    return anchors


def _keep(anchors: Sequence[Anchor], path: Path, made_from: str) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for i, anchor in enumerate(anchors):
        tensors[f"{i:04}.ids"] = torch.tensor(anchor.ids)
        tensors[f"{i:04}.top_ids"] = anchor.top_ids.contiguous()
        tensors[f"{i:04}.top_logprobs"] = anchor.top_logprobs.contiguous()
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, {"made_from": made_from})
    os.replace(temporary, path)


def _unpacked(file: Any) -> list[Anchor]:
    numbers = sorted({name.split(".")[0] for name in file.offset_keys()})
    return [
        Anchor(
            tuple(file.get_tensor(f"{i}.ids").tolist()),
            file.get_tensor(f"{i}.top_ids"),
            file.get_tensor(f"{i}.top_logprobs"),
        )
        for i in numbers
    ]


def make(model: LanguageModel, seed: int) -> list[Anchor]:
    """Let the base model continue every opening and answer every question, by sampling."""
    tokenizer = model.tokenizer
    starts = [tokenizer(opening)["input_ids"] for opening in OPENINGS]
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    starts = [ids if ids[:1] == bos else bos + ids for ids in starts]
    for question in QUESTIONS:
        if tokenizer.chat_template is not None:
            messages = [{"role": "user", "content": question}]
            encoded = tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_dict=True
            )
            starts.append(encoded["input_ids"])
    texts = model.sample([tuple(ids) for ids in starts], length=LENGTH, seed=seed)
    made = []
    for ids in texts:
        top = model.next_logprobs(ids, None).topk(TOP, dim=-1)
        made.append(Anchor(ids, top.indices, top.values))
    return made


def split(anchors: Sequence[Anchor]) -> tuple[list[Anchor], list[Anchor]]:
    """Those to train with, and every fourth, on which drift is measured."""
    kept = [anchor for i, anchor in enumerate(anchors) if i % 4]
    return kept, [anchor for i, anchor in enumerate(anchors) if not i % 4]
