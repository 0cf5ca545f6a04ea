"""Check that the sample handbook and its questions keep what data/README.md promises.

Prints one line when all is well; otherwise lists every problem and exits with 1:

    python data/check.py
"""

import csv
import json
import re
import string
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from docx import Document
from pypdf import PdfReader

DATA = Path(__file__).parent
REVISIONS = sorted(folder.name for folder in (DATA / "handbook").iterdir() if folder.is_dir())
KEYS = {
    "question", "answers", "source", "fact", "wording",
    "held_out", "valid_from", "valid_until", "superseded",
}  # fmt: skip
MIN_FACTS, MIN_CHANGES, WORDINGS = 66, 8, 4
LANGUAGES, MIN_FACTS_OF_ONE = ("zh", "de"), 8
NEAR, UNRELATED = 24, 12

CHINESE = re.compile("[\u3007\u4e00-\u9fff]")  # no spaces between words

Row = dict[str, Any]  # one line of a question file
Texts = dict[str, dict[str, str]]  # revision → source → plain text

READERS: dict[str, Callable[[Path], str]] = {
    ".md": lambda path: path.read_text("utf-8"),
    ".txt": lambda path: path.read_text("utf-8"),
    ".csv": lambda path: " ".join(cell for row in csv.reader(path.open()) for cell in row),
    ".html": lambda path: BeautifulSoup(path.read_text("utf-8"), "lxml").get_text(" "),
    ".pdf": lambda path: " ".join(page.extract_text() for page in PdfReader(path).pages),
    ".docx": lambda path: " ".join(part.text for part in Document(str(path)).paragraphs),
}


def read(path: Path) -> str:
    """Return the plain text of a document, every run of white space made one space."""
    return " ".join(READERS[path.suffix](path).split())


def normalise(text: str) -> str:
    """Lower the case, drop punctuation and articles: the form in which answers are compared."""
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def contains(text: str, phrase: str) -> bool:
    """Say whether `phrase` occurs in `text`, both normalised: as whole words if it has spaces."""
    if CHINESE.search(phrase):
        return normalise(phrase) in normalise(text)
    return f" {normalise(phrase)} " in f" {normalise(text)} "


def load(name: str) -> list[Row]:
    """Return the rows of a JSON lines file in this folder."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def valid_in(row: Row) -> list[str]:
    """Return the revisions in which the answers of `row` hold."""
    until = row["valid_until"] or "9999"
    return [revision for revision in REVISIONS if row["valid_from"] <= revision < until]


def group_by_fact(rows: list[Row]) -> dict[str, dict[str, list[Row]]]:
    """Return fact → first revision of validity → rows, in the order of time."""
    facts: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row["valid_from"]):
        facts[row["fact"]][row["valid_from"]].append(row)
    return facts


def check_row(row: Row, texts: Texts) -> list[str]:
    """Check one question against the documents of every revision."""
    problems = []
    held_in = valid_in(row)
    if set(row) != KEYS:
        problems.append(f"keys are {sorted(row)}")
    if row["held_out"] != (row["wording"] == WORDINGS):
        problems.append("the last wording, and no other, is held out")
    if not held_in:
        problems.append("is valid in no revision")
    for answer in row["answers"]:
        if len(normalise(answer)) < 2:
            problems.append(f"answer {answer!r} is too short to be told from chance")
        if contains(row["question"], answer):
            problems.append(f"gives its answer {answer!r} away")
    for revision in held_in:
        text = texts[revision].get(row["source"], "")
        if not any(answer in text for answer in row["answers"]):
            problems.append(f"no answer is found in {revision}/{row['source']}")
    for revision in (revision for revision in REVISIONS if revision >= row["valid_from"]):
        for source, text in texts[revision].items():
            for old in row["superseded"]:
                if contains(text, old):
                    problems.append(f"superseded {old!r} is still in {revision}/{source}")
    for old in row["superseded"]:
        for answer in row["answers"]:
            if contains(answer, old) or contains(old, answer):
                problems.append(f"{old!r} and {answer!r} cannot be told apart")
    return [f"{row['fact']}, wording {row['wording']}: {problem}" for problem in problems]


def check_fact(fact: str, groups: dict[str, list[Row]], texts: Texts) -> list[str]:
    """Check that the rows of one fact agree with one another and follow without a gap."""
    problems = []
    wordings = [[row["question"] for row in rows] for rows in groups.values()]
    if any(questions != wordings[0] for questions in wordings):
        problems.append("is worded differently after a change")
    earlier: list[str] = []
    previous: Row | None = None
    for rows in groups.values():
        if [row["wording"] for row in rows] != list(range(1, WORDINGS + 1)):
            problems.append(f"needs wordings 1 to {WORDINGS}")
        shared = ("answers", "source", "valid_until", "superseded")
        if any(row[key] != rows[0][key] for row in rows for key in shared):
            problems.append("has wordings that disagree")
        if rows[0]["superseded"] != earlier:
            problems.append(f"supersedes {earlier}, not {rows[0]['superseded']}")
        if previous and previous["valid_until"] != rows[0]["valid_from"]:
            problems.append("has a gap between two answers")
        earlier, previous = earlier + rows[0]["answers"], rows[0]
    if previous and previous["valid_until"]:
        for revision in (name for name in REVISIONS if name >= previous["valid_until"]):
            if any(contains(text, previous["answers"][0]) for text in texts[revision].values()):
                problems.append(f"is gone but its answer is still in {revision}")
    return [f"{fact}: {problem}" for problem in problems]


def check_files(facts: dict[str, dict[str, list[Row]]]) -> list[str]:
    """Check that a file differs between revisions exactly where one of its facts does."""
    problems = []
    rows = [group[0] for groups in facts.values() for group in groups.values()]
    for before, after in pairwise(REVISIONS):
        old, new = ({p.name: p for p in (DATA / "handbook" / r).iterdir()} for r in (before, after))
        changed = {
            row["source"] for row in rows if row["superseded"] and row["valid_from"] == after
        }
        for name in sorted(old.keys() & new.keys()):
            if (old[name].read_bytes() != new[name].read_bytes()) != (name in changed):
                problems.append(
                    f"{name}: {before} to {after}, bytes and facts disagree on a change"
                )
        for name in sorted(old.keys() ^ new.keys()):
            least, key = (3, "valid_until") if name in old else (4, "valid_from")
            found = sum(row["source"] == name and row[key] == after for row in rows)
            if found < least:
                problems.append(f"{name}: comes or goes in {after} with only {found} facts")
    return problems


def check_unanswerable(rows: list[Row], answerable: list[Row]) -> list[str]:
    """Check the questions to which the handbook has no answer."""
    problems = []
    kinds = Counter(row["kind"] for row in rows)
    if kinds != {"near": NEAR, "unrelated": UNRELATED}:
        problems.append(f"unanswerable questions by kind: {dict(kinds)}")
    if any(row["answers"] for row in rows):
        problems.append("an unanswerable question has answers")
    if {row["question"] for row in rows} & {row["question"] for row in answerable}:
        problems.append("a question is both answerable and unanswerable")
    return problems


def check_language(language: str, rows: list[Row], texts: Texts) -> list[str]:
    """Check that a chapter in another language is asked about, and alone holds the answers."""
    problems = []
    facts = {row["fact"] for row in rows}
    if len(facts) < MIN_FACTS_OF_ONE:
        problems.append(f"only {len(facts)} facts")
    if {row["source"].split(".")[1:] == [language, "md"] for row in rows} != {True}:
        problems.append("a question is about another chapter")
    for row in rows:
        for revision in valid_in(row):
            for source, text in texts[revision].items():
                if source != row["source"] and contains(text, row["answers"][0]):
                    problems.append(f"{row['fact']}: its answer is in {revision}/{source} as well")
    return [f"questions_{language}.jsonl: {problem}" for problem in problems]


def main() -> int:
    """Run every check, print the outcome, return the exit code."""
    texts: Texts = {
        revision: {
            path.name: read(path) for path in sorted((DATA / "handbook" / revision).iterdir())
        }
        for revision in REVISIONS
    }
    english, unanswerable = load("questions.jsonl"), load("unanswerable.jsonl")
    others = {language: load(f"questions_{language}.jsonl") for language in LANGUAGES}
    rows = [*english, *(row for some in others.values() for row in some)]
    facts = group_by_fact(rows)
    changes = sum(len(groups) - 1 for groups in facts.values())
    problems = [problem for row in rows for problem in check_row(row, texts)]
    problems += [p for fact, groups in facts.items() for p in check_fact(fact, groups, texts)]
    problems += check_files(facts) + check_unanswerable(unanswerable, rows)
    problems += [p for name, some in others.items() for p in check_language(name, some, texts)]
    if len({row["fact"] for row in english}) < MIN_FACTS or changes < MIN_CHANGES:
        problems.append(f"only {len(facts)} facts and {changes} changes")
    if len({(row["question"], row["valid_from"]) for row in rows}) < len(rows):
        problems.append("a question is asked twice")
    if problems:
        print("\n".join(problems))
        return 1
    held = Counter(revision for row in rows for revision in valid_in(row))
    counts = ", ".join(f"{held[revision] // WORDINGS} in {revision}" for revision in REVISIONS)
    print(
        f"data: ok: {len(facts)} facts ({counts}), {changes} changes, "
        f"{len(rows)} questions, {len(unanswerable)} unanswerable"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
