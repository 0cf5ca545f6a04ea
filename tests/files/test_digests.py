"""Digests: each number of each recipe counts."""

from dataclasses import fields, replace
from typing import Any

import pytest

from ragcl.catalog.recipe import WORDS
from ragcl.consolidation.recipe import GATE, SELECTION, STUDY, TRAINING
from ragcl.files.digests import digest
from ragcl.generation.recipe import CONVERSATION, QUOTING, READING, ROUTING
from ragcl.index.recipe import INDEX
from ragcl.search.recipe import CALIBRATING, SEARCH
from ragcl.text.recipe import TEXT

RECIPES = (WORDS, SELECTION, STUDY, TRAINING, GATE, READING, QUOTING, ROUTING, CONVERSATION)


@pytest.mark.parametrize("recipe", [*RECIPES, INDEX, SEARCH, CALIBRATING, TEXT])
def test_the_digest_of_a_recipe_is_another_if_any_number_is(recipe: Any) -> None:
    made = {digest(recipe)}
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        other = (*value, 1) if isinstance(value, tuple) else value + 1
        made.add(digest(replace(recipe, **{field.name: other})))

    assert len(made) == len(fields(recipe)) + 1
    assert digest(recipe) == digest(replace(recipe))


def test_the_digest_of_several_recipes_counts_each() -> None:
    both = digest(STUDY, TRAINING)

    assert both not in (digest(STUDY), digest(TRAINING))
    assert both != digest(replace(STUDY, part=0.4), TRAINING)
    assert both != digest(STUDY, replace(TRAINING, warmup=0.5))
