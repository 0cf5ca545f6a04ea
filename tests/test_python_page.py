"""The programs of `docs/python.md` run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DOCUMENTS, TinyModels

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
PROGRAMS = dict(
    re.findall(r'^```python title="(.+?)"\n(.*?)^```$', PAGE.read_text("utf-8"), re.M | re.S)
)

SHOWN = {
    "nightly.py": "How deep is the north berth? ",
    "async_app.py": "(context, berths.md:5)",
    "cells": "4 added",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_as_it_stands_on_the_page(
    name: str, tmp_path: Path, tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGCL_MODELS__EMBEDDER", str(tiny_models.embedder))
    monkeypatch.setenv("RAGCL_MODELS__LANGUAGE_MODEL", str(tiny_models.language_model))
    (tmp_path / "docs").mkdir()
    for path, text in DOCUMENTS.items():
        (tmp_path / "docs" / path).write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert SHOWN[name] in ran.stdout
