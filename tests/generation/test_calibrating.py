"""Calibrating: what is measured once of a model that comes without a trained reader."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragcl.generation import calibrating
from ragcl.generation.calibrating import Judged, calibrated, quote_threshold
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.reading import Outlook, Reader
from ragcl.models.trained_reader import Forms, TrainedReader
from ragcl.results import Form


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for the process as well."""
    monkeypatch.setenv("RAGCL_CACHE", str(tmp_path))
    monkeypatch.setattr(calibrating, "_KNOWN", {})
    return tmp_path


def judged(form: Form, gain: float, unknown: float, *, related: bool = True) -> Judged:
    outlook = Outlook(None, phrase=-gain / 2, quote=gain / 2, unknown=unknown, prompt_tokens=1)
    return Judged("manual", form, (), related, outlook)


ROWS = [
    *(judged("phrase", -6.0 + 0.01 * n, -5.0) for n in range(20)),
    *(judged("quotation", 2.0 + 0.01 * n, -5.0) for n in range(20)),
    *(judged("none", -6.0, 9.0) for _ in range(10)),
    *(judged("none", -6.0, 12.0, related=False) for _ in range(10)),
]


def test_the_questions_of_the_package_are_of_every_form() -> None:
    questions = list(calibrating.questions())

    forms = [one.form for one in questions]
    assert {forms.count(form) >= 15 for form in ("phrase", "quotation", "none")} == {True}
    assert sum(not one.related for one in questions) >= 15
    for one in questions:
        assert (one.form == "phrase") == bool(one.answers)
        scores = [some.score for some in one.sentences]
        assert scores == sorted(scores)


def test_the_threshold_parts_phrases_from_quotations() -> None:
    threshold = quote_threshold(ROWS)

    assert all((one.gain > threshold) == (one.form == "quotation") for one in ROWS[:40])


def test_a_limit_keeps_its_rate_and_what_is_strange_lies_above() -> None:
    forms = calibrated(ROWS)

    for rate, limit in forms.unknown:
        silent = [one.outlook.not_knowing() > limit for one in ROWS[:40]]
        assert sum(silent) <= math.ceil(rate * len(silent))
    assert forms.tells_unknown
    assert all(one.outlook.not_knowing() >= forms.strange for one in ROWS if not one.related)


def test_a_trained_reader_brings_its_own_thresholds(model: LanguageModel) -> None:
    own = Forms(quote=1.5, strange=-1.0)
    trained = LanguageModel(replace(model.files, reader=TrainedReader("abc", own)))

    assert calibrating.forms_of(trained) == own


def test_a_model_that_cannot_read_has_no_thresholds_and_nothing_is_kept(
    model: LanguageModel, cache: Path
) -> None:
    assert calibrating.forms_of(model) == Forms()
    assert list(cache.iterdir()) == []


def test_another_model_is_measured_once_and_what_was_measured_is_kept(
    model: LanguageModel, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list(calibrating.questions())
    shown = {one.question: one for one in asked}
    looks = 0

    def look(_self: Reader, question: str, *_: Any) -> Outlook:
        """As a model that can read and knows every form."""
        nonlocal looks
        looks += 1
        return judged(*KNOWS[shown[question].form]).outlook

    monkeypatch.setattr(Reader, "first_look", look)
    monkeypatch.setattr(Judged, "right", True)

    forms = calibrating.forms_of(model)

    assert -6.0 <= forms.quote < 2.0
    assert looks == len(asked)
    [kept] = (cache / "readings").iterdir()
    assert json.loads(kept.read_text())["model"].startswith(model.files.name)
    before = looks
    monkeypatch.setattr(calibrating, "_KNOWN", {})
    assert calibrating.forms_of(model) == forms
    assert looks == before


KNOWS: dict[Form, tuple[Form, float, float]] = {
    "phrase": ("phrase", -6.0, -5.0),
    "quotation": ("quotation", 2.0, -5.0),
    "none": ("none", -6.0, 9.0),
}


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"forms": {"size": 3}}'])
def test_a_damaged_file_in_the_cache_is_measured_again(
    model: LanguageModel, cache: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(calibrating, "measure", lambda _model: Forms(quote=0.5))
    first = calibrating.forms_of(model)
    [kept] = (cache / "readings").iterdir()
    kept.write_text(damage)
    monkeypatch.setattr(calibrating, "_KNOWN", {})

    assert calibrating.forms_of(model) == first == Forms(quote=0.5)
    assert json.loads(kept.read_text())["forms"]["quote"] == 0.5


def test_without_room_in_the_cache_it_is_measured_for_this_process(
    model: LanguageModel, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "readings").write_text("a file where the folder should be")
    monkeypatch.setattr(calibrating, "measure", lambda _model: Forms(quote=0.5))

    assert calibrating.forms_of(model) == Forms(quote=0.5)
