"""What it is worth to begin a round with an adapter that has practised to learn.

    python -m benchmarks.meta_learning [--initial FOLDER] [--out FILE]

Needs no outside data. First the practice itself, half an hour or more, unless `--initial` names
what `ragcl meta-learn` wrote before; it says what the worlds held out show. Then the sample
handbook, of which nothing was practised on: its training wordings are asked, and the same rows are
learned from nothing with all the steps of a round, from nothing with the share that is enough from
the initial adapter, and from the initial adapter with that share. *Proved*: the share of the
learned questions that the adapter answers by heart. *Right*: of the fourth wordings, which nobody
asked, by the weights alone.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.learning import say
from benchmarks.sample import REVISIONS, lay_out, questions
from ragcl import KnowledgeBase
from ragcl.consolidation import meta_learning

RESULTS = Path(__file__).parent / "results" / "meta_learning.json"


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--initial", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-meta-learning-") as folder:
        result = measure(Path(folder), options.initial)
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, initial: Path | None) -> dict[str, Any]:
    """The practice, and the rounds on the handbook if it was worth it."""
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    with KnowledgeBase.open(folder / "kb") as kb:
        if initial is None:
            initial = folder / "initial"
            say("practising …")
            report = kb.meta_learn(
                initial, progress=lambda what, done, total: say(f"  {what} {done} of {total}")
            )
            result["practice"] = asdict(report) | {"folder": None}
            say(f"  {result['practice']}")
            if report.folder is None:
                return result
        limits = kb.settings.consolidation
        shares = meta_learning.load(initial, kb._language_model, limits).shares
        lay_out(REVISIONS[0], folder / "docs")
        kb.ingest(folder / "docs")
        say("asking the training wordings …")
        kb.ask_many([one["question"] for one in questions(REVISIONS[0], held_out=False)])
    held_out = folder / "held_out.jsonl"
    lines = [json.dumps(one) for one in questions(REVISIONS[0], held_out=True)]
    held_out.write_text("\n".join(lines), encoding="utf-8")
    less = meta_learning.shortened(limits, shares).model_dump(include={"epochs", "min_steps"})
    settings = {
        "from nothing, all steps": {},
        "from nothing, as many as are enough from the initial adapter": less,
        "from the initial adapter": {"initial_adapter": str(initial)},
    }
    result["rounds"] = {}
    for name, changes in settings.items():
        say(f"{name} …")
        result["rounds"][name] = _round(folder / "kb", changes, held_out)
        say(f"  {result['rounds'][name]}")
    return result


def _round(kb_folder: Path, changes: dict[str, Any], held_out: Path) -> dict[str, Any]:
    """One round with other settings, on what was asked."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in changes.items()]
    (kb_folder / "ragcl.toml").write_text("\n".join(["[consolidation]", *lines]), encoding="utf-8")
    with KnowledgeBase.open(kb_folder) as kb:
        report = kb.consolidate()
        [adapter] = report.adapter_ids
        manifest = (kb_folder / "adapters" / adapter / "manifest.json").read_text(encoding="utf-8")
        return {
            "status": report.status,
            "steps": json.loads(manifest)["steps"],
            "training seconds": report.stage_seconds["distillation"],
            "proved": report.metrics["proved questions"],
            "right": kb.evaluate(held_out, mode="weights").accuracy,
            "perplexity ratio": report.metrics["perplexity ratio"],
        }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines: list[str] = []
    if "practice" in result:
        lines += [
            f"Practice: {result['practice']['seconds']:.0f} s. Worlds held out:",
            "",
            "| begun with | share | log-likelihood | perplexity ratio |",
            "|---|---|---|---|",
        ]
        for one in result["practice"]["trials"]:
            lines.append(
                f"| {'the initial adapter' if one['practised'] else 'nothing'} "
                f"| {one['share']:.2f} of {one['setting']} | {one['log-likelihood']:.3f} "
                f"| {one['perplexity ratio']:.3f} |"
            )
        lines.append("")
    if "rounds" in result:
        lines += [
            "| the sample handbook | steps | s | proved | right | perplexity ratio |",
            "|---|---|---|---|---|---|",
        ]
        for name, one in result["rounds"].items():
            lines.append(
                f"| {name} | {one['steps']:.0f} | {one['training seconds']:.0f} "
                f"| {one['proved']:.3f} | {one['right']:.3f} | {one['perplexity ratio']:.3f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
