"""The sample handbook and its questions, as the demo and the benchmarks use them."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragcl import KnowledgeBase
from ragcl.results import ConsolidationReport

DATA = Path(__file__).parent.parent / "data"
REVISIONS = ("2026-01-15", "2026-04-15", "2026-07-15")


def questions(
    revision: str, *, held_out: bool | None = None, language: str = "en"
) -> list[dict[str, Any]]:
    """The questions that hold in a revision; only those held out for measuring, or only others.

    The language is "en", "zh" or "de"; each is asked about chapters of its own.
    """
    name = "questions.jsonl" if language == "en" else f"questions_{language}.jsonl"
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [
        one
        for one in map(json.loads, lines)
        if one["valid_from"] <= revision
        and (one["valid_until"] is None or revision < one["valid_until"])
        and held_out in (None, one["held_out"])
    ]


def unanswerable() -> list[dict[str, Any]]:
    """Questions near those above that no revision answers."""
    lines = (DATA / "unanswerable.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["kind"] == "near"]


def write_questions(asked: Sequence[dict[str, Any]], path: Path) -> None:
    """Write questions as `KnowledgeBase.evaluate` takes them."""
    path.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")


def sources(revision: str, count: int) -> list[str]:
    """The first so many documents that the questions of a revision are about."""
    return list(dict.fromkeys(one["source"] for one in questions(revision)))[:count]


def lay_out(revision: str, folder: Path, only: Sequence[str] | None = None) -> None:
    """Make `folder` hold just these (None: all) documents of a revision.

    Equal files are left untouched.
    """
    source = DATA / "handbook" / revision
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [path for path in source.iterdir() if only is None or path.name in only]
    names = {path.name for path in wanted}
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()
    for path in wanted:
        target = folder / path.name
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copyfile(path, target)


def learn(kb: KnowledgeBase, folder: Path) -> ConsolidationReport:
    """Ingest the first revision, laid out in `folder`, ask the training wordings, run a round."""
    lay_out(REVISIONS[0], folder)
    kb.ingest(folder)
    kb.ask_many([one["question"] for one in questions(REVISIONS[0], held_out=False)])
    return kb.consolidate()
