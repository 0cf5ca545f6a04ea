"""A module of a user that is called like a package of ours neither hides it nor is hidden."""

import subprocess
import sys
from pathlib import Path

import pytest

OURS = "import ragcl.ingestion\nprint(ragcl.ingestion.Chunk.__module__)\n"


def run(folder: Path, script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_script_called_ingest_can_use_ragcl(tmp_path: Path) -> None:
    (tmp_path / "ingest.py").write_text(OURS)

    assert run(tmp_path, "ingest.py") == ["ingest.chunking"]


@pytest.mark.parametrize("first", [True, False])
def test_a_program_may_have_a_module_called_ingest(tmp_path: Path, first: bool) -> None:
    (tmp_path / "ingest.py").write_text("MINE = 'mine'\n")
    theirs = "import ingest\nprint(ingest.MINE)\n"
    (tmp_path / "main.py").write_text(theirs + OURS if first else OURS + theirs)

    assert sorted(run(tmp_path, "main.py")) == ["ingest.chunking", "mine"]


def test_our_package_is_one_whoever_imports_it(tmp_path: Path) -> None:
    code = (
        "import ragcl.ingestion, ingest\nfrom ingest.chunking import Chunk\n"
        "print(Chunk is ragcl.ingestion.Chunk is ingest.Chunk)\n"
    )
    (tmp_path / "main.py").write_text(code)

    assert run(tmp_path, "main.py") == ["True"]
