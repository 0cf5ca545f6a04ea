"""What was measured: every figure stands in the results that are named."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ragcl.models import measured
from ragcl.models.measured import Pair
from ragcl.models.model_files import DEFAULTS

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def numbers(value: Any) -> Iterator[float]:
    """Every number in a JSON document."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield float(value)


@pytest.mark.parametrize("pair", measured.pairs(), ids=str)
def test_every_figure_is_in_the_results_that_are_named(pair: Pair) -> None:
    found = [
        one for name in pair.results for one in numbers(json.loads((RESULTS / name).read_bytes()))
    ]
    figures = [getattr(pair, one.name) for one in fields(pair)]

    for figure in (one for one in figures if isinstance(one, float)):
        decimals = len(str(figure).partition(".")[2])
        assert figure in {round(one, decimals) for one in found}


def test_an_embedder_brings_the_prompts_that_it_was_measured_with() -> None:
    assert measured.prompts("intfloat/multilingual-e5-small") == ("query: ", "passage: ")
    assert measured.prompts("default") == measured.prompts("/some/folder") == (None, None)


def test_the_default_pair_comes_first_and_every_model_is_described() -> None:
    first = measured.pairs()[0]
    named = {(role, getattr(one, role)) for one in measured.pairs() for role in DEFAULTS}

    assert (first.language_model, first.embedder) == ("default", "default")
    assert named <= {(one.role, one.name) for one in measured.models()}
    for one in measured.models():
        if one.name == "default":
            assert one.title == DEFAULTS[one.role].name
