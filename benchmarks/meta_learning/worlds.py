"""Worlds: made-up texts and the questions that they answer, to practise learning on.

Who exists, and what is so of them, is invented anew for every seed, so that nothing of a world is
known beforehand and none of it is anybody's. The forms of its sentences are `worlds.txt`: under
each kind of thing a line an attribute, which is a sentence and three questions. Knows no model.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources

FORMS = "worlds.txt"

_ONSETS = "b c d f g h k l m n p r s t v w z br cr dr fl gr kl pr st tr".split()
_VOWELS = "a e i o u ai ea ou".split()
_CODAS = ["", "n", "l", "r", "s", "th", "ck", "nd"]
_CHOICES = {
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "month": "January|February|March|April|May|June|July|August|September|October|November"
    "|December",
    "ordinal": "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth",
    "material": "steel|oak|copper|glass|recycled plastic|carbon fibre|aluminium|bamboo|brass"
    "|ceramic|leather|stainless steel",
    "language": "Rust|Go|Python|Java|Haskell|Erlang|Kotlin|Ruby|Elixir|C++|Scala|OCaml",
    "colour": "dark red|white|pale blue|yellow|violet|orange|deep purple|pink|cream|sky blue",
    "role": "site manager|head of finance|doctor|locksmith|team lead|baker|pilot|harbour master"
    "|data officer|carpenter|nurse|registrar",
    "food": "rice|fresh bread|butter sauce|apple jam|pickled beans|cream|honey|mustard"
    "|roast onions|lentils",
    "oil": "olive oil|linseed oil|graphite|silicone grease|castor oil|paraffin|lanolin",
    "instrument": "cello|flute|piano|trumpet|viola|harp|oboe|drums|guitar|organ",
    "first name": "Anna|Ben|Clara|David|Elena|Frank|Grace|Henry|Ines|Jonas|Karin|Luis|Maria|Nils"
    "|Olga|Peter|Rosa|Simon|Tanja|Viktor|Amara|Priya|Hassan|Mei|Kofi|Yuki|Lars|Nadia|Omar|Tom",
}


@dataclass(frozen=True)
class Fact:
    """A sentence about something that does not exist, what it says, and three ways to ask for it.

    The third way is not to be trained on.
    """

    sentence: str
    answer: str
    questions: tuple[str, str, str]


def world(seed: int, facts: int) -> list[Fact]:
    """So many facts, two to four about each thing; the same ones for the same seed."""
    chance = random.Random(f"world {seed}")
    forms = _forms()
    made: list[Fact] = []
    while len(made) < facts:
        kind = chance.choice(list(forms))
        name = _person(chance) if kind == "neighbour" else _name(chance)
        for sentence, *questions in chance.sample(forms[kind], chance.choice((2, 3, 4))):
            [value] = set(re.findall(r"{([^x}]\w*)}", sentence))
            answer = _value(value, chance)
            first, second, third = (one.replace("{x}", name) for one in questions)
            said = sentence.replace("{x}", name).replace(f"{{{value}}}", answer)
            made.append(Fact(said, answer, (first, second, third)))
    return made[:facts]


@cache
def _forms() -> dict[str, list[list[str]]]:
    """By kind of thing its attributes: a sentence and three questions."""
    text = resources.files(__package__).joinpath(FORMS).read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return {kind: [line.split(" | ") for line in lines] for kind, *lines in blocks}


def _name(chance: random.Random) -> str:
    syllables = (
        chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(chance.choice((2, 3)))
    )
    return ("".join(syllables) + chance.choice(_CODAS)).capitalize()


def _person(chance: random.Random) -> str:
    return f"{_one_of('first name', chance)} {_name(chance)}"


def _one_of(kind: str, chance: random.Random) -> str:
    return chance.choice(_CHOICES[kind].split("|"))


def _value(kind: str, chance: random.Random) -> str:
    """Something of a kind that `worlds.txt` names."""
    return _one_of(kind, chance) if kind in _CHOICES else _MADE[kind](chance)


def _clock(chance: random.Random) -> str:
    half = chance.choice(("one", "two", "three", "four", "five", "six", "seven"))
    minutes = chance.choice(("00", "15", "30", "45"))
    return chance.choice((f"{chance.randrange(24):02}:{minutes}", f"half past {half}"))


def _amount(*units: str) -> Callable[[random.Random], str]:
    return lambda chance: f"{chance.randrange(2, 90)} {chance.choice(units)}"


_MADE: dict[str, Callable[[random.Random], str]] = {
    "person": lambda chance: chance.choice((_person(chance), f"{_name(chance)} {_name(chance)}")),
    "place": lambda chance: _name(chance) + chance.choice(("", "burg", " Bay", "ford", " Hill")),
    "room": lambda chance: chance.choice(
        (f"room {chance.randrange(1, 400)}", f"the {_name(chance)} hall")
    ),
    "year": lambda chance: str(chance.randrange(1650, 2024)),
    "date": lambda chance: f"{chance.randrange(1, 29)} {_one_of('month', chance)}",
    "clock": _clock,
    "time": _amount("minutes", "hours", "days", "weeks", "months", "working days"),
    "number": lambda chance: str(chance.randrange(5, 10 ** chance.randrange(2, 5))),
    "money": lambda chance: chance.choice(
        (f"{chance.randrange(5, 900)} euros", f"${chance.randrange(10, 999)}")
    ),
    "weight": _amount("kilograms", "grams", "pounds"),
    "length": _amount("centimetres", "metres", "feet"),
    "temperature": lambda chance: f"{chance.randrange(90, 260, 10)} degrees",
    "voltage": lambda chance: f"{chance.randrange(20, 800, 10)} volts",
    "code": lambda chance: f"{chance.choice('EFPTX')}{chance.randrange(10, 99)}",
}
