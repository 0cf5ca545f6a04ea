"""What is learned of Wikipedia's paragraphs, and what nobody asked about and must be left alone.

    python -m benchmarks.paragraphs FOLDER [--paragraphs 32] [--out FILE]

FOLDER holds `xquad.en.json` of XQuAD (Artetxe et al. 2020), from the repository
google-deepmind/xquad. Of each of the 32 articles of which the trained reader has seen nothing, the
first paragraph with four or more questions is a file. Of every paragraph two questions are *asked*,
each in three wordings: its own, that with a few words more, and another. The others are *near
misses*: about a passage that was learned, and a fact of it that nobody asked about. One round is
run. Then, by each route:

- *asked*: the asked questions in a fourth wording, which shares few words with the others
  (`wordings/paragraphs.jsonl`; there some facts are told by what the text says around them).
- *near misses*: the questions that were never asked. The weights cannot know them: what counts is
  that `auto` is as right as the context alone.
- *agree*: the share of answers that agree with those from the context.

Beside them, on what was asked, the base model without context and what others would make of the
same questions and paragraphs (`benchmarks/contenders.py`); on near misses *nearest question
taught*, a cache that serves what was studied for the most similar question about the passages
retrieved.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import contenders
from benchmarks.progress import say
from benchmarks.xquad import NOT_TESTED, articles
from ragcl import KnowledgeBase
from ragcl.results import Answer, Mode
from ragcl.text.answers import same, same_piece

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "paragraphs.json"
WORDINGS = HERE / "wordings" / "paragraphs.jsonl"
ASKED = 2  # questions a paragraph
AGAIN = "According to the article, {}"  # asked as well
MODES: tuple[Mode, ...] = ("context", "weights", "both", "auto")  # the first is agreed with


@dataclass(frozen=True)
class Question:
    """A question with its accepted answers; `asked` is another wording, `unseen` a third."""

    text: str
    answers: tuple[str, ...]
    asked: str = ""
    unseen: str = ""


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", metavar="FOLDER", type=Path)
    parser.add_argument("--paragraphs", type=int, default=32)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-paragraphs-") as folder:
        result = measure(options.data, Path(folder), options.paragraphs)
    result["command"] = f"python -m benchmarks.paragraphs FOLDER --paragraphs {options.paragraphs}"
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """One round on the paragraphs, and what each route answers before and after it."""
    docs = folder / "docs"
    docs.mkdir()
    asked, near = [], []
    wordings = {one["id"]: one for one in map(json.loads, WORDINGS.read_text("utf-8").splitlines())}
    fitting = [
        (article["title"], paragraph)
        for article in articles(data)
        if article["title"] not in NOT_TESTED
        and (paragraph := _first_fitting(article["paragraphs"])) is not None
    ]
    for title, paragraph in fitting[:count]:
        (docs / f"{title}.txt").write_text(paragraph["context"], encoding="utf-8")
        questions = [
            Question(
                one["question"],
                tuple(answer["text"] for answer in one["answers"]),
                **{name: wordings.get(one["id"], {}).get(name, "") for name in ("asked", "unseen")},
            )
            for one in paragraph["qas"]
        ]
        asked += questions[:ASKED]
        near += questions[ASKED:]
    sets = {"asked": asked, "near misses": near}
    texts = {
        "asked": [one.unseen for one in asked],
        "near misses": [one.text for one in near],
    }
    result: dict[str, Any] = {name: len(one) for name, one in sets.items()}
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(docs)
        before = kb.ask_many(texts["asked"], mode="weights", record=False)
        result["base, closed-book"] = _accuracy([one.text for one in before], asked)
        say("asking …")
        kb.ask_many(
            [words for one in asked for words in (one.text, AGAIN.format(one.text), one.asked)]
        )
        say("one round …")
        started = time.time()
        report = kb.consolidate()
        result["round"] = {
            "status": report.status,
            "reason": report.reason,
            "seconds": round(time.time() - started, 1),
            "questions trained": report.questions_trained,
            "chunks proved": report.chunks_proved,
            "metrics": report.metrics,
        }
        say(f"  {result['round']}")
        for name, questions in sets.items():
            result[name] = {"questions": len(questions)}
            answers: dict[Mode, list[Answer]] = {}
            for mode in MODES:
                started = time.time()
                answers[mode] = kb.ask_many(texts[name], mode=mode, record=False)
                seconds = (time.time() - started) / len(questions)
                row = _row(questions, answers[mode], answers["context"])
                result[name][mode] = row | {"seconds a question": seconds}
            result[name]["nearest question taught"] = _nearest(kb, questions, texts[name])
            say(f"  {name}: {result[name]}")
        result["contenders"] = contenders.measure(
            kb,
            folder,
            [
                {"question": text, "answers": one.answers}
                for text, one in zip(texts["asked"], asked, strict=True)
            ],
            trained=True,
        )
    return result


def _nearest(kb: KnowledgeBase, questions: Sequence[Question], texts: Sequence[str]) -> float:
    """How often what was taught for the most similar question is right: a cache, and no model."""
    taught = contenders.rows_taught(kb, texts)
    return _accuracy(contenders.nearest_answers(kb, texts, taught), questions)


def _accuracy(said: Sequence[str], questions: Sequence[Question]) -> float:
    return contenders.accuracy(said, [one.answers for one in questions])


def _first_fitting(paragraphs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first that leaves more than one question to be a near miss."""
    return next((one for one in paragraphs if len(one["qas"]) > ASKED + 1), None)


def _agree(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same, or one piece of what the second was read from."""
    read = [citation.text for citation in other.citations]
    return same(one.text, other.text) or same_piece(read, one.text, other.text)


def _row(
    questions: Sequence[Question], answers: Sequence[Answer], reference: Sequence[Answer]
) -> dict[str, float]:
    agreed = [_agree(one, other) for one, other in zip(answers, reference, strict=True)]
    return {
        "accuracy": _accuracy([one.text for one in answers], questions),
        "agree": statistics.mean(agreed),
        "from weights": statistics.mean(one.route == "weights" for one in answers),
        "prompt tokens": statistics.mean(one.prompt_tokens for one in answers),
    }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"One round of {result['round']['seconds']:.0f} s, {result['round']['status']}.",
        "",
        "| questions | mode | accuracy | agree | from weights | prompt tokens | s a question |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("asked", "near misses"):
        for mode in MODES:
            row = result[name][mode]
            lines.append(
                f"| {result[name]['questions']} {name} | {mode} | {row['accuracy']:.3f} "
                f"| {row['agree']:.3f} | {row['from weights']:.2f} | {row['prompt tokens']:.0f} "
                f"| {row['seconds a question']:.2f} |"
            )
        nearest = result[name]["nearest question taught"]
        lines.append(f"| | nearest question taught | {nearest:.3f} | | | | |")
    lines.append(
        f"\nOf what was asked, the base model without context {result['base, closed-book']:.3f}."
    )
    lines += [
        f"{name}: {row['accuracy']:.3f}, {row['prompt_tokens']:.0f} prompt tokens, "
        f"{row['seconds_a_question']:.2f} s a question"
        for name, row in result["contenders"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
