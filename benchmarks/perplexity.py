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
    windows = [ids[start : start + window] for start in range(0, len(ids), window)]
    found = model.sequence_logprobs([one for one in windows if len(one) > 1], adapter)
    count = sum(len(logprobs) for logprobs, _ in found)
    return math.exp(-sum(float(logprobs.sum()) for logprobs, _ in found) / max(1, count))
