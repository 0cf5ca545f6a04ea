"""What is served while documents change every month and the weights learn them.

    python -m benchmarks.releases FOLDER [--questions 32] [--out FILE]

FOLDER holds release tables as they were on a day, and what changed in each of three months: see
`benchmarks/freshness.py`. The hot set is so many questions of the stream, each about a value that
changes at least once, of products from all over the alphabet, at most two a product; the folder
holds the files of these products. At every date it is ingested; the hot set is asked in three
wordings; a round of consolidation is run. In a fourth wording, which is never asked otherwise, the
hot set is put to each route twice: *at once*, when the files have changed and the weights have not,
and *after the round*.

- *right*: the answer holds the value that the file states now, as a whole word.
- *stale*: it holds one that the file stated before, and not that of now.
- *RAG alone* is mode `context`; *weights, watched* mode `weights`, which is silent on text that has
  changed; *weights alone* are the same adapters without ragcl around them, which say the likeliest
  of all they were taught.
"""

import argparse
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.freshness import holds, step
from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.recall import likelihood_alone, recall
from ragcl.models import model_files
from ragcl.results import Mode

RESULTS = Path(__file__).parent / "results" / "releases.json"
OF_A_PRODUCT = 2  # questions at most
ROUTES: dict[str, Mode] = {"auto": "auto", "RAG alone": "context", "weights, watched": "weights"}
ALONE = "weights alone"

# The stream's own wording, two others to ask and learn in, and one to measure with, which shares
# with them hardly a word but the name.
WORDINGS = {
    "latest_in_cycle": (
        "What is the latest release of {}?",
        "Which release of {} is the latest one?",
        "{}: what is the latest release?",
        "Which version number did {} get most recently?",
    ),
    "newest_cycle": (
        "What is the newest release cycle of {}?",
        "Which release cycle of {} is the newest one?",
        "{}: what is the newest release cycle?",
        "What series of {} came out last?",
    ),
    "eol_date": (
        "On what date does {} reach end of life?",
        "When does {} reach its end of life?",
        "{}: on what date is the end of life?",
        "Until which day is {} supported?",
    ),
}


@dataclass(frozen=True)
class Fact:
    """A value that changes; `values` are what it is from each date on, the first one's is ''."""

    file: str
    kind: str
    about: str
    values: tuple[tuple[str, str], ...]

    def question(self, wording: int) -> str:
        """One of the four ways to ask for it."""
        return WORDINGS[self.kind][wording].format(self.about)

    def now(self, day: str) -> str:
        """The value on a day."""
        return [value for since, value in self.values if since <= day][-1]

    def before(self, day: str) -> list[str]:
        """The values that it had until then and has no longer."""
        now = self.now(day)
        return [value for since, value in self.values if since <= day and value != now]


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", metavar="FOLDER", type=Path)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    facts = hot_set(options.data, options.questions)
    with tempfile.TemporaryDirectory(prefix="ragcl-releases-") as folder:
        months = replay(options.data, Path(folder), facts)
    result = {
        "command": f"python -m benchmarks.releases FOLDER --questions {len(facts)}",
        "questions": len(facts),
        "months": months,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def hot_set(data: Path, count: int) -> list[Fact]:
    """So many facts of the stream, those of a product side by side."""
    stream = map(json.loads, (data / "qa_stream.jsonl").read_text(encoding="utf-8").splitlines())
    changes: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in stream:
        about = re.fullmatch(
            re.escape(WORDINGS[one["kind"]][0]).replace(r"\{\}", "(.+)"), one["question"]
        )
        if about:
            changes[one["doc"], one["kind"], about[1]].append(one)
    products: dict[str, list[Fact]] = defaultdict(list)
    [snapshot] = data.glob("snapshot_*")
    for (file, kind, about), found in changes.items():
        if (snapshot / file).exists() and len(products[file]) < OF_A_PRODUCT:
            values = [("", found[0]["stale_answer"]), *((c["as_of"], c["answer"]) for c in found)]
            products[file].append(Fact(file, kind, about, tuple(values)))
    names = sorted(file for file in products if len(products[file]) == OF_A_PRODUCT)
    wanted = max(1, count // OF_A_PRODUCT)
    chosen = [names[i * len(names) // wanted] for i in range(wanted)]
    return [one for name in dict.fromkeys(chosen) for one in products[name]]


def replay(data: Path, folder: Path, facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """The snapshot and each month: what is answered at once and after a round."""
    docs, kept = folder / "docs", {one.file for one in facts}
    docs.mkdir()
    [snapshot] = data.glob("snapshot_*")
    states = [(snapshot, snapshot.name.removeprefix("snapshot_"), [])]
    for delta in json.loads((data / "manifest.json").read_text(encoding="utf-8")):
        states.append((data / f"delta_{delta['date']}", delta["date"], delta["deleted"]))
    months = []
    with KnowledgeBase.open(folder / "kb") as kb:
        for changes, day, deleted in states:
            say(f"{day}: ingesting …")
            month: dict[str, Any] = {"date": day}
            month["ingest"] = step(kb, docs, changes, day, deleted, kept)
            month["changed"] = sum(any(day == since for since, _ in one.values) for one in facts)
            if months:
                month["at once"] = served(kb, facts, day)
                month["at once"][ALONE] = scored(facts, day, alone(kb, folder / "kb", facts))
                say(f"  at once: {month['at once']}")
            kb.ask_many([one.question(n) for one in facts for n in range(3)])
            started = time.time()
            report = kb.consolidate()
            month["round"] = {
                "status": report.status,
                "reason": report.reason,
                "seconds": round(time.time() - started, 1),
                "questions trained": report.questions_trained,
                "adapters": len(kb.status().adapters),
            }
            say(f"  {month['round']}")
            month["after the round"] = served(kb, facts, day)
            say(f"  after the round: {month['after the round']}")
            months.append(month)
    return months


def served(kb: KnowledgeBase, facts: Sequence[Fact], day: str) -> dict[str, Any]:
    """What ragcl answers by each route, in the wording that is never learned."""
    found = {}
    for name, mode in ROUTES.items():
        answers = kb.ask_many([one.question(3) for one in facts], mode=mode, record=False)
        texts = ["" if one.abstained else one.text for one in answers]
        found[name] = scored(facts, day, texts)
        found[name]["from weights"] = sum(one.route == "weights" for one in answers)
    return found


def scored(facts: Sequence[Fact], day: str, said: Sequence[str]) -> dict[str, int]:
    """How many answers are right, stale and silent."""
    right = [holds(text, one.now(day)) for one, text in zip(facts, said, strict=True)]
    stale = [
        not is_right and any(holds(text, old) for old in one.before(day))
        for one, text, is_right in zip(facts, said, right, strict=True)
    ]
    return {"right": sum(right), "stale": sum(stale), "silent": sum(not text for text in said)}


def alone(kb: KnowledgeBase, folder: Path, facts: Sequence[Fact]) -> list[str]:
    """What the adapters on disk say with nothing that watches over them."""
    _, adapters = kb.catalog.learning.active()
    model = LanguageModel(model_files.resolve("default", "language_model"))
    prompts = Prompts.of(model)
    said = []
    for one in facts:
        wordings = {one.question(n) for n in range(3)}
        taught = [
            adapter
            for adapter in adapters
            if wordings & {question.question for question in adapter.questions}
        ]
        if not taught:
            said.append("")
            continue
        [adapter, *_] = taught
        model.attach(adapter.id, folder / "adapters" / adapter.id)
        answers = [question.answer for question in adapter.questions]
        prompt = prompts.closed_book(one.question(3))
        [completion] = recall(model, [prompt], [likelihood_alone(answers)], adapter=adapter.id)
        said.append(completion.text)
    return said


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"{result['questions']} hot questions, asked in a wording that is never learned.",
        "",
        "| date | changed | when | route | right | stale | silent | from weights |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for month in result["months"]:
        for when in ("at once", "after the round"):
            for name, row in month.get(when, {}).items():
                lines.append(
                    f"| {month['date']} | {month['changed']} | {when} | {name} | {row['right']} "
                    f"| {row['stale']} | {row['silent']} | {row.get('from weights', '')} |"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
