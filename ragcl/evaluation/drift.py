"""Drift of general ability: perplexity on text that has nothing to do with the documents.

Knows nothing of where the text comes from.
"""

import math

from ragcl.generation.language_model import LanguageModel


def perplexity(
    model: LanguageModel, text: str, *, adapter: str | None = None, window: int = 512, tokens: int
) -> float:
    """Perplexity a token on the first `tokens` tokens of a text, in windows without overlap."""
    ids = model.tokenizer(text, truncation=False, verbose=False)["input_ids"][:tokens]
    total = 0.0
    count = 0
    for start in range(0, len(ids), window):
        part = ids[start : start + window]
        if len(part) < 2:
            break
        logprobs = model.next_logprobs(part, adapter)
        total -= float(logprobs[range(len(part) - 1), part[1:]].sum())
        count += len(part) - 1
    return math.exp(total / max(1, count))
