"""The main job on the sample handbook, told as a story.

    python -m benchmarks.demo [FOLDER] [--full]

Everything happens in FOLDER (default `.demo`), which is made anew. People ask about a few facts of
the handbook, or with `--full` about all of them.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from benchmarks.probes import evenly
from benchmarks.sample import REVISIONS, lay_out, questions
from ragcl import KnowledgeBase
from ragcl.results import Answer, Mode

STORY = "north-berth-depth"  # a fact that changes in the second revision
FACTS = 12  # that are asked about, if not all


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".demo"))
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    folder = options.folder
    shutil.rmtree(folder, ignore_errors=True)
    docs = folder / "handbook"
    first, second, _ = REVISIONS
    lay_out(first, docs)
    facts = list(dict.fromkeys(one["fact"] for one in questions(first)))
    hot = facts if options.full else [STORY, *evenly([f for f in facts if f != STORY], FACTS - 1)]
    unseen = [one for one in questions(first, held_out=True) if one["fact"] in hot]
    asked = next(one["question"] for one in unseen if one["fact"] == STORY)
    quiz = folder / "quiz.jsonl"
    quiz.write_text("\n".join(json.dumps(one) for one in unseen), encoding="utf-8")
    with KnowledgeBase.open(folder / "kb") as kb:
        title("1. A folder of documents goes in")
        report = kb.ingest(docs)
        say(f"{len(report.added)} documents, {report.chunks_added} chunks, {report.seconds:.1f} s")

        title("2. A question is answered at once, from the text, with its source")
        show(kb.ask(asked, record=False))

        title("3. Without the text the model knows nothing of this place")
        show(kb.ask(asked, mode="weights", record=False))
        score(kb, quiz, "weights")

        title("4. People ask, in their own words, and what they ask is logged")
        training = [
            one["question"] for one in questions(first, held_out=False) if one["fact"] in hot
        ]
        started = time.time()
        kb.ask_many(training, progress=count)
        say(f"{len(training)} questions in {time.time() - started:.0f} s, such as:")
        for one in training[:3]:
            say(f"  {one}")

        title("5. The nightly job puts what is asked often into the weights")
        started = time.time()
        done = kb.consolidate(progress=count)
        say(f"{done.status} after {time.time() - started:.0f} s {done.reason}")
        say(f"{done.questions_trained} questions on {done.chunks_selected} chunks trained;")
        say(f"{done.questions_held_out} others kept back, on which the adapter was tested:")
        for name, value in done.metrics.items():
            say(f"  {name}: {value:.3f}")

        title(
            "6. Now it does, in wordings that it was never trained on; in auto only if it is sure"
        )
        score(kb, quiz, "weights")
        show(kb.ask(asked, mode="weights", record=False))
        score(kb, quiz, "auto")
        show(kb.ask(asked, record=False))
        say("What was asked before, as it was asked:")
        show(kb.ask(training[1], record=False))

        title("7. A document is edited; the next answer is the new one, with no training between")
        lay_out(second, docs)
        report = kb.ingest(docs)
        say(
            f"{', '.join(report.updated)} updated, {', '.join(report.added)} added: "
            f"{report.seconds:.1f} s"
        )
        show(kb.ask(asked, record=False))
        show(kb.ask(asked, mode="weights", record=False))
    print(f"\nThe knowledge base is in {folder / 'kb'}; try:")
    print(f'  .venv/bin/ragcl --kb {folder / "kb"} ask "{training[1]}"')
    print(f"  .venv/bin/ragcl --kb {folder / 'kb'} status")


def title(text: str) -> None:
    """A heading."""
    print(f"\n{text}", flush=True)


def say(text: str) -> None:
    """A line of the story."""
    print(f"   {text}", flush=True)


def show(answer: Answer) -> None:
    """A question, its answer, where it came from and why."""
    say(f"Q ({answer.mode}): {answer.question}")
    say(f"A: {answer.text}")
    for citation in answer.citations[:1]:
        lines = f", lines {citation.lines[0]}-{citation.lines[1]}" if citation.lines else ""
        say(f"   from {citation.source}{lines}: {citation.heading}")
    say(f"   route {answer.route}, {answer.prompt_tokens} prompt tokens: {answer.trace['reason']}")


def score(kb: KnowledgeBase, quiz: Path, mode: Mode) -> None:
    """How many questions of a file are answered rightly, and from where."""
    done = kb.evaluate(quiz, mode=mode, progress=count)
    say(
        f"{mode}: {done.accuracy * done.questions:.0f} of {done.questions} questions right, "
        f"{done.routes.get('weights', 0)} from the weights, "
        f"{done.mean_prompt_tokens:.0f} prompt tokens each"
    )


def count(what: str, done: int, total: int) -> None:
    """Progress on one line of a terminal."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r   {what} {done}/{total}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
