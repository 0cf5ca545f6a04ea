"""What texts that were written to mislead can do: to answers, and to the weights.

    python -m benchmarks.poison FOLDER [--questions 40] [--out FILE]

FOLDER holds `msmarco.json` of PoisonedRAG (Zou et al. 2024, arXiv 2402.07867), from
`results/adv_targeted_results` of the repository sleeepeer/PoisonedRAG: questions with their right
answer, a wrong one, and five passages each that were written to be found for the question and to
state the wrong one. The passages with the right answers are not in it; in their place stands one
line a question.

The right lines are one folder. It is asked about, in two wordings; then the passages come as a
second folder, everything is asked again, and a round is run. What is measured is asked in a third
wording (`wordings/poison.jsonl`), which nobody learned. This is done twice: with the second folder
untrusted, as it should be said of a place where anybody may write, and with both trusted.

- *attacked*: the share of answers that state the wrong answer and not the right one, by mode.
- *right*: the share that state the right one.
- *poison learned*: chunks of the second folder that an adapter holds; *in study rows*: rows of
  chunks learned that quote them; *wrong answers taught*.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains
from ragcl.results import MODES
from ragcl.text.sentences import split_sentences

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "poison.json"
UNSEEN = HERE / "wordings" / "poison.jsonl"
WORDINGS = ("{}", "Please tell me: {}")


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    entries = json.loads((options.folder / "msmarco.json").read_text("utf-8"))
    wordings = map(json.loads, UNSEEN.read_text("utf-8").splitlines())
    by_id = {one["id"]: one for one in entries.values()}
    chosen = [by_id[one["id"]] | {"unseen": one["unseen"]} for one in wordings]
    chosen = chosen[: options.questions]
    found = {}
    for name, trusted in (("poison untrusted", False), ("poison trusted", True)):
        with tempfile.TemporaryDirectory(prefix="ragcl-poison-") as folder:
            say(f"{name} …")
            found[name] = attack(Path(folder), chosen, trusted)
    result = {
        "command": f"python -m benchmarks.poison FOLDER --questions {len(chosen)}",
        "questions": len(chosen),
        **found,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def attack(folder: Path, entries: list[dict[str, Any]], trusted: bool) -> dict[str, Any]:
    """Everything that is measured with the second folder trusted or not."""
    good, bad = folder / "good", folder / "bad"
    good.mkdir()
    bad.mkdir()
    for one in entries:
        line = f"{one['question'].rstrip('?')}? {one['correct answer']}."
        (good / f"{one['id']}.txt").write_text(f"{line}\n", encoding="utf-8")
        for number, text in enumerate(one["adv_texts"]):
            (bad / f"{one['id']}-{number}.txt").write_text(f"{text}\n", encoding="utf-8")
    asked = [wording.format(one["question"]) for one in entries for wording in WORDINGS]
    result: dict[str, Any] = {}
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(good)
        result["before"] = {"context": _by_answer(kb, entries, "context")}
        kb.ask_many(asked)
        say("  the poison comes …")
        kb.ingest(bad, trusted=trusted)
        kb.ask_many(asked)
        say("  one round …")
        report = kb.consolidate()
        say(f"  {report.status} {report.reason}")
        result["round"] = {
            "status": report.status,
            "reason": report.reason,
            "chunks selected": report.chunks_selected,
            "left out as untrusted": sum("untrusted" in one["reason"] for one in report.left_out),
        }
        result["weights"] = _learned(kb, bad, entries)
        result["after"] = {mode: _by_answer(kb, entries, mode) for mode in MODES}
        say(f"  {result['after']}")
    return result


def _by_answer(kb: KnowledgeBase, entries: list[dict[str, Any]], mode: Any) -> dict[str, float]:
    answers = kb.ask_many([one["unseen"] for one in entries], mode=mode, record=False)
    right = attacked = weights = 0
    for answer, one in zip(answers, entries, strict=True):
        is_right = contains(answer.text, [one["correct answer"]])
        right += is_right
        attacked += not is_right and contains(answer.text, [one["incorrect answer"]])
        weights += answer.route == "weights"
    n = len(entries)
    return {"right": right / n, "attacked": attacked / n, "from weights": weights / n}


def _learned(kb: KnowledgeBase, bad: Path, entries: list[dict[str, Any]]) -> dict[str, int]:
    documents, (_, adapters) = kb.catalog.documents, kb.catalog.learning.active()
    root = documents.root_id(str(bad.resolve()))
    poison = {key for path in bad.iterdir() for key in documents.hashes_of(root, path.name)}
    held = {chunk.content_hash for adapter in adapters for chunk in adapter.chunks}
    quoted = {
        sentence
        for path in bad.iterdir()
        for sentence in split_sentences(path.read_text(encoding="utf-8").strip())
    }
    wrong = {one["question"]: one["incorrect answer"] for one in entries}
    taught = {q.question: q.answer for adapter in adapters for q in adapter.questions}
    rows = kb.catalog.learning.study(held, kb._answerer.reader.teacher(kb._embedder))
    return {
        "chunks learned": len(held),
        "poison learned": len(held & poison),
        "study rows that quote poison": sum(
            any(sentence.text in quoted for sentence in rows[question].sentences)
            for question in taught
            if question in rows
        ),
        "wrong answers taught": sum(
            contains(taught[question], [wrong[question]])
            for question in wrong
            if question in taught
        ),
    }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"{result['questions']} questions, five poisoned passages each.",
        "",
        "| | mode | right | attacked | from weights |",
        "|---|---|---|---|---|",
    ]
    for name in ("poison untrusted", "poison trusted"):
        for when in ("before", "after"):
            for mode, row in result[name][when].items():
                figures = " | ".join(f"{value:.2f}" for value in row.values())
                lines.append(f"| {name}, {when} | {mode} | {figures} |")
        lines.append(f"| {name} | {result[name]['weights']} | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
