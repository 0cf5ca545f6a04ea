"""The sample handbook and its questions, as the demo and the benchmarks use them."""

import json
import shutil
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
REVISIONS = ("2026-01-15", "2026-04-15", "2026-07-15")


def questions(revision: str, *, held_out: bool | None = None) -> list[dict[str, Any]]:
    """The questions that hold in a revision; only those held out for measuring, or only others."""
    lines = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        one
        for one in map(json.loads, lines)
        if one["valid_from"] <= revision
        and (one["valid_until"] is None or revision < one["valid_until"])
        and held_out in (None, one["held_out"])
    ]


def lay_out(revision: str, folder: Path) -> None:
    """Make `folder` hold just the documents of a revision, leaving equal files untouched."""
    source = DATA / "handbook" / revision
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {path.name for path in source.iterdir()}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for path in source.iterdir():
        target = folder / path.name
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copyfile(path, target)
