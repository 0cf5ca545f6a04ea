"""How fresh the index stays while a folder changes, and what a change costs.

    python -m benchmarks.freshness FOLDER [--products N] [--out FILE]

A folder of release tables (which version of a product is the latest, when its support ends) is
ingested as it was on a day, then three times as it had become a month later. After each change
come the questions whose answer it changed, through `KnowledgeBase.search` with three passages.

- found: a passage of the product's own file that holds the answer, as a whole word, is among them.
- superseded: passages that are not in the file as it is on disk now. Every value of a passage has
  to stand on the lines that it names, behind its key and in its record; the keys above that key
  are not looked for.
- cost: the seconds of an ingest beside the files and the chunks that it changed, and the seconds
  of another that finds nothing to do.

FOLDER holds `snapshot_DATE/`, the files of the first day; `delta_DATE/`, those that were added or
changed by a later day; `manifest.json`, for each delta its date and the files `added` and
`deleted`; and `qa_stream.jsonl`: `as_of`, `doc`, `kind`, `question`, `answer`, `stale_answer`. The
files are `products/*.md` of the repository endoflife-date/endoflife.date (MIT) at its last commits
before 1 January, February, March and April 2025; a question is one value of a release (`latest`,
`eol`, the first `releaseCycle`) that differs from the state before.

Every file has the time stamp of the day of its state, as it has where it is written: what is dated
later is a plan (see `ragcl/search/recency.py`).

Every other question of the stream (the first, the third, …) is the development half: only there
was looked at what is missed. The other half is reported beside it. The weight of dates was chosen
on those of the development half that belong to the last day: with 0 of them 81 % were found, with
0.3, 0.4 and 0.6 of a cosine 95, 97 and 99 % (0.5 of it is 0.75 of similarity).
"""

import argparse
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.results import Hit

RESULTS = Path(__file__).parent / "results" / "freshness.json"
K = 3  # passages a question
BARS = {"found": 0.95, "superseded": 0}
HALVES = ("development", "held out")
# The keys that lead to a value, which the reader of front matter writes before its own key.
_KEYS_ABOVE = re.compile(r"(?:^|(?<=; ))\s*(?:[\w-]+\.)+(?=[\w-]+:)", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#(?:\s.*|$)")
_KEY = re.compile(r"\w[\w.-]*: ")
_WORD = re.compile(r"(?<!\\)\w(?:[\w.:/+-]*\w)?")  # not the letter of an escape


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", metavar="FOLDER", type=Path)
    parser.add_argument("--products", type=int, help="only so many, to try it out")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not (options.data / "manifest.json").is_file():
        parser.error(f"{options.data} holds no manifest.json; see --help for what it must hold")
    with tempfile.TemporaryDirectory(prefix="ragcl-freshness-") as temporary:
        measured = replay(options.data, Path(temporary), options.products)
    result = {
        "command": "python -m benchmarks.freshness FOLDER"
        + (f" --products {options.products}" if options.products else ""),
        "machine": {"processors": os.cpu_count(), "platform": platform.platform(terse=True)},
        **measured,
    }
    print(table(result))
    out = options.out or (None if options.products else RESULTS)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def replay(data: Path, work: Path, products: int | None) -> dict[str, Any]:
    """Ingest the snapshot and each delta, and ask after every delta what it changed."""
    docs = work / "docs"
    docs.mkdir()
    questions = [
        {**json.loads(line), "half": HALVES[number % 2]}
        for number, line in enumerate(
            (data / "qa_stream.jsonl").read_text(encoding="utf-8").splitlines()
        )
    ]
    kept = _evenly({question["doc"] for question in questions}, products)
    [snapshot] = data.glob("snapshot_*")
    steps, asked = [], []
    with KnowledgeBase.open(work / "kb") as kb:
        say("ingesting the snapshot …")
        day = snapshot.name.removeprefix("snapshot_")
        steps.append(step(kb, docs, snapshot, day, [], kept))
        for delta in json.loads((data / "manifest.json").read_text(encoding="utf-8")):
            say(f"ingesting the changes until {delta['date']} …")
            changes, day = data / f"delta_{delta['date']}", delta["date"]
            steps.append(step(kb, docs, changes, day, delta["deleted"], kept))
            due = [q for q in questions if q["as_of"] == delta["date"] and q["doc"] in kept]
            say(f"{len(due)} questions …")
            asked += [
                answered(question, kb.search(question["question"], K), docs) for question in due
            ]
    return {"k": K, "bars": BARS, "ingests": steps, **summary(asked), "missed": missed(asked)}


def _evenly(names: Iterable[str], count: int | None) -> set[str]:
    """So many of the names, from all over the alphabet; None: all."""
    ordered = sorted(names)
    return set(ordered[:: max(1, len(ordered) // count)][:count] if count else ordered)


# Changing the folder


def step(
    kb: KnowledgeBase, docs: Path, changes: Path, day: str, deleted: Sequence[str], kept: set[str]
) -> dict[str, Any]:
    """Bring the folder to its state of a day, ingest it, and once more with nothing new."""
    stamp = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    for path in sorted(changes.glob("*.md")):
        if path.name in kept:
            shutil.copyfile(path, docs / path.name)
            os.utime(docs / path.name, (stamp, stamp))
    for name in deleted:
        (docs / name).unlink(missing_ok=True)
    started = time.perf_counter()
    report = kb.ingest(docs)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    again = kb.ingest(docs)
    seconds_again = time.perf_counter() - started
    if report.failed or again.added or again.updated or again.deleted:
        raise SystemExit(f"{changes.name}: an ingest failed or was not complete: {report.failed}")
    return {
        "step": changes.name,
        "files": len(list(docs.iterdir())),
        "files_changed": len(report.added) + len(report.updated) + len(report.deleted),
        "chunks": kb.status().chunks,
        "chunks_added": report.chunks_added,
        "chunks_removed": report.chunks_removed,
        "seconds": round(seconds, 2),
        "seconds_when_nothing_changed": round(seconds_again, 3),
    }


# Asking


def answered(question: dict[str, Any], hits: Sequence[Hit], docs: Path) -> dict[str, Any]:
    """The question with what came back: the answer or not, and passages that are not current."""
    return {
        **question,
        "found": any(
            hit.source == question["doc"] and holds(hit.text, question["answer"]) for hit in hits
        ),
        "right_file": any(hit.source == question["doc"] for hit in hits),
        "passages": len(hits),
        "superseded": [hit.source for hit in hits if not current(hit, docs)],
    }


def holds(text: str, answer: str) -> bool:
    """Whether the answer is there, and not only as a part of a longer version: 8.5 of 8.5.2."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(answer)}(?![\w-]|\.\w)", text))


def current(hit: Hit, docs: Path) -> bool:
    """Whether every value of the passage stands on the lines of the file that it names.

    It has to stand there behind its key, in its record, and as often as in the passage; the order
    does not matter: a reader may put a comment behind the record that it was written in.
    """
    path = docs / hit.source
    if not path.is_file() or not hit.lines:
        return False
    first, last = hit.lines
    lines = path.read_text(encoding="utf-8").splitlines()
    named = _words(lines[first - 1 : last])
    rows = hit.text.splitlines()
    said = [value for row in rows for value in _values(row)]
    missing = [value for value, times in Counter(said).items() if _count(value, named) < times]
    # A piece of a long table begins with its header, and one of a long record with the record's
    # first value: both stand above its lines.
    if missing and (missing != said[:1] or not _count(missing[0], _words(lines[: first - 1]))):
        return False
    return all(_together(_values(row), named) for row in rows if _KEY.match(row))


def _together(record: Sequence[str], named: str) -> bool:
    """Whether the values of a record stand before the next one; true if its first is elsewhere."""
    key, *rest = record[0].split()
    start = f"{' '.join(rest)} "
    begun = [part for part in f" {named} ".split(f" {key} ")[1:] if part.startswith(start)]
    return not begun or any(all(_count(value, one) for value in record[1:]) for one in begun)


def _values(line: str) -> list[str]:
    """The words of each value of a record with its key, and of a comment; of prose, of a clause."""
    parts = [*_COMMENT.sub("", line).split("; "), *_COMMENT.findall(line)]
    return [words for part in parts if (words := _words([part]))]


def _words(lines: Sequence[str]) -> str:
    """The words of lines with spaces between them, those of comments last.

    Versions, dates and addresses are one word; quotes and the marks of a list are none.
    """
    plain = [_COMMENT.sub("", line) for line in lines]
    comments = [comment for line in lines for comment in _COMMENT.findall(line)]
    return " ".join(_WORD.findall(_KEYS_ABOVE.sub("", "\n".join([*plain, *comments]))))


def _count(some: str, words: str) -> int:
    return len(re.findall(rf"(?<!\S){re.escape(some)}(?!\S)", words))


# Figures


def summary(asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares and counts for all questions, for each half, date and kind."""
    groups: dict[str, list[dict[str, Any]]] = {"all": list(asked)}
    for part in ("half", "as_of", "kind"):
        for name in dict.fromkeys(one[part] for one in asked):
            groups[name] = [one for one in asked if one[part] == name]
    return {
        "questions": {
            name: {
                "asked": len(group),
                "found": round(sum(one["found"] for one in group) / len(group), 4),
                "right_file": round(sum(one["right_file"] for one in group) / len(group), 4),
                "passages": sum(one["passages"] for one in group),
                "superseded": sum(len(one["superseded"]) for one in group),
            }
            for name, group in groups.items()
        }
    }


def missed(asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The questions of the development half without their answer, and the files most missed."""
    lost = [one for one in asked if not one["found"] and one["half"] == HALVES[0]]
    return {
        "files": dict(Counter(one["doc"] for one in lost).most_common(20)),
        "questions": [f"{one['as_of']} {one['question']} {one['answer']}" for one in lost],
    }


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = ["                      files       chunks              seconds"]
    lines.append("                     changed/all  added/gone/all      changed  nothing new")
    for one in result["ingests"]:
        files = f"{one['files_changed']}/{one['files']}"
        chunks = f"{one['chunks_added']}/{one['chunks_removed']}/{one['chunks']}"
        lines.append(
            f"{one['step']:20} {files:>11}  {chunks:>16} {one['seconds']:10.1f}"
            f" {one['seconds_when_nothing_changed']:12.2f}"
        )
    lines.append(f"{'':20} {'asked':>7} {'found':>8} {'right file':>12} {'superseded':>12}")
    for name, one in result["questions"].items():
        superseded = f"{one['superseded']}/{one['passages']}"
        lines.append(
            f"{name:20} {one['asked']:7} {one['found']:8.1%} {one['right_file']:12.1%}"
            f" {superseded:>12}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
