"""What one round of consolidation learns, on the sample handbook or on things that are all alike.

    python -m benchmarks.learning [handbook | alike | unasked] [--out FILE]

Needs no outside data. Asks the three training wordings of every fact, runs one round, and measures
on the fourth wording, which is neither asked nor trained on, and of `auto` on those that were asked
as well, as questions that are hot come back; beside it, what others would do with the same
questions and texts (`benchmarks/contenders.py`). *Near misses* are about the same texts, and the
weights were not taught them: what the handbook does not say, or what was not asked about the firms.

On the handbook also how long a question takes by itself; then the world moves on: facts change, a
document goes; every question about them is asked by every route, before and after a second round,
and no answer may be what is no longer so. Of the firms (`benchmarks/answers/firms.py`), of which
each has a document, every third is asked about.

`unasked` is about what a larger teacher adds: half of the facts of those firms are asked about, and
the teacher (`RAGCL_MODELS__TEACHER=FOLDER`) writes questions of its own about the passages.
*Covered* are the facts that nobody asked about and one of its questions that were learned did.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.answers import firms
from benchmarks.probes import evenly
from benchmarks.progress import say
from benchmarks.sample import REVISIONS, lay_out, questions, unanswerable, write_questions
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains
from ragcl.results import MODES, ConsolidationReport, EvaluationReport, Mode
from ragcl.text.answers import compatible

RESULTS = Path(__file__).parent / "results"
NAMES = {
    "handbook": "learning.json",
    "alike": "learning_alike.json",
    "unasked": "learning_unasked.json",
}
ASKED_SINGLY = 24
EVERY_FIRM = 3  # is asked about
UNSEEN = 4  # the wording of the firms' questions that nobody asks before the round
ASKED_FACTS = ("founded", "town", "logo")  # of six, where the others are left to the teacher


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=list(NAMES), default="handbook")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = RUNS[options.what](Path(folder))
    out = options.out or RESULTS / NAMES[options.what]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2) if options.what == "unasked" else table(result))


def handbook(folder: Path) -> dict[str, Any]:
    """One round on the first revision, and what is answered when the world has moved on."""
    lay_out(REVISIONS[0], folder / "docs")
    asked = questions(REVISIONS[0], held_out=False)
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(folder / "docs")
        result = measure(
            kb, folder, asked, questions(REVISIONS[0], held_out=True), unanswerable(), trained=True
        )
        result["seconds_of_one_question"] = _singly(kb, asked)
        result["moved"] = _move_on(kb, folder)
        return result


def alike(folder: Path) -> dict[str, Any]:
    """One round on some of many firms that are all alike."""
    docs = folder / "docs"
    firms.lay_out(docs)
    every = firms.questions()
    hot = _hot_firms(every)

    def rows(taken: Callable[[firms.FirmQuestion], bool]) -> list[dict[str, Any]]:
        return [
            {"question": one.question, "answers": list(one.answers), "fact": (one.firm, one.fact)}
            for one in every
            if taken(one)
        ]

    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(docs)
        return measure(
            kb,
            folder,
            rows(lambda one: one.firm in hot and one.wording != UNSEEN),
            rows(lambda one: one.firm in hot and one.wording == UNSEEN),
            rows(lambda one: one.firm not in hot and one.wording == UNSEEN),
            trained=False,
        )


def chapter(folder: Path, language: str) -> dict[str, Any]:
    """One round on the chapters of the handbook in another language: "zh" or "de"."""
    lay_out(REVISIONS[-1], folder / "docs")
    asked, unseen = (
        questions(REVISIONS[-1], held_out=held_out, language=language) for held_out in (False, True)
    )
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(folder / "docs")
        return measure(kb, folder, asked, unseen, [], trained=False)


def unasked(folder: Path) -> dict[str, Any]:
    """What is known of facts of hot passages that only the teacher asked about."""
    docs = folder / "docs"
    firms.lay_out(docs)
    every = firms.questions()
    about = [one for one in every if one.firm in _hot_firms(every)]
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(docs)
        say("asking half of the facts …")
        kb.ask_many(
            [one.question for one in about if one.fact in ASKED_FACTS and one.wording != UNSEEN]
        )
        report, seconds = _one_round(kb)
        tested = [one for one in about if one.fact not in ASKED_FACTS and one.wording == UNSEEN]
        asked = [one.question for one in tested]
        answers = {
            mode: kb.ask_many(asked, mode=mode, record=False) for mode in ("weights", "context")
        }
        _, adapters = kb.catalog.learning.active()
        learned = [one for adapter in adapters for one in adapter.questions]
        current = kb.catalog.documents.current({one.content_hash for one in learned})
    covered = [
        any(
            one.firm in current[row.content_hash].headed and contains(row.answer, one.answers)
            for row in learned
        )
        for one in tested
    ]
    right = {
        mode: [contains(a.text, one.answers) for a, one in zip(some, tested, strict=True)]
        for mode, some in answers.items()
    }
    return {
        "facts nobody asked about": len(tested),
        "covered": sum(covered),
        "known, closed-book": sum(right["weights"]),
        "known of those covered": sum(
            a and b for a, b in zip(right["weights"], covered, strict=True)
        ),
        "right with context": sum(right["context"]),
        "round_seconds": round(seconds, 1),
        "round": _plain(report),
    }


def _one_round(kb: KnowledgeBase) -> tuple[ConsolidationReport, float]:
    """The report of a round, and the seconds it took."""
    say("one round …")
    started = time.time()
    report = kb.consolidate()
    seconds = time.time() - started
    say(f"  {report.status} after {seconds:.0f} s: {report.metrics}")
    return report, seconds


def _plain(report: ConsolidationReport) -> dict[str, Any]:
    """A report without where it lies on this machine."""
    return {k: v for k, v in asdict(report).items() if k != "report_path"}


def _hot_firms(every: Sequence[firms.FirmQuestion]) -> set[str]:
    """The firms that are asked about."""
    return set(list(dict.fromkeys(one.firm for one in every))[::EVERY_FIRM])


def measure(
    kb: KnowledgeBase,
    folder: Path,
    asked: Sequence[dict[str, Any]],
    unseen: Sequence[dict[str, Any]],
    near: Sequence[dict[str, Any]],
    *,
    trained: bool,
) -> dict[str, Any]:
    """Ask, run a round, and ask again: rows of the table, the round's report.

    Beside it the contenders, those that have to be `trained` too or not.
    """
    from benchmarks import contenders  # what they are built on is heavy

    files = {"unseen": unseen, "asked before": asked, "near misses": near}
    for name, some in files.items():
        write_questions(some, folder / f"{name}.jsonl")
    rows: dict[str, dict[str, float]] = {}

    def row(name: str, mode: Mode, among: str = "unseen") -> EvaluationReport:
        say(f"{name} …")
        found = kb.evaluate(folder / f"{among}.jsonl", mode=mode)
        rows[name] = _row(found)
        say(f"  {rows[name]}")
        return found

    # The first question loads the models, and how another language model reads is measured once.
    kb.ask(asked[0]["question"], mode="context", record=False)
    row("base, closed-book", "weights")
    read = row("base, open-book", "context")
    say("asking the training wordings …")
    kb.ask_many([one["question"] for one in asked])
    report, seconds = _one_round(kb)
    row("adapter, closed-book", "weights")
    row("adapter, with context", "both")
    agreement = {"unseen": _agreement(row("auto", "auto"), read)}
    for among in ("asked before", *(["near misses"] if near else [])):
        read = row(f"base, open-book, {among}", "context", among)
        agreement[among] = _agreement(row(f"auto, {among}", "auto", among), read)
    if report.status == "promoted":
        rows |= contenders.measure(kb, folder, unseen, trained=trained)
    return {
        "facts": len({str(one["fact"]) for one in unseen}),
        "round_seconds": round(seconds, 1),
        "closed_over_open": rows["adapter, closed-book"]["accuracy"]
        / rows["base, open-book"]["accuracy"],
        "auto_agrees_with_context": agreement,
        "rows": rows,
        "round": _plain(report),
    }


def _agreement(one: EvaluationReport, other: EvaluationReport) -> float:
    """The share of the questions whose answers agree; a phrase with sentences that hold it."""
    pairs = zip(one.details, other.details, strict=True)
    return statistics.mean(compatible(a.text, b.text) for a, b in pairs)


def _singly(kb: KnowledgeBase, asked: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The median seconds that a question takes which is asked by itself, by mode, in turn."""
    modes: tuple[Mode, ...] = ("context", "weights", "auto")
    taken: dict[str, list[float]] = {mode: [] for mode in modes}
    for one in [asked[0], *evenly(asked, ASKED_SINGLY)]:
        for mode in modes:
            started = time.perf_counter()
            kb.ask(one["question"], mode=mode, record=False)
            taken[mode].append(time.perf_counter() - started)
    # The first of each computes what all share.
    return {mode: statistics.median(seconds[1:]) for mode, seconds in taken.items()}


def _move_on(kb: KnowledgeBase, folder: Path) -> dict[str, Any]:
    """Lay out the last revision and look for answers that were right only before."""
    last = REVISIONS[-1]
    say("the world moves on …")
    lay_out(last, folder / "docs")
    report = kb.ingest(folder / "docs")
    now = {one["fact"]: one for one in questions(last)}
    old = [
        (one["question"], one["answers"])
        for one in questions(REVISIONS[0])
        if one["fact"] not in now or one["answers"] != now[one["fact"]]["answers"]
    ]
    result: dict[str, Any] = {
        "updated": report.updated,
        "deleted": report.deleted,
        "questions": len(old),
        "stale answers": _stale(kb, old),
    }
    say("a second round …")
    second = kb.consolidate()
    result["second round"] = second.status
    result["stale answers after it"] = _stale(kb, old)
    learned = {
        key
        for manifest in (folder / "kb" / "adapters").glob("*/manifest.json")
        for key in json.loads(manifest.read_text(encoding="utf-8"))["chunks"]
    }
    result["adapters on disk"] = len(list((folder / "kb" / "adapters").glob("*")))
    result["learned chunks no longer current"] = len(
        learned - kb.catalog.documents.current_hashes(learned)
    )
    return result


def _stale(kb: KnowledgeBase, old: list[tuple[str, list[str]]]) -> dict[str, int]:
    """How many answers by each mode hold what is no longer so."""
    return {
        mode: sum(
            contains(answer.text, answers)
            for answer, (_, answers) in zip(
                kb.ask_many([question for question, _ in old], mode=mode, record=False),
                old,
                strict=True,
            )
        )
        for mode in MODES
    }


def _row(report: EvaluationReport) -> dict[str, float]:
    return {
        "accuracy": report.accuracy,
        "f1": report.f1,
        "prompt_tokens": report.mean_prompt_tokens,
        "seconds_a_question": report.seconds / report.questions,
        "from_weights": report.routes.get("weights", 0) / report.questions,
    }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"{result['facts']} facts, questions in wordings never trained on; the round took "
        f"{result['round_seconds']:.0f} s and ended {result['round']['status']}.",
        "",
        "| | accuracy | F1 | prompt tokens | s a question | from weights |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in result["rows"].items():
        lines.append(
            f"| {name} | {row['accuracy']:.3f} | {row['f1']:.3f} | {row['prompt_tokens']:.0f} "
            f"| {row['seconds_a_question']:.2f} | {row['from_weights']:.2f} |"
        )
    lines += [
        "",
        f"closed-book / open-book: {result['closed_over_open']:.2f}; "
        "auto agrees with context: "
        + ", ".join(f"{v:.3f} {k}" for k, v in result["auto_agrees_with_context"].items()),
    ]
    if "moved" not in result:
        return "\n".join(lines)
    singly = result["seconds_of_one_question"]
    lines.append(
        "one question by itself: " + ", ".join(f"{k} {v:.3f} s" for k, v in singly.items())
    )
    moved = result["moved"]
    lines += [
        "",
        f"After {len(moved['updated'])} documents changed and {len(moved['deleted'])} went, "
        f"{moved['questions']} questions about what is no longer so; stale answers by mode:",
        f"at once {moved['stale answers']}, after a second round ({moved['second round']}) "
        f"{moved['stale answers after it']}; learned chunks on disk that are no longer current: "
        f"{moved['learned chunks no longer current']}",
    ]
    return "\n".join(lines)


RUNS = {"handbook": handbook, "alike": alike, "unasked": unasked}


if __name__ == "__main__":
    main()
