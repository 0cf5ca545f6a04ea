"""Anchors: varied texts, what the base model makes of them, and some that are never trained on."""

import pytest

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training.anchors import make, texts
from ragcl.generation.language_model import LanguageModel


def test_the_texts_to_measure_with_are_not_trained_on() -> None:
    trained, unseen = texts()

    assert len(unseen) == 32
    assert len(trained) >= 3 * len(unseen) - 3
    assert not set(trained) & set(unseen)
    assert len({text[:20] for text in [*trained, *unseen]}) > 0.9 * len([*trained, *unseen])


def test_an_anchor_holds_what_the_base_model_predicts(model: LanguageModel) -> None:
    trained, _ = texts()

    for anchor in make(model, trained[:3]):
        logprobs = model.next_logprobs(anchor.ids, None)
        top = logprobs.topk(TRAINING.anchor_labels, dim=-1)
        following = [float(logprobs[place, token]) for place, token in enumerate(anchor.ids[1:])]
        assert len(anchor.ids) <= TRAINING.anchor_tokens
        assert (top.indices == anchor.top_ids).all()
        assert (top.values == anchor.top_logprobs).all()
        assert anchor.logprob == pytest.approx(sum(following), rel=1e-5)
