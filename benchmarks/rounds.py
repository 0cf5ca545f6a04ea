"""Ten rounds of a world that moves: what is kept, what is stale, what a round costs.

    python -m benchmarks.rounds [--rounds 10] [--facts 4] [--out FILE]

Needs no outside data: the world is made, the same one every time. It is a register of invented
ships, a file each with as many facts. In every round a ship is added and asked about, in three
wordings of every fact; one fact of an earlier ship changes; from the fourth on the oldest ship is
struck off every third round; and interest shifts: of the earlier ships, half are asked about again,
and what nobody asks about cools by the half-life that has passed. Then three learners learn:

- *ragcl*: shards of so many chunks as a ship has facts, rebuilt only where something changed;
- *one adapter*: the same with one shard that grows, rebuilt on everything;
- *stacked*: each round an adapter is trained, with the same recipe, on what is new or changed, on
  top of all those before it, as systems do that write one update on another.

After every round each current fact is asked for in a fourth wording, without context; a learner
says what its weights find likeliest of what it was taught about the passages found. All are scored
on the same facts: on *all* that are current, and on those that were *asked* about in this round.
*Right*: the share that it knows. *Retention*: of the facts that it once had right, unchanged since,
the share that it knows now. What cools is evicted by the first two, to be answered from its text:
that lowers their share of all. *Stale*: answers with a superseded value, or about what was
struck off, by `auto`, by the weights alone and by both; the stacked learner has nothing but its
weights, so here it chooses among all that it was ever taught. *Seconds*: of the round; for the
stacked one only its training counts.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from sqlalchemy import update

from benchmarks.contenders import distilled, passages_found, recalled
from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.catalog.schema import asks
from ragcl.evaluation.metrics import contains
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.reading import Reading
from ragcl.generation.routing import ActiveAdapters
from ragcl.models import model_files
from ragcl.results import Mode
from ragcl.settings import ConsolidationSettings

RESULTS = Path(__file__).parent / "results" / "rounds.json"
DAYS = 10  # that pass between two rounds
SETTINGS = """\
[consolidation]
max_chunks = {capacity}
shard_chunks = {shard}
"""
HEARD: tuple[Mode, ...] = ("auto", "weights", "both")

# What a register says of a ship, and four ways to ask for it; the fourth is for measuring only.
FACTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Captain",
        "The captain of the {ship} is {value}.",
        (
            "Who is the captain of the {ship}?",
            "Who commands the {ship}?",
            "What is the name of the {ship}'s captain?",
            "Under which captain does the {ship} sail?",
        ),
    ),
    (
        "Home port",
        "The home port of the {ship} is {value}.",
        (
            "What is the home port of the {ship}?",
            "In which port is the {ship} at home?",
            "Which port does the {ship} belong to?",
            "Where is the home port of the ship {ship}?",
        ),
    ),
    (
        "Year",
        "The {ship} was built in {value}.",
        (
            "When was the {ship} built?",
            "In which year was the {ship} built?",
            "What year was the ship {ship} built in?",
            "How old is the {ship}: in what year was she built?",
        ),
    ),
    (
        "Owner",
        "The {ship} is owned by the firm {value}.",
        (
            "Which firm owns the {ship}?",
            "Who is the owner of the {ship}?",
            "To which firm does the {ship} belong?",
            "What is the name of the firm that owns the {ship}?",
        ),
    ),
)


@dataclass
class Fact:
    """One value of one ship; `learned` is the round in which it was first right, if it was."""

    ship: str
    kind: int
    value: str
    superseded: list[str] = field(default_factory=list)
    learned: dict[str, int] = field(default_factory=dict)

    def question(self, wording: int) -> str:
        """One of the four ways to ask for it."""
        return FACTS[self.kind][2][wording].format(ship=self.ship)


class World:
    """The register and what became of it."""

    def __init__(self, folder: Path, kinds: int) -> None:
        self._folder = folder
        self._chance = random.Random(7)
        self._kinds = kinds
        self.ships: dict[str, list[Fact]] = {}
        self.struck_off: list[Fact] = []
        folder.mkdir()

    def move(self, number: int) -> tuple[list[Fact], list[Fact]]:
        """One round: (the facts that are asked about, those of them that are new or changed)."""
        new: list[Fact] = []
        if number > 3 and number % 3 == 1:
            oldest = next(iter(self.ships))
            self.struck_off += self.ships.pop(oldest)
            (self._folder / f"{oldest}.md").unlink()
        if self.ships:
            changed = self._chance.choice([one for facts in self.ships.values() for one in facts])
            self.change(changed)
            new.append(changed)
        earlier = [ship for ship in self.ships if self._chance.random() < 0.5]
        new += self.add()
        again = [one for other in earlier for one in self.ships[other] if one not in new]
        return [*new, *again], new

    def change(self, fact: Fact) -> None:
        """Give a fact another value."""
        fact.superseded.append(fact.value)
        fact.value, fact.learned = self._value(fact.kind), {}
        self._write(fact.ship)

    def add(self) -> list[Fact]:
        """Enter another ship."""
        ship = self._name().capitalize()
        self.ships[ship] = [Fact(ship, kind, self._value(kind)) for kind in range(self._kinds)]
        self._write(ship)
        return self.ships[ship]

    def _write(self, ship: str) -> None:
        parts = [f"# The ship {ship}"]
        for fact in self.ships[ship]:
            title, sentence, _ = FACTS[fact.kind]
            parts += [f"## {title}", sentence.format(ship=ship, value=fact.value)]
        (self._folder / f"{ship}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _value(self, kind: int) -> str:
        if FACTS[kind][0] == "Year":
            return str(self._chance.randrange(1870, 1999))
        if FACTS[kind][0] == "Captain":
            return f"{self._name().capitalize()} {self._name().capitalize()}"
        return self._name().capitalize()

    def _name(self) -> str:
        return "".join(
            self._chance.choice("bdfgklmnprstv") + self._chance.choice("aeiou") for _ in range(3)
        ) + self._chance.choice(("", "n", "l", "r", "s"))


class Served:
    """A knowledge base that learns by itself."""

    def __init__(self, folder: Path, docs: Path, *, shard: int, capacity: int) -> None:
        folder.mkdir()
        text = SETTINGS.format(shard=shard, capacity=capacity)
        (folder / "ragcl.toml").write_text(text, encoding="utf-8")
        self.kb = KnowledgeBase.open(folder)
        self._docs = docs

    def learn(self, asked: Sequence[Fact], new: Sequence[Fact]) -> dict[str, Any]:
        """Ingest, be asked, and consolidate."""
        with self.kb.catalog.database.writing() as connection:  # so much time goes by
            connection.execute(update(asks).values(asked_at=asks.c.asked_at - DAYS * 86_400))
        self.kb.ingest(self._docs)
        wordings = {True: range(3), False: range(1)}
        self.kb.ask_many([one.question(n) for one in asked for n in wordings[one in new]])
        return consolidated(self.kb)

    def known(self, facts: Sequence[Fact]) -> list[str]:
        """What its weights know by themselves, whatever question that was taught is near."""
        with self.kb._answerer.active.taken() as snapshot:
            return self._known(facts, snapshot.adapters)

    def _known(self, facts: Sequence[Fact], active: ActiveAdapters) -> list[str]:
        passages = self.kb.settings.answering.passages
        said = []
        for one in facts:
            [found] = self.kb._retriever.retrieve([one.question(3)], passages)
            holder = active.holds_first(found.found)
            taught = list(active.taught(holder, found.found, found.vector)) if holder else []
            said += recalled(self.kb._language_model, [one.question(3)], [taught], holder)
        return said

    def answers(self, facts: Sequence[Fact], mode: Mode) -> list[str]:
        """What it answers to the fourth wording."""
        found = self.kb.ask_many([one.question(3) for one in facts], mode=mode, record=False)
        return ["" if one.abstained else one.text for one in found]


def consolidated(kb: KnowledgeBase) -> dict[str, Any]:
    """Run a round; what came of it and what it cost."""
    before = {one["id"] for one in kb.status().adapters}
    started = time.time()
    report = kb.consolidate()
    seconds = time.time() - started
    after = {one["id"] for one in kb.status().adapters}
    return {
        "status": report.status,
        "reason": report.reason,
        "seconds": seconds,
        "stages": report.stage_seconds,
        "adapters": len(after),
        "adapters trained": len(after - before),
        "questions trained": report.questions_trained,
    }


class Stacked:
    """A model that is trained further in every round, on what is new."""

    def __init__(self, folder: Path, teacher: Served) -> None:
        self._folder = folder
        self._teacher = teacher
        self._model = LanguageModel(model_files.resolve("default", "language_model"))
        self._settings = ConsolidationSettings()
        self._taught: list[Reading] = []
        self._rounds = 0
        folder.mkdir()

    def learn(self, new: Sequence[Fact]) -> dict[str, Any]:
        """Train on the rows that the teacher studied for these facts."""
        from peft import PeftModel

        rows = self._rows([one.question(n) for one in new for n in range(3)])
        model, started = self._model, time.time()
        place = self._folder / str(self._rounds)
        distilled(model, rows, self._settings, place)
        merged: Any = PeftModel.from_pretrained(
            model.base, str(place), adapter_name=f"r{self._rounds}"
        )
        model.__dict__["base"] = merged.merge_and_unload()
        self._rounds += 1
        self._taught += rows
        return {"seconds": time.time() - started, "questions trained": len(rows)}

    def known(self, facts: Sequence[Fact]) -> list[str]:
        """What its weights know by themselves of what the passages found hold."""
        found = [passages_found(self._teacher.kb, one.question(3)) for one in facts]
        return self._recalled(
            facts,
            [[row.answer for row in self._taught if row.content_hash in some] for some in found],
        )

    def unguarded(self, facts: Sequence[Fact]) -> list[str]:
        """What it says among all that it was ever taught."""
        return self._recalled(facts, [[row.answer for row in self._taught]] * len(facts))

    def _recalled(self, facts: Sequence[Fact], choices: Sequence[Sequence[str]]) -> list[str]:
        return recalled(self._model, [one.question(3) for one in facts], choices, None)

    def _rows(self, questions: Sequence[str]) -> list[Reading]:
        kb = self._teacher.kb
        hits = {hit.content_hash for ask in kb.catalog.asks.log() for hit in ask.hits}
        kept = kb.catalog.learning.study(hits, kb._answerer.reader.teacher(kb._embedder))
        return [Reading.of(kept[one]) for one in questions if one in kept]


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--facts", type=int, default=4, choices=range(1, len(FACTS) + 1))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-rounds-") as folder:
        rounds = play(Path(folder), options.rounds, options.facts)
    result = {
        "command": f"python -m benchmarks.rounds --rounds {options.rounds} --facts {options.facts}",
        "threads": torch.get_num_threads(),
        "rounds": rounds,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def play(folder: Path, count: int, kinds: int) -> list[dict[str, Any]]:
    """All rounds, each with what every learner knows after it."""
    world = World(folder / "docs", kinds)
    capacity = 6 * kinds
    docs = folder / "docs"
    ours = Served(folder / "ragcl", docs, shard=kinds, capacity=capacity)
    whole = Served(folder / "one", docs, shard=capacity, capacity=capacity)
    stacked = Stacked(folder / "stacked", ours)
    rounds = []
    for number in range(1, count + 1):
        asked, new = world.move(number)
        say(f"round {number}: {len(new)} new or changed, {len(asked)} asked about …")
        learned = {
            "ragcl": ours.learn(asked, new),
            "one adapter": whole.learn(asked, new),
            "stacked": stacked.learn(new),
        }
        current = [one for facts in world.ships.values() for one in facts]
        for name, learner in (("ragcl", ours), ("one adapter", whole), ("stacked", stacked)):
            said = learner.known(current)
            learned[name] |= score(name, current, asked, said, number)
            learned[name]["stale"] = _stale(learner, current, world.struck_off)
            say(f"  {name}: {learned[name]}")
        rounds.append({"round": number, "facts": len(current), "learners": learned})
    ours.kb.close()
    whole.kb.close()
    return rounds


def score(
    name: str, current: Sequence[Fact], asked: Sequence[Fact], said: Sequence[str], number: int
) -> dict[str, Any]:
    """What a learner knows of all current facts and of those asked about in this round."""
    right = {id(one): contains(text, [one.value]) for one, text in zip(current, said, strict=True)}
    before = [one for one in current if one.learned.get(name, number) < number]
    for one in current:
        if right[id(one)]:
            one.learned.setdefault(name, number)
    wanted = {id(one) for one in asked}
    found = {}
    for among, facts, known in (
        ("all", current, before),
        (
            "asked",
            [one for one in current if id(one) in wanted],
            [one for one in before if id(one) in wanted],
        ),
    ):
        found[among] = {
            "facts": len(facts),
            "right": sum(right[id(one)] for one in facts) / max(1, len(facts)),
            "known before": len(known),
            "retention": sum(right[id(one)] for one in known) / max(1, len(known)),
        }
    return found


def _stale(
    learner: Served | Stacked, current: Sequence[Fact], struck_off: Sequence[Fact]
) -> dict[str, int]:
    """How many answers, by mode, hold a value that is no longer so, and of how many."""
    moved = [one for one in current if one.superseded]
    found = {"asked": len(moved) + len(struck_off)}
    for mode in HEARD if isinstance(learner, Served) else ("weights",):
        about = [*moved, *struck_off]
        said = (
            learner.answers(about, mode)
            if isinstance(learner, Served)
            else learner.unguarded(about)
        )
        found[mode] = sum(
            contains(text, one.superseded + ([one.value] if one in struck_off else []))
            for one, text in zip(about, said, strict=True)
        )
    return found


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "*Right* and *retention*: of all current facts, of those asked about in the round.",
        "",
        "| round | learner | right | retention | stale | trained on | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in result["rounds"]:
        for name, row in one["learners"].items():
            stale = sum(count for mode, count in row["stale"].items() if mode != "asked")
            lines.append(
                f"| {one['round']} | {name} | {row['all']['right']:.2f}, "
                f"{row['asked']['right']:.2f} | {row['all']['retention']:.2f}, "
                f"{row['asked']['retention']:.2f} | {stale} of {row['stale']['asked']} "
                f"| {row['questions trained']} | {row['seconds']:.0f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
