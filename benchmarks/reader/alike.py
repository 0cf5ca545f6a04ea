"""Groups of documents that are alike, made from templates: things of one kind, and tables.

The documents of a collection are retrieved together, so that each distracts from the others. All
names and values are invented. Run it with `python -m benchmarks.reader.alike` to check it and
see examples. Never run a file of this folder by its path: Python would then find this module where
it looks for its own `collections`.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from .material import Asked, Document, Section


@dataclass(frozen=True)
class Collection:
    """Documents of one kind; each of them distracts from the others."""

    kind: str
    documents: tuple[Document, ...]


@dataclass(frozen=True)
class _Attribute:
    labels: tuple[str, ...]
    values: str
    sentences: tuple[str, ...]
    questions: tuple[str, ...]
    reverse: tuple[str, ...]


@dataclass(frozen=True)
class _Kind:
    name: str
    noun: str
    article: bool
    names: tuple[str, ...]
    intros: tuple[str, ...]
    fillers: tuple[str, ...]
    premises: tuple[str, ...]
    attributes: tuple[_Attribute, ...]


@dataclass(frozen=True)
class _Column:
    headers: tuple[str, ...]
    values: str
    questions: tuple[str, ...]
    reverse: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()  # a condition and the question for it


@dataclass(frozen=True)
class _Table:
    name: str
    subject: str
    titles: tuple[str, ...]
    headers: tuple[str, ...]
    keys: str
    premises: tuple[str, ...]
    columns: tuple[_Column, ...]


@dataclass(frozen=True)
class _Value:
    text: str
    order: float = 0.0


def collections(seed: int) -> list[Collection]:
    """About 60 collections of things and 48 of tables; the same for the same seed."""
    rng = random.Random(seed)
    used: set[str] = set()
    found = [_things(kind, rng, used) for kind in _kinds() for _ in range(3)]
    for spec in [*_tables(), *[None] * 4]:
        for size in (2, 3, rng.choice((2, 3))):
            found.append(
                _release_tables(size, rng, used)
                if spec is None
                else _spec_tables(spec, size, rng, used)
            )
    rng.shuffle(found)
    return found


# Values

_WOMEN = """Ilse Maren Odette Priya Sunniva Yasmin Katarzyna Leonie Ngozi Beatriz Hanako Zuzana Elin
Fatou Rosalind Ivana Marit Teresa Noor Agnes Dilara Signe Amparo Gwen Mirela""".split()
_MEN = """Tomasz Olaf Bertrand Kofi Henrik Dario Emre Laszlo Piet Rajan Mattias Diego Anselm Viktor
Hiroshi Callum Stefan Amadou Jorge Niklas Ruben Pavel Idris Kasimir Lorenzo""".split()
_FAMILIES = """Vantorre Brakemeier Solheim Okonjo Tavares Lindqvist Marchetti Dragan Hallberg
Nowicki Achterberg Sandoval Yilmaz Kirchhof Penrose Haugen Abiola Castellan Moravec Tanaka Ostrander
Fiala Weatherby Jankowski Delacroix Brannigan Varga Nakamura Eikeland Roux Stavros Petrescu Calder
Mbeki Thorsen Grimaldi Hoekstra Ferreira Lazarov Quennell Iversen Barnaby Szabo Rinaldi""".split()
_STARTS = """Bra Hol Vi Tar Mel Os Kel Ru Dro Fen Gal Ist Lor Nor Pel Quo Sal Thu Ur Wes Yar Zel
Cor Em Bli Har Jas Mor Ska Tre""".split()
_ENDS = """ven dorn lick mar sted ton rith nau bek vik low quin fell sara mond den gard vale nis
holt ry sk tel wen""".split()
_MONTHS = """January February March April May June July August September October November
December""".split()
# Tables whose rows are named by common nouns.
_NOUNS = ("tariff", "inventory", "opening hours", "price list", "ingredients")


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_WOMEN + _MEN)} {rng.choice(_FAMILIES)}"


def _word(rng: random.Random) -> str:
    return rng.choice(_STARTS) + rng.choice(("", "", "a", "e", "o", "i")) + rng.choice(_ENDS)


def _day(day: date, style: int) -> str:
    month = _MONTHS[day.month - 1]
    written = (f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}")
    return (day.isoformat(), *written)[style]


def _value(spec: str, rng: random.Random, style: int) -> _Value:
    """A value as a specification says; `style` chooses how dates, money and numbers look."""
    maker, _, rest = spec.partition(" ")
    if maker == "pick":
        return _Value(rng.choice(_list(rest)))
    words = rest.split()
    if maker in ("num", "int", "dec"):
        low, high = int(words[0]), int(words[1])
        if maker == "dec":
            order = rng.randint(low * 10, high * 10 - 1) / 10
            text, unit = f"{order:.1f}", " ".join(words[2:])
        else:
            order = rng.randrange(low, high + 1, int(words[2]))
            text = f"{order:,}" if style == 1 and maker == "num" else str(order)
            unit = " ".join(words[3:])
        return _Value(f"{text} {unit}".strip(), order)
    if maker == "year":
        order = rng.randint(int(words[0]), int(words[1]))
        return _Value(str(order), order)
    if maker == "date":
        first, last = (date(int(year), 1, 1).toordinal() for year in words)
        order = rng.randint(first, last + 364)
        return _Value(_day(date.fromordinal(order), style), order)
    if maker == "money":
        cents = rng.randrange(int(words[0]) * 100, int(words[1]) * 100, 10)
        text = f"{cents / 100:.2f}"
        return _Value((f"{text} euros", f"€{text}", f"{text} €")[style], cents)
    if maker == "time":
        minutes = rng.randrange(6 * 60, 22 * 60, 5)
        return _Value(f"{minutes // 60}:{minutes % 60:02}", minutes)
    if maker == "bool":
        order = rng.random() < 0.4
        return _Value((("no", "yes"), ("false", "true"), ("No", "Yes"))[style][order], order)
    return _Value(
        {
            "person": lambda: _person(rng),
            "place": lambda: _word(rng),
            "word": lambda: _word(rng),
            "version": lambda: f"{rng.randint(0, 9)}.{rng.randint(0, 19)}.{rng.randint(0, 30)}",
            "phone": lambda: f"{rng.randint(21, 98)} {rng.randint(10, 99)} {rng.randint(10, 99)}",
            "code": lambda: f"{rng.choice('ABCDEFG')}{rng.randint(1, 4)}.{rng.randint(10, 39)}",
        }[maker]()
    )


def _new_value(spec: str, rng: random.Random, style: int, used: set[str]) -> _Value:
    """A value that was not used yet, as far as there are any."""
    for _ in range(60):
        value = _value(spec, rng, style)
        if value.text not in used:
            break
    used.add(value.text)
    return value


def _list(text: str) -> list[str]:
    return [one.strip() for one in text.split(";")]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _blocks(text: str) -> list[list[tuple[str, str]]]:
    """The marked lines of a specification, by kind; an indented line goes on with the last."""
    found: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\n {4}", " ", text).strip().splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "#":
            found.append([])
        found[-1].append((mark, rest))
    return found


def _marked(lines: list[tuple[str, str]], mark: str) -> tuple[str, ...]:
    return tuple(text for one, text in lines if one == mark)


def _parts(lines: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The lines of each attribute or column, its own line first."""
    starts = [i for i, (mark, _) in enumerate(lines) if mark == "@"]
    return [lines[i:j] for i, j in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _kinds() -> list[_Kind]:
    found = []
    for lines in _blocks(_KINDS):
        name, noun, article, names = (one.strip() for one in lines[0][1].split(" | "))
        attributes = []
        for part in _parts(lines):
            labels, _, values = part[0][1].partition(": ")
            attributes.append(
                _Attribute(
                    tuple(labels.split("/")),
                    values,
                    _marked(part, "+"),
                    _marked(part, "?"),
                    _marked(part, "<"),
                )
            )
        found.append(
            _Kind(
                name,
                noun,
                article == "the",
                tuple(_list(names)),
                _marked(lines, "="),
                _marked(lines, "~"),
                _marked(lines, "!"),
                tuple(attributes),
            )
        )
    return found


def _tables() -> list[_Table]:
    found = []
    for lines in _blocks(_TABLES):
        name, subject, titles = (one.strip() for one in lines[0][1].split(" | "))
        headers, _, keys = _marked(lines, "$")[0].partition(": ")
        columns = []
        for part in _parts(lines):
            labels, _, values = part[0][1].partition(": ")
            rows = tuple(one.partition(": ")[::2] for one in _marked(part, "&"))
            columns.append(
                _Column(
                    tuple(labels.split("/")),
                    values,
                    _marked(part, "?"),
                    _marked(part, "<"),
                    _marked(part, ">"),
                    _marked(part, "-"),
                    rows,
                )
            )
        found.append(
            _Table(
                name,
                subject,
                tuple(_list(titles)),
                tuple(headers.split("/")),
                keys,
                _marked(lines, "!"),
                tuple(columns),
            )
        )
    return found


# Things

_SENTENCES = (
    "{Its} {label} is {v}.",
    "The {label} of {n} is {v}.",
    "The {label} is given as {v}.",
    "The {label}, as far as anyone has checked, is {v}.",
    "As to the {label}, it is {v}.",
    "Asked about the {label}, everyone who knows {n} says {v}.",
    "Listed as the {label} of {n}: {v}.",
)
_QUESTIONS = (
    "What is the {label} of {n}?",
    "{m} {label}",
    "Tell me the {label} of {n}.",
    "{m}: {label}?",
    "I would like to know the {label} of {n}.",
    "Give the {label} of {n}.",
)
_WHO = (
    "Who is the {label} of {n}?",
    "{label} {m}",
    "What is the name of the {label} of {n}?",
    "{m}: {label}?",
)
_QUOTED = (
    "What is said about the {label} of {n}?",
    "Quote the passage on the {label} of {n}.",
    "Where does it say something about the {label} of {n}? Cite it.",
    "Give the sentence that tells the {label} of {n}.",
)
_REMARKS = (
    "As far as I know, ",
    "I was told that ",
    "By the way, ",
    "And yes, ",
    "If I remember well, ",
    "They say that ",
    "What surprised me: ",
    "To answer your question, ",
    "Apparently ",
)
_REPORTS = (
    "Our reporter learned that ",
    "According to the notice, ",
    "Neighbours say that ",
    "As was announced on Monday, ",
)
_LOWERED = re.compile(
    r"(The|It|Its|At|In|On|Since|From|There|After|For|To|A|Under|With|Most|Every|No|Not|Only)\b"
)


class _Thing:
    """A thing of a kind: its name, what is known of it, and how it is spoken of."""

    def __init__(self, kind: _Kind, name: str, rng: random.Random) -> None:
        self.kind, self.name, self.rng = kind, name, rng
        self.values: dict[_Attribute, str] = {}
        self.missing: list[_Attribute] = []
        self.full = f"the {name}" if kind.article else name
        self.pronoun, self.possessive = "it", "its"
        if kind.name == "professor":
            woman = name.split()[0] in _WOMEN
            self.pronoun, self.possessive = ("she", "her") if woman else ("he", "his")

    def say(self, template: str, label: str = "", value: str = "", lower: bool = False) -> str:
        """A sentence about the thing; empty if it cannot begin with a small letter but should."""
        rng = self.rng
        subject, owner = rng.choices(
            (
                (self.pronoun, self.possessive),
                (f"the {self.kind.noun}", f"the {self.kind.noun}'s"),
                (self.full, f"{self.full}'s"),
            ),
            (6, 3, 1),
        )[0]
        if lower:
            if _LOWERED.match(template):
                template = template[0].lower() + template[1:]
            elif not template.startswith(("{S}", "{Its}")):
                return ""
        else:
            begins = self.kind.name != "software package"
            if begins or subject != self.full:
                subject, owner = _capital(subject), _capital(owner)
        for mark, text in (
            ("{S}", subject),
            ("{Its}", owner),
            ("{s}", self.pronoun),
            ("{its}", self.possessive),
            ("{N}", self._first()),
            ("{n}", self.full),
            ("{m}", self.name),
            ("{label}", label),
            ("{v}", value),
        ):
            template = template.replace(mark, text)
        return template

    def _first(self) -> str:
        return self.full if self.kind.name == "software package" else _capital(self.full)


@dataclass(frozen=True)
class _Said:
    """What a document says on one attribute, and in which section."""

    section: int
    sentence: str


def _things(kind: _Kind, rng: random.Random, used: set[str]) -> Collection:
    """A collection of things of a kind."""
    style = rng.randrange(3)
    taken: dict[str, set[str]] = {}
    things = []
    for _ in range(rng.choice((5, 5, 6, 6, 6, 7, 7, 8))):
        thing = _Thing(kind, _name(kind, rng, used), rng)
        missing = rng.sample(range(len(kind.attributes)), rng.choice((1, 2, 2)))
        for i, attribute in enumerate(kind.attributes):
            shared = attribute.values in ("person", "place")
            known = taken.setdefault(attribute.values if shared else attribute.labels[0], set())
            if i in missing:
                thing.missing.append(attribute)
            else:
                thing.values[attribute] = _new_value(attribute.values, rng, style, known).text
        things.append(thing)
    asked: set[str] = set()
    writers = [_prose, _sheet, _letter, _leaflet]
    rng.shuffle(writers)
    documents = []
    for i, thing in enumerate(things):
        sections, said, headings = writers[i % 4](thing, rng)
        documents.append(
            Document(
                _capital(thing.name) if kind.name != "software package" else thing.name,
                sections,
                tuple(_ask_thing(thing, things, sections, said, rng, used, asked | headings)),
            )
        )
        asked.update(one.question.lower() for one in documents[-1].asked)
    return Collection(kind.name, tuple(documents))


def _name(kind: _Kind, rng: random.Random, used: set[str]) -> str:
    while True:
        name = re.sub(
            r"\(([^)]*)\)", lambda match: rng.choice(match[1].split("|")), rng.choice(kind.names)
        )
        name = name.replace("{w}", _word(rng)).replace("{p}", _person(rng))
        name = name.replace("{d}", str(rng.randrange(110, 990, 10)))
        name = name.replace("{i}", str(rng.randint(1, 9)))
        if name not in used:
            used.add(name)
            return name


def _sentence(thing: _Thing, attribute: _Attribute, rng: random.Random, lower: bool = False) -> str:
    own = rng.random() < 0.82
    template = rng.choice(attribute.sentences if own else _SENTENCES)
    text = thing.say(template, attribute.labels[0], thing.values[attribute], lower)
    return text


def _sentences(
    thing: _Thing, rng: random.Random, remarks: tuple[str, ...]
) -> list[tuple[str, list[_Attribute]]]:
    """Sentences on all attributes in any order; some hold two, and some follow a remark."""
    attributes = list(thing.values)
    rng.shuffle(attributes)
    pool = rng.sample(remarks, len(remarks))
    found: list[tuple[str, list[_Attribute]]] = []
    for attribute in attributes:
        joined = _sentence(thing, attribute, rng, lower=True)
        last = found[-1] if found else ("", [])
        if rng.random() < 0.25 and joined and len(last[1]) == 1 and len(last[0] + joined) < 150:
            found[-1] = (f"{last[0][:-1]}, and {joined}", [*last[1], attribute])
        elif pool and joined and rng.random() < 0.4:
            found.append((pool.pop() + joined, [attribute]))
        else:
            found.append((_sentence(thing, attribute, rng), [attribute]))
    return found


_Written = tuple[tuple[Section, ...], dict[_Attribute, _Said], set[str]]


def _prose(thing: _Thing, rng: random.Random) -> _Written:
    """An encyclopedic text of one or two sections."""
    told = _sentences(thing, rng, ())
    cut = rng.choice((len(told), len(told) // 2))
    said: dict[_Attribute, _Said] = {}
    sections = []
    for number, part in enumerate((told[:cut], told[cut:])):
        if not part:
            continue
        texts = [text for text, _ in part]
        for text, attributes in part:
            said.update((one, _Said(number, text)) for one in attributes)
        filler = thing.say(thing.kind.fillers[number])
        texts.insert(rng.randint(1, len(texts)), filler)
        if number == 0:
            texts.insert(0, thing.say(rng.choice(thing.kind.intros)))
        gap = rng.randint(2, len(texts))
        text = "\n\n".join(" ".join(half) for half in (texts[:gap], texts[gap:]) if half)
        heading = "" if number == 0 else rng.choice(("Details", "Further facts", "More", "Today"))
        sections.append(Section(heading, text))
    return tuple(sections), said, set()


def _sheet(thing: _Thing, rng: random.Random) -> _Written:
    """A data sheet with a line for each attribute."""
    form = rng.choice(("{l}: {v}", "{l}: {v}", "- {l}: {v}", "{l} = {v}", "| {l} | {v} |"))
    attributes = list(thing.values)
    rng.shuffle(attributes)
    said = {}
    lines = []
    if rng.random() < 0.7:
        lines.append(form.replace("{l}", "Name").replace("{v}", thing.name))
    for one in attributes:
        label = _capital(rng.choice(one.labels))
        lines.append(form.replace("{l}", label).replace("{v}", thing.values[one]))
        said[one] = _Said(0, lines[-1])
    heading = rng.choice(("", "Data sheet", "Key facts", "At a glance"))
    return (Section(heading, "\n".join(lines)),), said, set()


def _letter(thing: _Thing, rng: random.Random) -> _Written:
    """A letter to a friend, or a note in a newspaper."""
    intro = thing.say(rng.choice(thing.kind.intros))
    private = rng.random() < 0.6
    told = _sentences(thing, rng, _REMARKS if private else _REPORTS)
    texts = [text for text, _ in told]
    texts.insert(rng.randint(1, len(texts)), thing.say(rng.choice(thing.kind.fillers)))
    said = {one: _Said(0, text) for text, attributes in told for one in attributes}
    body = " ".join(texts)
    if private:
        friend, writer = rng.sample(_WOMEN + _MEN, 2)
        hello = rng.choice(
            (
                "You wanted to know more about {n}, so here is what I found out.",
                "I have just come across {n} and must tell you about it.",
                "Your card asked after {n}, and I have made some notes.",
            )
        ).replace("{n}", thing.full)
        if thing.kind.name == "professor":
            hello = hello.replace("about it", "more")
        bye = rng.choice(("Love", "Yours", "Best wishes", "See you soon"))
        text = f"Dear {friend},\n\n{hello} {body}\n\n{bye},\n{writer}"
    else:
        when = f"{rng.randint(1, 28)} {rng.choice(_MONTHS)}"
        text = f"{_word(rng)}, {when}. {intro} {body}"
    return (Section("", text),), said, set()


def _leaflet(thing: _Thing, rng: random.Random) -> _Written:
    """A leaflet with a short section for each attribute, under its label or a question."""
    faq = rng.random() < 0.5
    attributes = list(thing.values)
    rng.shuffle(attributes)
    fillers = list(thing.kind.fillers)
    sections = [Section("", thing.say(rng.choice(thing.kind.intros)))]
    said = {}
    headings = set()
    for one in attributes:
        heading = _capital(rng.choice(one.labels))
        if faq:
            heading = thing.say(rng.choice(one.questions))
            headings.add(heading.lower())
        value = thing.values[one]
        text = _sentence(thing, one, rng)
        if rng.random() < 0.25 and not value[0].islower():
            text = f"{value}."
        said[one] = _Said(len(sections), text)
        if fillers and rng.random() < 0.15:
            text += " " + thing.say(fillers.pop())
        sections.append(Section(heading, text))
    return tuple(sections), said, headings


def _ask_thing(
    thing: _Thing,
    things: list[_Thing],
    sections: tuple[Section, ...],
    said: dict[_Attribute, _Said],
    rng: random.Random,
    used: set[str],
    taken: set[str],
) -> list[Asked]:
    """Six to nine questions on a thing."""
    found: list[Asked] = []
    known = set(taken)

    def add(question: str, section: int, phrase: str = "", quotes: tuple[str, ...] = ()) -> None:
        question = _worded(question, rng)
        if question.lower() not in known:
            known.add(question.lower())
            found.append(Asked(question, section, phrase, quotes))

    attributes = list(thing.values)
    rng.shuffle(attributes)
    for one in attributes[: rng.choice((4, 4, 5, 5, 6))]:
        add(_question(thing, one, rng), said[one].section, phrase=thing.values[one])
    for one in rng.sample(attributes, len(attributes)):
        value = thing.values[one]
        alone = sum(other.values.get(one) == value for other in things) == 1
        if one.reverse and alone and thing.name in sections[said[one].section].text:
            question = rng.choice(one.reverse).replace("{v}", value)
            add(question, said[one].section, phrase=thing.name)
            break
    if rng.random() < 0.6:
        one = rng.choice(attributes)
        question = thing.say(rng.choice(_QUOTED), one.labels[0])
        add(question, said[one].section, quotes=(said[one].sentence,))
    add(_question(thing, rng.choice(thing.missing), rng), -1)
    if rng.random() < 0.35:
        stranger = _Thing(thing.kind, _name(thing.kind, rng, used), rng)
        add(_question(stranger, rng.choice(thing.kind.attributes), rng), -1)
    if rng.random() < 0.45:
        question = thing.say(rng.choice(thing.kind.premises)).replace("{p}", _person(rng))
        add(question.replace("{y}", str(rng.randint(1931, 2019))), -1)
    for one in attributes * 3:
        if len(found) < 6:
            add(_question(thing, one, rng), said[one].section, phrase=thing.values[one])
    rng.shuffle(found)
    return found[:9]


def _question(thing: _Thing, attribute: _Attribute, rng: random.Random) -> str:
    common = _WHO if attribute.values == "person" else _QUESTIONS
    template = rng.choice(attribute.questions if rng.random() < 0.7 else common)
    return thing.say(template, attribute.labels[0])


def _worded(question: str, rng: random.Random) -> str:
    """The question, now and then in small letters, without its mark, or with a polite opening."""
    chance = rng.random()
    if chance < 0.07:
        return question.lower().rstrip("?. ")
    if chance < 0.12:
        return question.rstrip("?")
    if chance < 0.17 and question.split()[0] in ("Who", "What", "When", "Which", "How", "Where"):
        return f"Please tell me: {question[0].lower()}{question[1:]}"
    return _capital(question) if question.startswith("the ") else question


# Tables

_NOTES = (
    "All information without guarantee.",
    "Changes are announced on the notice board.",
    "This list replaces the one of last year.",
    "Please report mistakes to the office.",
)
_CONDITIONS: dict[str, Callable[[float, float], bool]] = {
    "more": lambda value, limit: value > limit,
    "less": lambda value, limit: value < limit,
    "yes": lambda value, limit: bool(value),
    "no": lambda value, limit: not value,
}


class _Asker:
    """Collects questions on one table; the most telling sorts come first."""

    def __init__(self, rng: random.Random, subject: str, nouns: bool = False) -> None:
        self.rng, self.subject, self.nouns = rng, subject, nouns
        self.values: list[Asked] = []
        self.others: list[Asked] = []
        self.nothing: list[Asked] = []

    def add(
        self,
        where: list[Asked],
        templates: tuple[str, ...],
        key: str = "",
        value: str = "",
        phrase: str = "",
        quotes: tuple[str, ...] = (),
    ) -> None:
        """One question from the templates; nothing answers without a phrase or quotes."""
        if templates:
            if self.nouns and self.rng.random() < 0.8:
                key = key[:1].lower() + key[1:]
            text = self.rng.choice(templates).replace("{t}", self.subject).replace("{k}", key)
            text = _worded(text.replace("{v}", value), self.rng)
            where.append(Asked(text, 0 if phrase or quotes else -1, phrase, quotes))

    def chosen(self) -> tuple[Asked, ...]:
        """Six to eight of the questions."""
        for questions in (self.values, self.others, self.nothing):
            self.rng.shuffle(questions)
        found = self.values[: self.rng.choice((2, 3))] + self.others[: self.rng.choice((3, 4))]
        found += self.nothing[: self.rng.choice((1, 1, 2))]
        found = list({one.question.lower(): one for one in found}.values())
        self.rng.shuffle(found)
        return tuple(found)


def _render(headers: list[str], rows: list[list[str]], way: int) -> tuple[str, list[str]]:
    """A table as a text, and its rows as they stand in it."""
    if way == 0:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        head = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    elif way == 1:
        lines = [
            "; ".join(f"{header}: {cell}" for header, cell in zip(headers, row, strict=True))
            for row in rows
        ]
        head = []
    else:
        lines = ["\t".join(row) for row in rows]
        head = ["\t".join(headers)]
    return "\n".join([*head, *lines]), lines


def _table_document(title: str, text: str, asker: _Asker, rng: random.Random) -> Document:
    if rng.random() < 0.3:
        text = f"{rng.choice(_NOTES)}\n\n{text}"
    sections = [Section(rng.choice(("", "", title)), text)]
    if rng.random() < 0.2:
        sections.append(Section("Remarks", rng.choice(_NOTES)))
    return Document(title, tuple(sections), asker.chosen())


def _spec_tables(spec: _Table, size: int, rng: random.Random, used: set[str]) -> Collection:
    """A collection of tables that are written down in `_TABLES`."""
    columns = [spec.columns[0], *rng.sample(spec.columns[1:], len(spec.columns) - 1)]
    if len(columns) > 3 and rng.random() < 0.3:
        columns.pop()
    headers = [rng.choice(spec.headers), *(rng.choice(one.headers) for one in columns)]
    style = rng.randrange(3)
    documents = []
    for _ in range(size):
        subject = _new_value(spec.subject, rng, style, used).text
        documents.append(_spec_table(spec, columns, headers, subject, style, rng))
    return Collection(spec.name, tuple(documents))


def _spec_table(
    spec: _Table,
    columns: list[_Column],
    headers: list[str],
    subject: str,
    style: int,
    rng: random.Random,
) -> Document:
    if spec.keys == "person":
        names: set[str] = set()
        while len(names) < 10:
            names.add(_person(rng))
        keys = sorted(names)
    else:
        keys = _list(spec.keys)
    rng.shuffle(keys)
    count = rng.randint(4, min(8, len(keys) - 1))
    keys, absent = keys[:count], keys[count:]
    cells: list[list[_Value]] = []
    for column in columns:
        known: set[str] = set()
        repeats = column.values == "bool" or any(rule == "is" for rule, _ in column.rows)
        cells.append(
            [_new_value(column.values, rng, style, set() if repeats else known) for _ in keys]
        )
    rows = [[key, *(one[i].text for one in cells)] for i, key in enumerate(keys)]
    text, lines = _render(headers, rows, rng.randrange(3))
    asker = _Asker(rng, subject, spec.name in _NOUNS)
    for column, values in zip(columns, cells, strict=True):
        _ask_column(asker, column, values, keys, lines)
        asker.add(asker.nothing, column.questions, rng.choice(absent))
    for column in spec.columns:
        if column not in columns:
            asker.add(asker.nothing, column.questions, rng.choice(keys))
    asker.add(asker.nothing, spec.premises, rng.choice(keys))
    i = rng.randrange(len(keys))
    if rng.random() < 0.3:
        about = ("What does the list of {t} say about {k}?", "{k} {t} all details")
        asker.add(asker.others, about, keys[i], quotes=(lines[i],))
    return _table_document(rng.choice(spec.titles).replace("{t}", subject), text, asker, rng)


def _ask_column(
    asker: _Asker, column: _Column, values: list[_Value], keys: list[str], lines: list[str]
) -> None:
    """Questions on a column: values, their reverse, the most and least, rows of a condition."""
    rng = asker.rng
    texts = [one.text for one in values]
    i = rng.randrange(len(keys))
    open_end = column in (_END, _SUPPORT) and values[i].order == date.max.toordinal()
    questions = _ENDED if open_end else column.questions
    asker.add(asker.values, questions, keys[i], phrase=texts[i])
    j = rng.randrange(len(keys))
    if texts.count(texts[j]) == 1 and values[j].order < date.max.toordinal():
        asker.add(asker.others, column.reverse, value=texts[j], phrase=keys[j])
    ordered = sorted(range(len(keys)), key=lambda k: values[k].order)
    if values[ordered[-1]].order > values[ordered[-2]].order:
        asker.add(asker.others, column.most, phrase=keys[ordered[-1]])
    if values[ordered[0]].order < values[ordered[1]].order:
        asker.add(asker.others, column.least, phrase=keys[ordered[0]])
    for rule, question in column.rows:
        step = rng.randint(1, 3)
        limit = values[ordered[-1 - step] if rule == "more" else ordered[step]]
        if rule == "is":
            limit = rng.choice(values)
            rows = [line for line, one in zip(lines, values, strict=True) if one.text == limit.text]
        else:
            holds = _CONDITIONS[rule]
            rows = [
                line
                for line, one in zip(lines, values, strict=True)
                if holds(one.order, limit.order)
            ]
        if 1 <= len(rows) <= 3:
            asker.add(asker.others, (question,), value=limit.text, quotes=tuple(rows))


# Tables of releases

_CYCLE = ("Cycle", "Version", "Release", "Branch", "cycle")
_RELEASED = _Column(
    ("Released", "Release date", "releaseDate", "Published"),
    "",
    (
        "When was {t} {k} released?",
        "On what day did {t} {k} come out?",
        "{t} {k} release date",
        "What is the release date of {t} {k}?",
        "Since when has {t} {k} been available?",
    ),
    (
        "Which version of {t} was released on {v}?",
        "What came out on {v} from {t}?",
        "On {v}, which {t} was published?",
    ),
)
_ACTIVE = _Column(
    ("Active support until", "Support", "Bug fixes until", "Active support"),
    "",
    (
        "How long does {t} {k} get active support?",
        "When does active support for {t} {k} end?",
        "Until when are ordinary bugs fixed in {t} {k}?",
        "active support {t} {k}",
    ),
)
_END = _Column(
    ("End of life", "EOL", "eol", "End of life date"),
    "",
    (
        "When is the end of life of {t} {k}?",
        "end of life of {t} {k}",
        "{t} {k} EOL",
        "When does {t} {k} reach its end of life?",
        "On what date is {t} {k} given up for good?",
    ),
    ("Which version of {t} reaches its end of life on {v}?", "What of {t} goes EOL on {v}?"),
)
_SUPPORT = _Column(
    ("Supported until", "Support ends", "End of support", "End of life", "EOL"),
    "",
    (
        "Until when is {t} {k} supported?",
        "until when is {t} {k} supported",
        "end of life of {t} {k}",
        "When does support for {t} {k} end?",
        "How long can I go on using {t} {k} with support?",
        "By what date should I have moved away from {t} {k}?",
        "Is {t} {k} still supported?",
    ),
    ("For which version of {t} does support end on {v}?", "Which {t} is supported until {v}?"),
)
_LATEST = _Column(
    ("Latest", "Latest release", "latest", "Newest patch"),
    "",
    (
        "What is the latest release of {t} {k}?",
        "Which patch of {t} {k} is the newest?",
        "latest {t} {k}",
        "To what should I update within {t} {k}?",
    ),
    ("To which branch of {t} does {v} belong as the latest?",),
)
_LTS = _Column(
    ("LTS", "Long-term support", "lts"),
    "",
    (
        "Is {t} {k} an LTS release?",
        "Does {t} {k} have long-term support?",
        "{t} {k} lts",
    ),
)
_ENDED = ("Has {t} {k} reached its end of life?", "Is {t} {k} at its end of life yet?")
_NEWEST = (
    "Which is the newest version of {t}?",
    "What is the most recent release cycle of {t}?",
    "newest {t}",
    "Which {t} came out last?",
)
_OLDEST = (
    "Which is the oldest version of {t} in the list?",
    "What is the earliest cycle of {t} listed?",
    "oldest {t} release",
)
_OVERALL = ("What is the latest version of {t}?", "Which {t} should I download to be up to date?")
_SUPPORTED = (
    "Which versions of {t} are still supported on {v}?",
    "What versions of {t} get support beyond {v}?",
    "It is {v}: which releases of {t} still get support?",
)
_ALIVE = (
    "Which versions of {t} have not reached their end of life on {v}?",
    "It is {v}: which releases of {t} are not end of life yet?",
)
_LONG = (
    "Which versions of {t} are LTS?",
    "Which {t} releases have long-term support?",
    "List the LTS cycles of {t}.",
)
_SHORT = ("Which versions of {t} are not LTS?", "Which {t} cycles lack long-term support?")
_ABSENT = (
    "What is the code name of {t} {k}?",
    "Who was the release manager of {t} {k}?",
    "How large is the download of {t} {k}?",
    "What does a licence for {t} {k} cost?",
    "Which operating systems does {t} {k} run on?",
)


def _cycles(count: int, rng: random.Random) -> tuple[list[str], date, int]:
    """Names of release cycles, the oldest first, when the first came out, and days between two."""
    start = date(2012, 1, 1) + timedelta(rng.randint(0, 1500))
    gap = rng.choice((120, 182, 365))
    first = rng.randint(1, 12)
    form = rng.randrange(4)
    if form == 0:
        return [str(first + i) for i in range(count)], start, gap
    if form == 1:
        names = [f"{first}.{i}" for i in range(rng.randint(0, 3), count + 4)]
        return names[:count], start, gap
    start = date(2014 + first // 2, (4, 10)[first % 2], 1)
    if form == 2:
        names = [f"{2014 + (first + i) // 2}.{1 + (first + i) % 2}" for i in range(count)]
    else:
        names = [f"{14 + (first + i) // 2}.{('04', '10')[(first + i) % 2]}" for i in range(count)]
    return names, start, 182


def _release_tables(size: int, rng: random.Random, used: set[str]) -> Collection:
    """A collection of release tables of different products."""
    documents = []
    long = rng.random() < 0.5
    columns = [_RELEASED] if rng.random() < 0.9 else []
    columns += [_ACTIVE, _END] if long else [_SUPPORT]
    columns += [one for one in (_LATEST, _LTS) if rng.random() < 0.75]
    if rng.random() < 0.4:
        rng.shuffle(columns)
    headers = [rng.choice(_CYCLE), *(rng.choice(one.headers) for one in columns)]
    style = rng.randrange(3)
    for _ in range(size):
        name = _new_value("word", rng, style, used).text
        kind = rng.choice(("{} OS", "{}DB", "{}", "{}", "{} Server", "{} Framework", "{}.js"))
        documents.append(_release_table(kind.format(name), columns, headers, style, rng))
    return Collection("releases", tuple(documents))


def _release_table(
    product: str, columns: list[_Column], headers: list[str], style: int, rng: random.Random
) -> Document:
    (*keys, after), start, gap = _cycles(rng.randint(4, 9) + 1, rng)
    lasts = gap * rng.choice((2, 3))
    ends = headers[1 + columns.index(_END if _END in columns else _SUPPORT)]
    open_end = rng.random() < 0.4 and ends.lower().startswith(("end of life", "eol"))
    truth = (("false", "true"), ("no", "yes"), ("No", "Yes"))[style]
    records: list[dict[_Column, _Value]] = []
    for i, key in enumerate(keys):
        day = start + timedelta(i * gap + rng.randint(0, 40))
        lts = rng.random() < 0.35
        active = day + timedelta(lasts // 2 + rng.randint(0, 60))
        end = day + timedelta(lasts * (2 if lts else 1) + rng.randint(70, 110))
        dates = {_RELEASED: day, _ACTIVE: active, _END: end, _SUPPORT: end}
        record = {one: _Value(when.isoformat(), when.toordinal()) for one, when in dates.items()}
        if open_end and i == len(keys) - 1:
            record[_END] = record[_SUPPORT] = _Value(truth[0], date.max.toordinal())
        record[_LATEST] = _Value(f"{key}.{rng.randint(0, 31)}")
        record[_LTS] = _Value(truth[lts], lts)
        records.append(record)
    newest = records[-1]
    order = list(range(len(keys)))
    if rng.random() < 0.65:
        order.reverse()
    keys, records = [keys[i] for i in order], [records[i] for i in order]
    rows = [
        [key, *(record[one].text for one in columns)]
        for key, record in zip(keys, records, strict=True)
    ]
    text, lines = _render(headers, rows, rng.randrange(3))
    asker = _Asker(rng, product)
    for column in columns:
        values = [record[column] for record in records]
        _ask_column(asker, column, values, keys, lines)
        if rng.random() < 0.4:
            asker.add(asker.nothing, column.questions, after)
    _ask_releases(asker, columns, keys, records, lines, newest)
    asker.add(asker.nothing, _ABSENT, rng.choice(keys))
    titles = ("{} releases", "{}: release cycles", "Support of {}", "{} end of life dates")
    title = rng.choice(titles)
    return _table_document(title.format(product), text, asker, rng)


def _ask_releases(
    asker: _Asker,
    columns: list[_Column],
    keys: list[str],
    records: list[dict[_Column, _Value]],
    lines: list[str],
    newest: dict[_Column, _Value],
) -> None:
    """Questions that need the order of the releases or more than one column."""
    rng = asker.rng
    top = records.index(newest)
    asker.add(asker.others, _NEWEST, phrase=keys[top])
    asker.add(asker.others, _OLDEST, phrase=keys[-1 if top == 0 else 0])
    latest = newest[_LATEST].text if _LATEST in columns else keys[top]
    asker.add(asker.others, _OVERALL, phrase=latest)
    ends = sorted((record[_SUPPORT].order for record in records), reverse=True)
    low = int(max(ends[min(3, len(ends) - 1)], newest[_RELEASED].order))
    highest = int(min(ends[0], ends[1] + 300))
    if low + 20 < highest:
        asked = rng.randint(low + 10, highest - 10)
        rows = [
            line for line, one in zip(lines, records, strict=True) if one[_SUPPORT].order > asked
        ]
        if 1 <= len(rows) <= 3:
            style = rng.randrange(3)
            asker.add(
                asker.others,
                _ALIVE if _ACTIVE in columns else _SUPPORTED,
                value=_day(date.fromordinal(asked), style),
                quotes=tuple(rows),
            )
    for column in (_RELEASED, _LATEST, _LTS):
        if column not in columns:
            asker.add(asker.nothing, column.questions, rng.choice(keys))
    if _LTS in columns:
        for templates, wanted in ((_LONG, True), (_SHORT, False)):
            rows = [
                line
                for line, one in zip(lines, records, strict=True)
                if bool(one[_LTS].order) == wanted
            ]
            if 1 <= len(rows) <= 3:
                asker.add(asker.others, templates, quotes=tuple(rows))


# How the kinds are written down:
#   # kind | noun | the or - | pattern of the names; another
#   = sentence that introduces   ~ sentence that nobody asks about   ! question with a false premise
#   @ label/other label: values    then for this attribute
#   + sentence   ? question   < question that the name answers
# {n} is the name, {S} and {s} the name, the noun or a pronoun, {Its} and {its} the possessive.
_KINDS = """
# mountain hut | hut | the | {w} Hut; {w} Refuge; {w}joch Hut; Upper {w} Hut
= {N} is a staffed mountain hut for walkers and climbers.
= Walkers who cross the range on foot usually spend a night at {n}.
~ The view from the terrace is often lost in cloud by noon.
~ Boots are left in the drying room by the door.
! Why was {n} moved after the avalanche of {y}?
! How much does the helicopter flight to {n} cost?
@ altitude/elevation/height above sea level: num 1240 2980 1 m
+ {S} stands {v} above sea level.
+ At {v} above the sea, the nights up here are cold even in July.
+ You have climbed to {v} by the time you reach {n}.
? How high up is {n}?
? At what height above the sea does one sleep at {n}?
< Which hut stands {v} above sea level?
@ warden/keeper/hut warden: person
+ {S} is run by {v}, who also cooks.
+ Behind the counter stands {v}, in charge of everything from bread to beds.
+ {v} keeps the place going from the first thaw to the last guest.
? Who runs {n}?
? Whom do guests deal with at {n}?
< Which hut is run by {v}?
@ year of construction/built/opening year: year 1871 1965
+ {S} was built in {v}.
+ The stone walls went up in {v}, with mules carrying the lime.
+ Since {v} there has been a roof over this saddle.
? When was {n} built?
? Since what year has there been a building at {n}?
< Which hut dates from {v}?
@ number of beds/beds/sleeping places: num 18 140 1
+ {S} sleeps {v}.
+ There are {v} beds, most of them in dormitories.
+ When all {v} beds are taken, late arrivals are sent to the winter room.
? How many people can stay the night at {n}?
? How many beds does {n} have?
< Which hut has {v} beds?
@ water source/drinking water/water: pick a spring above the chapel; melted snow; a rain cistern;
    the glacier stream; a well in the cellar; bottled water only; a pipe from the dam; a small tarn
+ Water comes from {v}.
+ For washing and drinking {s} depends on {v}.
+ Kettles are filled with what {v} yields.
? Where does the water at {n} come from?
? What do people drink at {n}, from which source?
@ nearest railway station/station: place
+ The walk up starts at the station of {v}.
+ {v} is where most guests get off the train.
+ Trains stop at {v}, and from there the path is signed.
? Where do I get off the train for {n}?
? Which station is closest to {n}?
< Which hut is reached from the station of {v}?
@ walking time from the valley/ascent/time on foot: pick 2 h 10 min; 3 h 30 min; 4 h 15 min;
    1 h 45 min; 5 h 20 min; 2 h 50 min; 3 h 5 min; 6 h 40 min; 4 h 50 min
+ Allow {v} for the climb from the valley.
+ From the last houses it takes {v} on foot.
+ The ascent takes {v} at a steady pace.
? How long does it take to walk up to {n}?
? How far in hours is {n} from the valley floor?
@ house speciality/signature dish: pick barley soup; plum dumplings; buckwheat pancakes; goat stew;
    smoked trout; cheese ravioli; nettle omelette; apple strudel; lentil pie
+ People come for the {v}.
+ Nobody leaves without having tried the {v}.
+ On the menu, {v} has stood at the top for decades.
? What food is {n} known for?
? What should one eat at {n}?
< At which hut is {v} the thing to eat?
# village | village | - | {w}by; {w}stead; Little {w}; {w} Cross; {w}ford
= {N} is a small village on a side road.
= Few maps show {n}, a village of low houses round a green.
~ On Thursdays a baker's van stops by the pump.
~ The bus shelter was painted by schoolchildren.
! Why did {n} lose its town rights in {y}?
! Which king was born in {n}?
@ population/inhabitants/residents: num 84 2900 1
+ {S} has {v} inhabitants.
+ At the last count {v} people lived there.
+ A census taker found {v} residents and rather more sheep.
? How many people live in {n}?
? How big is {n} in terms of residents?
< Which village has {v} inhabitants?
@ mayor/head of the council: person
+ {S} has had {v} as mayor for two terms.
+ Council meetings are chaired by {v}, the mayor.
+ The mayor's chain is worn by {v}.
? Who governs {n}?
? What is the name of the person who leads the council of {n}?
< Which village has {v} as its mayor?
@ first mention/first recorded/earliest record: year 1088 1490
+ {S} is first mentioned in a charter of {v}.
+ In {v} a monk wrote down the name for the first time.
+ No document older than {v} knows of the place.
? When does {n} first appear in writing?
? From what year is the oldest document about {n}?
< Which village is first mentioned in {v}?
@ river/stream: pick the Ansel; the Tovre; the Lirr; the Maddow; the Oske; the Brune; the Wendle;
    the Sarrin; the Ister Beck
+ Along the southern edge runs {v}.
+ {Its} mill was driven by {v}.
+ Floods are rare, although {v} passes right behind the gardens.
? Which river flows past {n}?
? What water turned the mill wheel of {n}?
@ market day/day of the market: pick Monday; Tuesday; Wednesday; Thursday; Friday; Saturday; Sunday
+ Stalls are put up every {v}.
+ The market is held on {v}.
+ If you want fresh cheese, come on a {v}, when the market is on.
? On which weekday can I go to the market in {n}?
? When do the stalls stand in {n}?
@ patron saint/saint: pick Saint Oswin; Saint Brannoc; Saint Ludmila; Saint Piran; Saint Odile;
    Saint Afra; Saint Kevern; Saint Wendelin; Saint Notburga
+ The church is dedicated to {v}.
+ Bells ring for {v}, to whom the parish looks.
+ A wooden figure above the altar shows {v}, the patron.
? To whom is the church of {n} dedicated?
? Which saint protects {n}?
< Which village honours {v}?
@ main craft/trade/local craft: pick basket weaving; clock making; bell founding; lace; pottery;
    saddlery; glass blowing; bee keeping; paper making
+ Most families once lived from {v}.
+ The village is known for {v}.
+ What money there was came in through {v}.
? What did people in {n} make their living from?
? Which trade is {n} famous for?
< Which village lived from {v}?
@ twin village/partner village/twinned with: place
+ {S} is twinned with {v}.
+ A partnership links the village to {v}.
+ Every second summer a coach arrives from {v}, the twin village.
? With which place is {n} twinned?
? Which partner does {n} have abroad?
< Which village is twinned with {v}?
# plant | plant | - | (Silver|Dwarf|Creeping|Marsh|Bitter|Hairy|Royal) {w}wort;
    (Dwarf|Pale|Woolly|Northern) {w}bell; {w} (thistle|clover|fern|mallow)
= {N} is a perennial plant of temperate regions.
= Gardeners have only recently taken notice of {n}.
~ The seeds are carried off by ants.
~ Slugs leave the young shoots alone.
! Why was {n} banned from gardens in {y}?
! Which poison does the root of {n} contain?
@ height/growing height/size: num 12 240 1 cm
+ {S} grows to {v}.
+ After three years the stems reach {v}.
+ Rarely does a specimen exceed {v} in height.
? How tall does {n} get?
? What size does {n} reach when grown?
< Which plant grows to {v}?
@ flower colour/colour of the flowers/blossom: pick pale yellow; violet; brick red; cream white;
    sky blue; deep orange; pink with dark veins; greenish white; copper brown
+ The flowers are {v}.
+ In bloom {s} is {v}.
+ Botanists recognise {its} flowers, which are {v}, from afar.
? What colour does {n} bloom in?
? What do the blossoms of {n} look like in colour?
< Which plant has flowers that are {v}?
@ flowering time/bloom: pick March to April; April to May; May to July; June to August;
    July to September; late August to October; February to March; November to January
+ Flowers appear from {v}.
+ {S} blooms from {v}.
+ Look for open buds from {v}, depending on the weather.
? In which months does {n} flower?
? When can I see {n} in bloom?
@ discoverer/first described by/describer: person
+ {S} was first described by {v}.
+ {v} found the first specimen on a botanical journey.
+ We owe the first drawing and description to {v}.
? Who discovered {n}?
? Which botanist first described {n}?
< Which plant was discovered by {v}?
@ preferred soil/soil/ground: pick chalky gravel; wet peat; sandy loam; heavy clay; acid humus;
    volcanic ash; stony limestone; salty silt
+ {S} likes {v}.
+ Plant it in {v}, nothing else will do.
+ Only on {v} does {s} thrive.
? What kind of soil does {n} need?
? In what ground should I plant {n}?
@ traditional use/use: pick as a cough remedy; for dyeing wool; in soups; as a tea against fever;
    for stuffing pillows; as a bitter in liqueurs; against moths; as a salve for burns
+ In former times {s} was used {v}.
+ Country people valued it {v}.
+ Old herbals recommend {n} {v}.
? What was {n} used for?
? How did people in the past make use of {n}?
@ spacing/planting distance: num 15 98 1 cm
+ Leave {v} between two plants.
+ Seedlings are set out {v} apart.
+ Closer than {v} they should not stand.
? How far apart should {n} be planted?
? What distance must be kept between two plants of {n}?
@ year of introduction/in cultivation since: year 1702 1985
+ It has been in cultivation since {v}.
+ In {v} the first seeds were sold to gardeners.
+ Nurseries took up {n} in {v}.
? Since when has {n} been grown in gardens?
? When did {n} come into cultivation?
< Which plant came into cultivation in {v}?
# machine | machine | the | (Corvex|Haldron|Timbrel|Ostra|Quern|Ravik) {d}; {w} {d}
= {N} is a machine for workshops and small factories.
= Many workshops have replaced older equipment with {n}.
~ An emergency stop sits on either side.
~ The manual comes in a waterproof pouch.
! Why was {n} recalled in {y}?
! How much does a used {m} cost?
@ weight/mass: num 140 5400 5 kg
+ {S} weighs {v}.
+ A floor that bears {v} is needed.
+ On the scales it comes to {v} without tools.
? How heavy is {n}?
? What load does {n} put on the floor?
< Which machine weighs {v}?
@ power consumption/power/rated power: dec 1 45 kW
+ {S} draws {v} at full load.
+ The motor takes {v} from the mains.
+ Under load you must reckon with {v}.
? How much electricity does {n} draw?
? How many kilowatts does {n} take?
< Which machine draws {v}?
@ designer/chief engineer/developed by: person
+ {S} was designed by {v}.
+ The drawings were made by {v}.
+ Behind the new gearbox stands {v}, the designer.
? Who designed {n}?
? Whose drawings led to {n}?
< Which machine was designed by {v}?
@ housing colour/colour/finish: pick signal yellow; moss green; light grey; cobalt blue; wine red;
    matt black; ivory; orange; turquoise
+ The housing is painted {v}.
+ It leaves the works in {v}.
+ Anyone looking for it on the shop floor should watch out for {v} sheet metal.
? What colour is {n}?
? How is the housing of {n} painted?
< Which machine is painted {v}?
@ noise level/sound level: num 58 104 1 dB
+ {S} makes a noise of {v}.
+ At one metre {v} were measured.
+ Ear protection is advised, since it reaches {v}.
? How loud is {n}?
? How many decibels were measured at {n}?
@ service interval/maintenance interval/servicing: pick every 250 hours; every 400 hours;
    every 600 hours; every 750 hours; every 1000 hours; every 1500 hours; every 2000 hours;
    every 90 days
+ It has to be serviced {v}.
+ A technician must look at it {v}.
+ Filters and belts are replaced {v}.
? How often does {n} need maintenance?
? At what interval must {n} be serviced?
@ lubricant/oil: pick Velol 32; Sarnol 46; Grafit 7; Oktan Blue; Biolub 15; Tessin 68; Marol 100;
    Kestrel 22
+ Use only {v} to lubricate it.
+ The gearbox is filled with {v}.
+ With anything other than {v} the bearings run dry.
? What oil goes into {n}?
? Which lubricant does {n} need?
< Which machine is lubricated with {v}?
@ year of launch/launched/on the market since: year 1988 2024
+ It has been on the market since {v}.
+ In {v} the first customers took delivery.
+ {S} was launched in {v}.
? When did {n} come on the market?
? Since what year has {n} been sold?
< Which machine was launched in {v}?
# satellite | satellite | - | {w}-{i}; {w}sat {i}
= {N} is a research satellite in orbit round the Earth.
= Among the smaller satellites, {n} has attracted some attention.
~ Contact is made several times a day.
~ Two gyroscopes serve as spares.
! Which meteorite hit {n} in {y}?
! When was {n} repaired in orbit?
@ launch date/launched on/day of launch: date 1994 2023
+ {S} was launched on {v}.
+ The rocket lifted off on {v}.
+ Since {v} it has been in space.
? When did {n} lift off?
? On what day did {n} go into space?
< Which satellite was launched on {v}?
@ launch mass/mass: num 48 3900 1 kg
+ With fuel {s} weighed {v}.
+ The scales showed {v} before the launch.
+ {v} had to be lifted off the ground.
? How heavy was {n} at the start?
? What did {n} weigh?
@ orbital height/altitude/height of orbit: num 410 1480 1 km
+ {S} circles the Earth at {v}.
+ From {v} above the ground it looks down.
+ The path was set {v} up.
? How high does {n} fly?
? At what distance above the ground does {n} circle?
< Which satellite flies at a height of {v}?
@ orbital period/period/time for one revolution: num 91 117 1 min
+ One revolution takes {v}.
+ Every {v} it has gone round once.
+ It needs {v} for a lap of the planet.
? How long does {n} need for one orbit?
? In what time does {n} go round the Earth?
@ mission leader/principal investigator/scientific head: person
+ The mission is led by {v}.
+ {v} heads the team on the ground.
+ All data first go to {v}, who leads the science.
? Who leads the mission of {n}?
? Who is in charge of {n}?
< Which satellite's mission is led by {v}?
@ main instrument/payload: pick a radar altimeter; an infrared camera; a magnetometer;
    a laser ranger; an ozone spectrometer; a dust counter; an X-ray telescope; a microwave sounder
+ On board is {v}.
+ {S} carries {v}.
+ For {its} measurements {s} relies on {v}.
? What instrument does {n} carry?
? With what does {n} take its measurements?
< Which satellite carries {v}?
@ ground station/control centre: place
+ Commands are sent from {v}.
+ The control room is in {v}.
+ {v} has the antenna that keeps in touch with it.
? From where is {n} controlled?
? Which ground station talks to {n}?
< Which satellite is controlled from {v}?
@ planned lifetime/design life: pick 2 years; 3 years; 4 years; 5 years; 7 years; 8 years;
    10 years;
    12 years
+ {S} was designed to last {v}.
+ Engineers reckoned with {v} of service.
+ The batteries should hold out for {v}.
? How long is {n} supposed to work?
? For what length of service was {n} built?
# museum | museum | the | {w} Museum; Museum of (Bells|Locks|Salt|Maps|Rope|Clocks|Buttons) in {w};
    {w} House Museum
= {N} is open to the public most of the year.
= Anyone with an hour to spare should look in at {n}.
~ Bags must be left in the lockers.
~ The floorboards creak on the upper storey.
! Which thief broke into {n} in {y}?
! How many pictures did {p} steal from {n}?
@ director/head/led by: person
+ {S} is directed by {v}.
+ The office on the top floor belongs to {v}, the director.
+ {v} decides what is shown.
? Who runs {n}?
? Who is in charge at {n}?
< Which museum is directed by {v}?
@ year of foundation/founded/opened: year 1824 1998
+ {S} was founded in {v}.
+ The doors opened for the first time in {v}.
+ After long quarrels it was set up in {v}.
? When was {n} founded?
? In what year did {n} first open its doors?
< Which museum was founded in {v}?
@ number of objects/size of the collection/objects: num 450 68000 10
+ {S} owns {v} objects.
+ The inventory lists {v} pieces.
+ Some {v} items fill the rooms and the cellar.
? How many objects does {n} have?
? How large is the collection of {n}?
@ closing day/closed on: pick Monday; Tuesday; Wednesday; Thursday; Friday; Saturday; Sunday
+ The doors stay shut on {v}.
+ There is no admission on {v}.
+ Do not come on a {v}, when only the cleaners are in.
? On what day is {n} closed?
? Which weekday should I avoid for {n}?
@ admission/ticket price/entry: money 3 19
+ Admission is {v}.
+ A ticket costs {v}.
+ Adults pay {v} at the desk.
? How much does it cost to get into {n}?
? What do adults pay at {n}?
< Which museum charges {v}?
@ best-known exhibit/highlight/showpiece: pick a bronze sundial; a whale skeleton;
    a wooden printing
    press; a silver carnival mask; an ice sledge; a glass organ; a diving bell; a mammoth tusk;
    a painted sleigh
+ Visitors stop longest in front of {v}.
+ {Its} pride is {v}.
+ In the main hall stands {v}, shown on every poster.
? What is the most famous thing to see at {n}?
? Which exhibit is the pride of {n}?
< Which museum shows {v}?
@ building/housed in: pick a former brewery; an old customs house; a tram depot; a convent;
    a water tower; a silk mill; a bank; a fire station; a riding hall
+ {S} occupies {v}.
+ The rooms belong to {v}.
+ It moved into {v} after years of searching.
? In what kind of building is {n}?
? What did the house of {n} use to be?
< Which museum is in {v}?
@ founder/donor: person
+ {S} goes back to {v}, who founded it.
+ The founder, {v}, left all savings to it.
+ Everything began with a gift from {v}, its founder.
? Who founded {n}?
? To whom does {n} owe its existence?
< Which museum was founded by {v}?
# racehorse | horse | - | (Iron|Velvet|Midnight|Lucky|Amber) (Lantern|Sparrow|Tango|Bishop|Gale);
    {w} (Star|Prince|Fever|Dancer)
= {N} is a racehorse that has run on several tracks.
= Spectators have taken {n} to their hearts.
~ Before a race {s} gets no hay.
~ A white goat shares the box.
! Why was {n} disqualified in {y}?
! For how much was {n} insured?
@ trainer/trained by: person
+ {S} is trained by {v}.
+ Every morning {v}, the trainer, stands at the rail with a stopwatch.
+ {v} has the training in hand.
? Who trains {n}?
? In whose training is {n}?
< Which horse is trained by {v}?
@ jockey/regular jockey/ridden by: person
+ {v} rides {n} in the big races.
+ In the saddle sits {v}.
+ {S} is usually ridden by {v}.
? Who rides {n}?
? Who sits in the saddle of {n}?
< Which horse is ridden by {v}?
@ coat colour/colour/coat: pick dark bay; chestnut; dapple grey; black; liver chestnut; palomino;
    strawberry roan; light bay; white grey
+ {Its} coat is {v}.
+ In the paddock you know {n} by the coat, which is {v}.
+ Foaled almost black or not, today the coat is {v}.
? What colour is {n}?
? How does the coat of {n} look?
< Which horse is {v}?
@ number of wins/wins/victories: num 3 41 1
+ {S} has won {v} races.
+ The record stands at {v} wins.
+ On {v} occasions {s} was first past the post.
? How many races has {n} won?
? How often did {n} come first?
< Which horse has won {v} races?
@ height/height at the withers: num 152 176 1 cm
+ {S} stands {v} at the withers.
+ At the shoulder {v} were measured.
+ The measuring stick shows {v}.
? How tall is {n}?
? What does {n} measure at the withers?
@ home stable/stable: place
+ {Its} box is in {v}.
+ The stable is in {v}.
+ Between races {s} lives in {v}.
? Where is {n} kept?
? In which place is the stable of {n}?
< Which horse is stabled in {v}?
@ favourite distance/best distance: num 1000 3600 100 m
+ {S} is at {its} best over {v}.
+ Over {v} hardly anyone can catch up.
+ The trainer prefers to enter {n} in races of {v}.
? Over what distance is {n} strongest?
? Which race length suits {n} best?
@ foaling date/date of birth/foaled: date 2012 2021
+ {S} was foaled on {v}.
+ The foal came into the world on {v}.
+ {v} is the birthday in the stud book.
? When was {n} born?
? What is the birthday of {n}?
< Which horse was foaled on {v}?
# school | school | - | {w} (Primary School|Grammar School|Academy); {p} School
= {N} is a day school with its own sports ground.
= Parents speak well of {n}.
~ The bell in the yard is rung by hand.
~ The canteen cooks without sugar on Fridays.
! Why did {n} burn down in {y}?
! Which minister went to {n}?
@ head teacher/headmaster or headmistress/head: person
+ {S} is headed by {v}.
+ {v} has the head's office next to the library.
+ School reports are signed by {v}, the head teacher.
? Who is in charge of {n}?
? Who signs the reports at {n}?
< Which school is headed by {v}?
@ number of pupils/pupils/enrolment: num 96 1840 1
+ {S} has {v} pupils.
+ This year {v} children are enrolled.
+ In the morning {v} pupils come through the gate.
? How many pupils go to {n}?
? How many children are enrolled at {n}?
< Which school has {v} pupils?
@ year of foundation/founded: year 1790 1996
+ {S} was founded in {v}.
+ Lessons have been given here since {v}.
+ The town council set it up in {v}.
? When was {n} founded?
? Since what year has there been teaching at {n}?
< Which school was founded in {v}?
@ uniform colour/colour of the uniform/uniform: pick navy blue; bottle green; maroon; grey;
    mustard;
    purple; brown; light blue; black
+ Uniforms are {v}.
+ The pullovers are {v}, with a crest on the left.
+ You recognise the pupils by their uniform, which is {v}.
? What colour do pupils of {n} wear?
? By what colour of clothes can one tell pupils of {n}?
< Which school has a uniform that is {v}?
@ motto/school motto: pick Learn by doing; Never idle; Ask again; Together and upright;
    Light before noon; Slow but sure; Open the window; Patience wins
+ Above the door is written: {v}.
+ The motto is "{v}".
+ Every letterhead bears the words "{v}".
? What is written above the door of {n}?
? Which words stand on the letterhead of {n}?
< Which school has the motto "{v}"?
@ start of lessons/first lesson/lessons begin: pick 7:40; 7:50; 8:00; 8:10; 8:15; 8:25; 8:30; 8:45;
    9:05
+ Lessons begin at {v}.
+ By {v} everyone has to be in class.
+ The first lesson starts at {v}.
? When do lessons begin at {n}?
? By what time must pupils be in class at {n}?
@ first foreign language/foreign language: pick Danish; Latin; Spanish; Japanese; Welsh;
    Portuguese;
    Turkish; Russian; Finnish
+ {v} is the first foreign language.
+ All children start with {v}.
+ Nobody gets round {v}, which is taught from the first year.
? Which language do pupils learn first at {n}?
? What foreign language is everybody taught at {n}?
< Which school teaches {v} first?
@ caretaker/janitor: person
+ The keys are with {v}, the caretaker.
+ If a window breaks, {v} comes with a new pane.
+ {v} looks after the building.
? Who looks after the building of {n}?
? Who has the keys of {n}?
< At which school is {v} the caretaker?
# bridge | bridge | the | {w} Bridge; Old {w} Bridge; {p} Bridge; {w} Viaduct
= {N} carries a road and a footpath.
= Commuters use {n} every day.
~ Swallows nest under the arches.
~ In fog the lamps burn all day.
! Why did {n} collapse in {y}?
! How many people were hurt when {n} fell?
@ length/total length: num 38 2400 1 m
+ {S} is {v} long.
+ From bank to bank it measures {v}.
+ You walk {v} to get to the other side.
? How long is {n}?
? How many metres is it from one end of {n} to the other?
< Which bridge is {v} long?
@ engineer/designed by/structural engineer: person
+ {S} was designed by {v}.
+ The calculations were made by {v}.
+ It is the work of {v}, the engineer.
? Who designed {n}?
? Whose work is {n}?
< Which bridge was designed by {v}?
@ year of completion/completed/opened to traffic: year 1822 1999
+ {S} was finished in {v}.
+ Traffic has crossed it since {v}.
+ Work came to an end in {v}.
? When was {n} completed?
? Since when have people been able to cross {n}?
< Which bridge was completed in {v}?
@ building material/material: pick red sandstone; riveted iron; larch wood; reinforced concrete;
    granite; weathering steel; yellow brick; limestone; aluminium
+ {S} is made of {v}.
+ The builders chose {v}.
+ Instead of anything cheaper, {v} was used throughout.
? What is {n} made of?
? Which material did the builders of {n} use?
< Which bridge is made of {v}?
@ clearance/headroom below: dec 3 48 m
+ Below the deck there are {v} of headroom.
+ Boats up to {v} high pass underneath.
+ The clearance is {v} at normal water.
? How high may a boat be to pass under {n}?
? How much room is there under {n}?
@ toll/charge for cars: money 1 12
+ Cars pay {v} to cross.
+ A toll of {v} is charged per car.
+ The man in the booth takes {v} from each driver.
? What does it cost to drive over {n}?
? How much do cars pay at {n}?
@ weight limit/maximum load: dec 3 44 t
+ Vehicles over {v} must take another road.
+ A sign limits the weight to {v}.
+ It bears vehicles of up to {v}.
? How heavy may a vehicle on {n} be?
? What load is allowed on {n}?
@ colour/paint: pick dark green; rust red; silver; pale blue; cream; anthracite; ochre; white
+ The railings are painted {v}.
+ Painters gave it a coat of {v}.
+ Postcards show it in {v}.
? What colour are the railings of {n}?
? In what colour is {n} painted?
# recipe | dish | - | {w} (Soup|Dumplings|Cake|Stew|Pie|Bread|Pudding)
= {N} is a dish for the cold months.
= My grandmother's kitchen smelled of {n} every autumn.
~ Wash your hands and clear the table first.
~ Leftovers taste even better the next day.
! Why is {n} forbidden during Lent?
! Which restaurant won a prize with {n} in {y}?
@ cooking time/time on the stove or in the oven: num 18 190 1 minutes
+ {S} has to cook for {v}.
+ After {v} of heat it is done.
+ Leave it alone for {v} while it cooks.
? How long does {n} have to cook?
? After how many minutes is {n} done?
@ main ingredient/chief ingredient: pick white beans; chestnuts; beetroot; smoked eel; pumpkin;
    rye flour; leeks; pears; barley
+ Most of it consists of {v}.
+ The basis is {v}.
+ Without {v} there is nothing to be done.
? What is {n} mainly made of?
? What do I need most of for {n}?
< Which dish is based on {v}?
@ spice/seasoning: pick caraway; saffron; juniper; cardamom; sumac; lovage; star anise;
    mustard seed;
    marjoram
+ It is seasoned with {v}.
+ A pinch of {v} gives the flavour.
+ At the very end stir in some {v}.
? What spice goes into {n}?
? With what do I season {n}?
< Which dish is seasoned with {v}?
@ number of servings/serves: num 2 16 1
+ {S} is enough for {v} people.
+ You can feed {v} guests with it.
+ The quantities serve {v}.
? How many people does {n} feed?
? For how many guests is {n} enough?
@ oven temperature/temperature/heat: num 120 250 5 °C
+ Set the heat to {v}.
+ At {v} it turns brown without burning.
+ {v} is right for it.
? How hot should it be for {n}?
? To what temperature do I set the heat for {n}?
@ originator/invented by/author of the recipe: person
+ The recipe comes from {v}.
+ {v} thought it up for a wedding.
+ It was first written down by {v}.
? Who invented {n}?
? From whom do we have {n}?
< Which dish was invented by {v}?
@ region/home region/comes from: place
+ {S} comes from the country round {v}.
+ People in {v} say that it was theirs first.
+ In {v}, where it is at home, every family makes it differently.
? Where is {n} from?
? In which place is {n} at home?
< Which dish comes from {v}?
@ side dish/served with: pick pickled cucumber; buttered noodles; rye crackers; sour cream;
    cranberry jam; mashed swede; fried onions; cold custard
+ {S} is served with {v}.
+ On the side there is {v}.
+ Put {v} on the table with it.
? What goes with {n}?
? What do you put on the table along with {n}?
< Which dish is served with {v}?
# software package | package | - | lib(quor|tamb|vesk|plim|dorn|fenk|yarl|mosk)(io|fs|net|q|x);
    (tern|moss|quill|flint|pebble|otter)-(parse|queue|cache|log|sync|grid);
    py(trell|zorn|wick|lumb)
= {N} is an open-source package for developers.
= Many projects pull in {n} without knowing it.
~ Bug reports are answered within a week.
~ The logo was drawn on a napkin.
! Why was {n} removed from the registry in {y}?
! Which hole in {n} did {p} discover?
@ maintainer/lead maintainer/maintained by: person
+ {S} is maintained by {v}.
+ Pull requests are reviewed by {v}.
+ {v} has kept it alive in spare hours.
? Who maintains {n}?
? Who reviews pull requests for {n}?
< Which package is maintained by {v}?
@ licence/license: pick MIT; BSD-3-Clause; Apache-2.0; GPL-3.0; MPL-2.0; ISC; LGPL-2.1; Zlib;
    EUPL-1.2
+ It may be used under {v}.
+ The code is published under {v}.
+ Its terms are those of {v}.
? Under what terms may I use {n}?
? How is {n} licensed?
< Which package is published under {v}?
@ current version/latest version/latest release: version
+ The current version is {v}.
+ At the moment {v} is the newest release.
+ Install {v} unless you have reason not to.
? What is the newest release of {n}?
? Which version of {n} should I install?
@ programming language/written in: pick Rust; Go; Zig; Haskell; Python; OCaml; Kotlin; Erlang; Nim
+ {S} is written in {v}.
+ The source code is {v} from top to bottom.
+ Contributors need to know {v}.
? In what is {n} written?
? Which language do I need to know to work on {n}?
< Which package is written in {v}?
@ default port/port: int 1100 64000 1
+ It listens on port {v} unless told otherwise.
+ Open {v} in the firewall, which is the default port.
+ Clients connect to port {v}.
? On which port does {n} listen?
? What must I open in the firewall for {n}?
< Which package listens on port {v}?
@ configuration file/config file: pick settings.toml; local.ini; rules.yaml; conf.json; main.cfg;
    app.properties; site.conf; defaults.xml
+ Settings are read from {v}.
+ Everything is set in {v}.
+ At start-up it looks for {v}.
? Where are the settings of {n} kept?
? Which file does {n} read when it starts?
@ memory needed/memory/minimum memory: num 16 4000 8 MB
+ {S} needs {v} of memory.
+ With less than {v} it will not start.
+ Reserve {v} of RAM for it.
? How much RAM does {n} take?
? With how little memory can {n} run?
@ date of first release/first release: date 2007 2022
+ The first release came out on {v}.
+ It was first published on {v}.
+ On {v} anyone could download it for the first time.
? When was {n} first published?
? On what day did {n} first come out?
< Which package first came out on {v}?
# insect | insect | the | {w} (beetle|moth|wasp|cricket|lacewing); (Spotted|Banded|Lesser) {w} fly
= {N} is an insect that few people ever see.
= Collectors are keen on {n}.
~ Spiders seem to avoid it.
~ Birds dislike the taste.
! Why did {n} die out in {y}?
! Which disease does {n} carry?
@ body length/length: dec 3 68 mm
+ {S} is {v} long.
+ Grown animals measure {v}.
+ It reaches a length of {v} without the antennae.
? How long is {n}?
? How big does {n} grow?
< Which insect is {v} long?
@ wing colour/wings: pick metallic green; smoky brown; lemon yellow; rust red; transparent;
    black with white dots; steel blue; pearl grey
+ {Its} wings are {v}.
+ Seen from above, the wings are {v}.
+ In flight you notice wings that are {v}.
? What do the wings of {n} look like?
? By what wing colour do I know {n}?
< Which insect has wings that are {v}?
@ food plant/larval food/larvae feed on: pick nettles; willow leaves; ivy; rotting oak; thistles;
    hop roots; wild carrot; heather; pine bark
+ The larvae feed on {v}.
+ Eggs are laid on or near {v}, which the young eat.
+ Where there is plenty of {v}, the grubs grow quickly.
? What do the young of {n} eat?
? Which plant do larvae of {n} live on?
< The larvae of which insect eat {v}?
@ flight season/flight time/on the wing: pick April; late May; June; early July; August;
    September; October; mid-March
+ {S} flies in {v}.
+ Adults are on the wing in {v}.
+ The swarms appear in {v}.
? When does {n} fly?
? At what time of year do I see grown animals of {n}?
@ lifespan/life of the adult: pick 4 days; 9 days; 2 weeks; 17 days; 3 weeks; 5 weeks; 7 weeks;
    11 weeks
+ An adult lives for {v}.
+ After {v} its life is over.
+ No more than {v} remain to it once it has hatched.
? How long does {n} live?
? How much time does a grown {m} have before it dies?
@ discoverer/first described by: person
+ {S} was first described by {v}.
+ {v} caught the first one with a hat.
+ The first specimen was pinned by {v}.
? Who discovered {n}?
? Who caught the first {m}?
< Which insect was discovered by {v}?
@ number of eggs/eggs per clutch/clutch: num 12 480 1
+ A female lays {v} eggs.
+ In each clutch there are {v} eggs.
+ Researchers counted {v} eggs under a single leaf.
? How many eggs does {n} lay?
? How large is a clutch of {n}?
@ habitat/lives in: pick wet meadows; dunes; old orchards; beech woods; quarries; reed beds;
    alpine pastures; hedgerows
+ {S} lives in {v}.
+ You find it in {v}.
+ Outside {v} it is hardly ever seen.
? Where does {n} live?
? In what surroundings would I look for {n}?
< Which insect lives in {v}?
# painting | painting | - | The (Grey|Silent|Burning|Blue|Last) (Orchard|Table|Ferry|Window);
    (Girl|Man|Child|Woman) with (Goose|Ladder|Kite|Lemons|Lantern|Drum); (Evening|Winter) at {w}
= {N} is a painting that has travelled a good deal.
= Opinions about {n} have always been divided.
~ A fly is painted so well that guards try to chase it.
~ The frame is younger than the canvas.
! Why was {n} cut in two in {y}?
! Which dealer forged {n}?
@ painter/artist/painted by: person
+ {S} was painted by {v}.
+ The brush was held by {v}.
+ It comes from the hand of {v}.
? Who painted {n}?
? Whose work is {n}?
< Which picture did {v} paint?
@ year of origin/painted in/date of the work: year 1610 1899
+ It was painted in {v}.
+ The year {v} stands in the lower corner.
+ It was finished in {v}, after two winters of work.
? When was {n} painted?
? From what year is {n}?
< Which picture was painted in {v}?
@ width/breadth: num 31 390 1 cm
+ The canvas is {v} wide.
+ It takes up {v} of wall from left to right.
+ From edge to edge it measures {v}.
? How wide is {n}?
? How much wall does {n} take up from left to right?
@ present owner/owner/owned by: person
+ It now belongs to {v}.
+ The owner is {v}, who lends it out gladly.
+ {v} inherited it and keeps it.
? Whom does {n} belong to?
? In whose hands is {n} today?
< Which picture belongs to {v}?
@ location/where it hangs/town: place
+ It hangs in {v}.
+ To see it you must travel to {v}.
+ {v} is where it can be seen.
? Where can I see {n}?
? In which town does {n} hang?
< Which picture hangs in {v}?
@ technique/medium: pick oil on oak; tempera; gouache; oil on copper; watercolour; pastel;
    encaustic;
    oil on canvas; chalk and ink
+ The technique is {v}.
+ Experts describe it as {v}.
+ The artist used {v}.
? How was {n} made, in which technique?
? What did the artist use for {n}?
< Which picture is done in {v}?
@ insured value/insured for/insurance sum: num 12000 980000 1000 euros
+ It is insured for {v}.
+ The insurers set {v} as its worth.
+ If it were lost, {v} would be paid.
? What is {n} worth to the insurers?
? How much would be paid if {n} were lost?
@ restorer/restored by: person
+ The varnish was cleaned by {v}.
+ {v} restored it with cotton wool and patience.
+ A tear was mended by {v}, the restorer.
? Who restored {n}?
? Who cleaned and mended {n}?
< Which picture was restored by {v}?
# choir | choir | the | {w} Singers; {w} Chamber Choir; {w} Cathedral Choir; {w} Voices
= {N} sings sacred and secular music.
= Word has got round about {n}.
~ After rehearsals there is tea.
~ New tenors are always wanted.
! Why did {n} split up in {y}?
! Which prize was taken away from {n}?
@ conductor/musical director/conducted by: person
+ {S} is conducted by {v}.
+ At the front stands {v} with a pencil instead of a baton.
+ {v} has directed the music for years.
? Who conducts {n}?
? Who stands in front of {n}?
< Which choir is conducted by {v}?
@ number of singers/members/singers: num 14 120 1
+ {S} has {v} members.
+ On stage there are {v} singers.
+ When nobody is ill, {v} voices are heard.
? How many people sing in {n}?
? How large is {n}?
< Which choir has {v} members?
@ rehearsal day/rehearsals: pick Monday evening; Tuesday evening; Wednesday afternoon;
    Thursday evening; Friday evening; Saturday morning; Sunday afternoon; Tuesday noon
+ Rehearsals are on {v}.
+ The singers meet every {v}.
+ {v} is kept free by everyone for practice.
? When does {n} rehearse?
? When do the members of {n} meet to practise?
@ rehearsal room/meeting place: pick the old library; the fire station; a parish hall; the gym;
    a disused cinema; the town archive; a barn; the school canteen
+ The rehearsals take place in {v}.
+ For practice it uses {v}.
+ {S} has found a home in {v}.
? Where does {n} practise?
? In what room does {n} come together?
@ year of foundation/founded: year 1861 2012
+ {S} was founded in {v}.
+ It has existed since {v}.
+ Twelve friends set it up in {v}.
? When was {n} founded?
? Since when has {n} existed?
< Which choir was founded in {v}?
@ annual fee/membership fee: num 15 160 1 euros
+ Members pay {v} a year.
+ The fee is {v} a year.
+ Singing there costs {v} a year.
? What does it cost per year to sing in {n}?
? How much do members of {n} pay?
@ accompanist/pianist/at the piano: person
+ At the piano is {v}.
+ {v} accompanies on the piano.
+ The piano is played by {v}.
? Who plays the piano for {n}?
? Who accompanies {n}?
< Which choir has {v} at the piano?
@ colour of the robes/robes/concert dress: pick dark red; white; emerald; grey; midnight blue;
    violet; sand; black
+ On stage the robes are {v}.
+ Robes are {v}, with a white collar.
+ Concert dress is {v}.
? What colour do the singers of {n} wear on stage?
? How does {n} dress for concerts?
< Which choir sings in robes that are {v}?
# train line | line | the | {w} Valley Line; {w} Railway; {w} Coast Line; {w} Light Railway
= {N} is a branch line with passenger trains.
= Railway lovers know {n}.
~ Bicycles travel in the rear coach.
~ Conductors still punch the tickets.
! Why did a train of {n} derail in {y}?
! When will {n} be extended to the airport?
@ length/length of the line/route length: dec 9 160 km
+ {S} is {v} long.
+ From buffer to buffer there are {v} of track.
+ Passengers travel {v} from one end to the other.
? How long is {n}?
? How many kilometres of track has {n}?
< Which line is {v} long?
@ number of stations/stations/stops: num 5 41 1
+ Trains stop at {v} stations.
+ There are {v} stops on the way.
+ {S} serves {v} stations.
? How many stops does {n} have?
? At how many places does a train on {n} stop from end to end?
< Which line has {v} stations?
@ opening date/opened: date 1864 1938
+ {S} was opened on {v}.
+ The first train ran on {v}.
+ A brass band played when it was opened on {v}.
? When did {n} open?
? On what day did the first train run on {n}?
< Which line was opened on {v}?
@ terminus/final stop/end of the line: place
+ The line ends in {v}.
+ Everyone has to get out in {v}, the last stop.
+ {v} is the terminus.
? Where does {n} end?
? What is the last stop of {n}?
< Which line ends in {v}?
@ track gauge/gauge: num 600 1435 5 mm
+ The rails are {v} apart.
+ It was built to a gauge of {v}.
+ Between the rails there are {v}.
? How far apart are the rails of {n}?
? To which gauge was {n} built?
@ interval between trains/frequency: pick every 12 minutes; every 15 minutes; every 20 minutes;
    every 30 minutes; every 40 minutes; every hour; every 90 minutes; every two hours
+ Trains run {v}.
+ There is a departure {v}.
+ You can catch a train {v}.
? How often do trains run on {n}?
? How long do I wait between two trains on {n}?
@ livery/colour of the trains: pick red and cream; blue and silver; all green; yellow and black;
    white with an orange stripe; brown; lilac; grey and pink
+ The coaches are painted {v}.
+ Its trains are {v}.
+ Carriages in {v} have become the emblem of the valley.
? What do the trains of {n} look like?
? In which colours do trains run on {n}?
< Which line has trains that are {v}?
@ line manager/manager: person
+ {S} is managed by {v}.
+ Complaints go to {v}, the manager.
+ {v} manages the staff and the timetable.
? Who manages {n}?
? To whom do I complain about {n}?
< Which line is managed by {v}?
# telescope | telescope | the | {w} Telescope; {w} Reflector; {w} Array
= {N} watches the night sky.
= Astronomers from many countries use {n}.
~ Owls have to be kept out of the dome.
~ Observers bring their own coffee.
! Why did {n} go blind in {y}?
! Which comet hit {n}?
@ mirror diameter/diameter/aperture: dec 1 12 m
+ The main mirror is {v} across.
+ Light falls on a mirror {v} in diameter.
+ {S} has an aperture of {v}.
? How big is the mirror of {n}?
? How much does the mirror of {n} measure across?
< Which telescope has a mirror {v} across?
@ altitude/height above sea level: num 1450 5200 1 m
+ {S} stands at {v}.
+ The dome sits {v} above the sea.
+ Up there, at {v}, the air is thin.
? How high up is {n}?
? At what height above the sea was {n} built?
@ first light/date of first light: date 1968 2021
+ It saw first light on {v}.
+ The first picture was taken on {v}.
+ On {v} the shutters opened on the stars for the first time.
? When did {n} see first light?
? On what day did {n} take its first picture?
< Which telescope saw first light on {v}?
@ director/head of the observatory: person
+ {S} is directed by {v}.
+ Observing time is granted by {v}, the director.
+ {v} heads the staff on the mountain.
? Who heads the staff of {n}?
? Who grants observing time at {n}?
< Which telescope is directed by {v}?
@ best-known discovery/discovery: pick a ring of dust; a double quasar; a frozen moon;
    a dark comet;
    a pulsar with two planets; a runaway star; a green nebula; a lost asteroid
+ It became famous by finding {v}.
+ {Its} greatest success was the discovery of {v}.
+ Night after night of work led to {v}.
? What was discovered with {n}?
? What is {n} famous for having found?
< Which telescope found {v}?
@ mirror coating/coating: pick aluminium; silver; gold; beryllium; rhodium; chromium; nickel;
    mercury
+ The mirror is coated with {v}.
+ A thin film of {v} reflects the light.
+ Every other year the layer of {v} is renewed.
? What covers the mirror of {n}?
? Which metal reflects the light in {n}?
< Which telescope has a mirror coated with {v}?
@ clear nights per year/clear nights: num 140 335 1
+ The sky is clear on {v} nights a year.
+ One can observe on {v} nights of the year.
+ Clouds spare it on {v} nights a year.
? How many nights a year can {n} be used?
? How often is the sky clear above {n}?
@ nearest town/supply town: place
+ Food is brought up from {v}.
+ The nearest town is {v}.
+ {v}, down in the plain, is the closest town.
? From where is {n} supplied?
? Which town is closest to {n}?
< Which telescope is supplied from {v}?
# lake | lake | - | Lake {w}; {w} Water; {w} Mere; {w} Tarn
= {N} is a lake fed by several brooks.
= In summer many bathers come to {n}.
~ Reeds line the northern bank.
~ Herons stand motionless in the shallows.
! Which monster was seen in {n} in {y}?
! Why was {n} drained?
@ greatest depth/maximum depth/depth: dec 4 190 m
+ {S} is up to {v} deep.
+ A weight on a rope touched the ground at {v}.
+ At the deepest spot it is {v} to the bottom.
? How deep is {n}?
? How far is it to the bottom of {n}?
< Which lake is up to {v} deep?
@ area/surface area: dec 1 88 km²
+ {S} covers {v}.
+ Its surface is {v}.
+ On the map it takes up {v}.
? How large is {n}?
? What surface does {n} cover?
@ outflow/drained by: pick the Ansel; the Tovre; the Lirr; the Maddow; the Oske; the Brune;
    the Wendle; the Sarrin; the Ister Beck
+ The water leaves through {v}.
+ {S} drains into {v}.
+ In the west {v} carries the water away.
? Through which river does {n} drain?
? Where does the water of {n} go?
@ commonest fish/main fish: pick perch; char; pike; whitefish; tench; burbot; roach; bream;
    grayling
+ Anglers mostly catch {v}.
+ The commonest fish is {v}.
+ What ends up in the nets is chiefly {v}.
? What do anglers catch in {n}?
? Which fish is most often found in {n}?
< In which lake do anglers mostly catch {v}?
@ fishing warden/warden: person
+ Permits are issued by {v}.
+ {v} checks the rods and the permits.
+ Whoever wants to fish must see {v}, the warden.
? Who issues permits for {n}?
? Whom must I see if I want to fish in {n}?
< For which lake does {v} issue permits?
@ water temperature in July/July temperature: dec 11 26 °C
+ In July the water reaches {v}.
+ Swimmers can expect {v} in July.
+ The thermometer on the jetty shows {v} in July.
? How warm does {n} get in July?
? What can swimmers expect in July at {n}?
@ lakeside town/main town: place
+ The main town on the shore is {v}.
+ Boats for hire are found in {v}, the town by the water.
+ {v} lies on its shore.
? Which town lies on {n}?
? Where on the shore of {n} is the main town?
< On which lake does {v} lie?
@ last freeze/last frozen over: year 1929 2018
+ It last froze over in {v}.
+ Not since {v} has anyone skated across.
+ The last complete ice cover was in {v}.
? When was {n} last frozen?
? In what year could people last skate across {n}?
< Which lake last froze over in {v}?
# professor | professor | - | {p}
= {N} teaches at a university and writes books.
= Students like the lectures of {n}.
~ The office door always stands open.
~ Exams are taken standing up.
! Why did {n} resign in {y}?
! Which patent did {n} sell?
@ subject/field/discipline: pick soil physics; medieval law; glaciology; number theory; phonetics;
    tax history; marine botany; folk music; robotics
+ {Its} subject is {v}.
+ {S} lectures on {v}.
+ Few people know more about {v}.
? What does {n} teach?
? In which field does {n} work?
< Which professor teaches {v}?
@ birthplace/place of birth/born in: place
+ {S} was born in {v}.
+ {v} is where {s} grew up and went to school, having been born there.
+ The cradle stood in {v}.
? Where was {n} born?
? From which place does {n} come by birth?
< Which professor was born in {v}?
@ office/room: pick room 2.14; room 0.07; room 3.31; room 1.22; room 4.05; room 5.18; room 2.40;
    room 0.33
+ The office is {v}.
+ You find {n} in {v}.
+ Knock at {v}.
? Where do I find {n}?
? At which door must I knock to see {n}?
< Which professor sits in {v}?
@ office hours/consultation hours: pick Monday 10 to 11; Tuesday 14 to 15; Wednesday 9 to 10;
    Thursday 16 to 17; Friday 11 to 12; Tuesday 8 to 9; Monday 15 to 16; Wednesday 13 to 14
+ Students are seen on {v}.
+ Come on {v}, without an appointment.
+ The time for consultations is {v}.
? When can students see {n}?
? At what time may I drop in on {n}?
@ doctoral supervisor/thesis supervisor/doctorate under: person
+ The doctoral thesis was supervised by {v}.
+ {v} supervised the thesis.
+ {S} took a doctorate under {v}.
? Under whom did {n} take a doctorate?
? Who looked after the thesis of {n}?
< Which professor took a doctorate under {v}?
@ year of appointment/appointed/at the university since: year 1984 2023
+ {S} was appointed in {v}.
+ In {v} the university offered the chair.
+ The chair has been in the same hands since {v}.
? When was {n} appointed?
? Since what year has {n} held the chair?
< Which professor was appointed in {v}?
@ best-known book/main work/book: pick Slow Rivers; The Borrowed Law; Notes on Ice;
    A Grammar of Echoes;
    Counting Backwards; Salt and State; The Patient Machine; Under the Tide; Songs without Paper
+ The best-known book is "{v}".
+ Readers beyond the university know "{v}".
+ With "{v}" {s} reached a wide public.
? What book made {n} known?
? Which work of {n} should I read first?
< Who wrote "{v}"?
@ number of doctoral students/doctoral students: num 2 29 1
+ At present {v} doctoral students work there.
+ The group has {v} doctoral students.
+ {S} looks after {v} doctoral students.
? How many doctoral students does {n} have?
? How many people are writing a thesis with {n}?
# clinic | clinic | the | {w} Clinic; {w} Hill Clinic; {p} Clinic; {w} Rehabilitation Clinic
= {N} treats in-patients and out-patients.
= People travel far to be treated at {n}.
~ Visitors are asked to switch off their telephones.
~ The garden has a maze of box hedges.
! Why was {n} fined in {y}?
! How many nurses went on strike at {n}?
@ medical director/head physician/senior doctor: person
+ {S} is headed by {v}.
+ {v} is the doctor in charge.
+ Medical decisions rest with {v}, the medical director.
? Which doctor is in charge at {n}?
? Who heads {n}?
< Which clinic is headed by {v}?
@ number of beds/beds: num 22 640 1
+ {S} has {v} beds.
+ Up to {v} patients can be admitted.
+ The wards offer {v} beds.
? How many patients can {n} take in?
? How many beds are there at {n}?
< Which clinic has {v} beds?
@ speciality/main field: pick hand surgery; sleep disorders; burns; hip joints; asthma;
    eye surgery;
    back pain; skin diseases; heart rhythm
+ {S} specialises in {v}.
+ Most patients come because of {v}.
+ Its reputation rests on {v}.
? What is {n} specialised in?
? For what reason do most patients come to {n}?
< Which clinic specialises in {v}?
@ visiting hours/visits: pick 14:00 to 18:00; 15:00 to 19:30; 10:00 to 12:00; 13:30 to 17:00;
    16:00 to 20:00; 9:30 to 11:30; 14:30 to 19:00; 11:00 to 16:00
+ Visitors are welcome from {v}.
+ Visits are possible from {v}.
+ The wards are open to relatives from {v}.
? When can I visit somebody at {n}?
? At what times are relatives let in at {n}?
@ emergency number/emergency telephone: phone
+ In an emergency call {v}.
+ The emergency line is {v}.
+ At night only {v} is answered.
? What number do I call in an emergency at {n}?
? How can {n} be reached by telephone at night?
@ opening year/opened: year 1904 2019
+ {S} was opened in {v}.
+ Since {v} patients have been treated here.
+ The first patient was admitted in {v}.
? When was {n} opened?
? In what year did {n} admit its first patient?
< Which clinic was opened in {v}?
@ parking fee/parking: money 1 9
+ Parking costs {v} a day.
+ The car park charges {v} a day.
+ For a day in the car park you pay {v}.
? What do I pay for my car at {n}?
? How much is the car park of {n} per day?
@ head nurse/matron/nursing director: person
+ The nursing staff is led by {v}.
+ {v} leads the nurses.
+ Duty rosters are drawn up by {v}, the head nurse.
? Who leads the nurses at {n}?
? Who draws up the rosters at {n}?
< At which clinic does {v} lead the nurses?
# hiking trail | trail | the | {w} Trail; {w} Ridge Path; {p} Way; {w} Gorge Trail
= {N} is a waymarked trail for experienced walkers.
= If you have a free weekend, consider {n}.
~ Dogs must be kept on a lead.
~ Blackberries grow along the second half.
! Why has {n} been closed since {y}?
! Which bear attacked walkers on {n}?
@ length/distance: dec 6 140 km
+ {S} is {v} long.
+ From the first signpost to the last it is {v}.
+ Your legs have {v} to cover.
? How long is {n}?
? How far does one walk on {n}?
< Which trail is {v} long?
@ total climb/metres of ascent/ascent: num 120 4300 10 m
+ Walkers climb {v} in all.
+ Added together, the climbs come to {v}.
+ The way goes up by {v} altogether.
? How much climbing is there on {n}?
? How many metres up does {n} go altogether?
@ waymark/marking: pick a red diamond; two blue bars; a yellow shell; a white owl; a green arrow;
    a black cross; an orange dot; a brown acorn
+ {S} is marked with {v}.
+ Follow {v} on trees and stones.
+ At every fork {v} shows the way.
? How is {n} marked?
? What sign do I follow on {n}?
< Which trail is marked with {v}?
@ starting point/start/begins at: place
+ {S} starts in {v}.
+ Set out from {v}.
+ {v} is where the first signpost stands.
? Where does {n} begin?
? From where do I set out on {n}?
< Which trail starts in {v}?
@ end point/finish/ends at: place
+ The last signpost stands in {v}.
+ It ends in {v}, by the church.
+ After the last descent you arrive in {v}.
? Where does {n} finish?
? Where do I arrive at the end of {n}?
< Which trail ends in {v}?
@ difficulty/grade: pick easy; moderate; demanding; very demanding; easy with one steep step;
    for climbers only; moderate but exposed; suitable for prams
+ The difficulty is given as "{v}".
+ Guidebooks grade it as "{v}".
+ Officially it counts as "{v}".
? How hard is {n}?
? How do guidebooks grade {n}?
@ best season/season: pick May to June; June to September; September to October; all year;
    April to May; July to August; March to November; October to December
+ The best season is {v}.
+ The alpine club recommends {v}.
+ Those who know it well advise {v}.
? When should one walk {n}?
? What time of year is right for {n}?
@ trail keeper/path warden/looked after by: person
+ {S} is looked after by {v}.
+ Fallen trees are cleared by {v}.
+ {v} repaints the signs every spring.
? Who looks after {n}?
? Who clears fallen trees from {n}?
< Which trail is looked after by {v}?
"""

# How tables are written down; the first column names the row.
#   # kind | maker of the subject | title; another
#   $ header/other header: names of the rows   ! question about a column that is not there
#   @ header/other header: values    then for this column
#   ? question   < question that the row's name answers   > which is most   - which is least
#   & more|less|yes|no|is: question that rows answer
# {t} is the subject, {k} the row's name, {v} the value.
_TABLES = """
# tariff | place | Fares of the {t} buses; Bus tickets in {t}; {t} tariff
$ Ticket/Fare/Type of ticket: Single ticket; Day ticket; Weekly pass; Short hop; Monthly pass;
    Group ticket; Night ticket; Bicycle ticket; Senior pass; Student pass; Weekend ticket
! From which machine can I buy the {k} in {t}?
! Who may not use the {k} in {t}?
@ Price/Cost: money 1 95
? How much is the {k} in {t}?
? What do I pay for a {k} on the buses of {t}?
? {t} {k} price
< Which ticket in {t} costs {v}?
> What is the most expensive ticket in {t}?
- Which is the cheapest ticket in {t}?
& more: Which tickets in {t} cost more than {v}?
& less: Which tickets in {t} are cheaper than {v}?
@ Valid for/Validity: pick 60 minutes; 90 minutes; one day; 7 days; 30 days; 2 hours; until 5:00;
    4 stops; a weekend; 24 hours
? How long is the {k} valid in {t}?
? For what time can I travel with the {k} in {t}?
@ Zones/Number of zones: num 1 9 1
? How many zones does the {k} cover in {t}?
? In {t}, the {k} is good for how many zones?
@ Transferable/Can be lent: bool
? Can I give my {k} for {t} to someone else?
? Is the {k} in {t} transferable?
& yes: Which tickets in {t} are transferable?
# timetable | place | Departures from {t}; {t} station: timetable; Trains leaving {t}
$ Train/Service/No.: R 12; R 15; S 4; S 7; IR 230; IR 244; EC 81; RB 33; RB 36; N 9; S 11
! How many passengers does the {k} from {t} carry?
! Who drives the {k} from {t}?
@ Departure/Leaves/Dep.: time
? When does the {k} leave {t}?
? At what time must I be at {t} station for the {k}?
? departure {k} {t}
< Which train leaves {t} at {v}?
> Which train is the last to leave {t}?
- Which is the first train of the day from {t}?
& more: Which trains leave {t} after {v}?
& less: Which trains leave {t} before {v}?
@ Destination/To: place
? Where does the {k} from {t} go?
? What is the destination of the {k} that leaves {t}?
< Which train runs from {t} to {v}?
@ Platform/Track: pick 1; 2a; 2b; 3; 4; 5; 6; 7; 8a; 8b; 9; 10
? From which platform in {t} does the {k} leave?
? On what platform of {t} do I find the {k}?
< Which train leaves from platform {v} in {t}?
@ Bicycles/Bicycles carried: bool
? May I take a bicycle on the {k} from {t}?
? Does the {k} from {t} carry bicycles?
& yes: Which trains from {t} carry bicycles?
& no: On which trains from {t} may I not take a bicycle?
# inventory | place | Inventory of the {t} store; Stock list {t}; What lies in the {t} store
$ Item/Article/Part: Hex bolt M8; Rubber seal 40; Copper pipe 15; Tool belt; Cable drum;
    Ball valve;
    Fuse 16 A; Hand lamp; Wood screw 60; Angle bracket; Paint roller; Garden hose
! Which supplier delivers the {k} to the {t} store?
! How heavy is the {k} in the {t} store?
@ Quantity/In stock/Pieces: num 3 980 1
? How many pieces of {k} are there in the {t} store?
? What is the stock of {k} in {t}?
? {k} {t} quantity
< Of which item are there {v} pieces in {t}?
> Of which item does the {t} store have the most?
- Which item is scarcest in the {t} store?
& less: Of which items are there fewer than {v} pieces in {t}?
& more: Of which items does {t} have more than {v} pieces?
@ Shelf/Place: code
? Where in the {t} store is the {k}?
? On which shelf in {t} do I find the {k}?
< What lies on shelf {v} in the {t} store?
@ Last count/Counted on: date 2023 2025
? When was the {k} in {t} last counted?
? On what day did somebody count the {k} in {t}?
< Which item in {t} was counted on {v}?
> Which item in the {t} store was counted most recently?
- Which item in the {t} store has gone uncounted the longest?
@ Reorder/To be ordered: bool
? Does the {k} in {t} have to be reordered?
? Is the {k} to be ordered again for the {t} store?
& yes: Which items have to be reordered for {t}?
# league table | place | {t} League: final table; Standings of the {t} League;
    {t} League season table
$ Team/Club: Red Kites; Mill Rovers; Hill Athletic; Old Foundry; River Stars; Northern Bees;
    Gate Wanderers;
    Castle United; Pine Rangers; Fen Tigers; Lower Town
! Who coaches {k} in the {t} League?
! In which stadium of the {t} League does {k} play?
@ Points/Pts: num 9 78 1
? How many points does {k} have in the {t} League?
? What did {k} score in points in the {t} League?
? {k} points {t} League
< Which team got {v} points in the {t} League?
> Which team has the most points in the {t} League?
- Who is bottom of the {t} League by points?
& more: Which teams of the {t} League have more than {v} points?
& less: Which teams got fewer than {v} points in the {t} League?
@ Goals/Goals for/GF: num 14 96 1
? How many goals did {k} score in the {t} League?
? How often did {k} hit the net in the {t} League?
< Who scored {v} goals in the {t} League?
> Who scored the most goals in the {t} League?
- Which team of the {t} League scored the fewest goals?
@ Goals against/GA/Conceded: num 11 99 1
? How many goals did {k} concede in the {t} League?
? How many did {k} let in during the {t} League?
> Which team let in the most goals in the {t} League?
- Whose defence conceded least in the {t} League?
@ Promoted/Goes up: bool
? Was {k} promoted from the {t} League?
? Does the team {k} go up from the {t} League?
& yes: Which teams are promoted from the {t} League?
# opening hours | place | Opening hours in {t}; When what is open in {t};
    {t}: hours of public offices
$ Office/Place/Facility: Town hall; Library; Swimming pool; Recycling yard; Post office; Archive;
    Tourist desk; Registry; Skating rink; Botanical garden; Lost property office
! Who is in charge of the {k} in {t}?
! What is the street address of the {k} in {t}?
@ Opens/From: time
? When does the {k} in {t} open?
? From what time is the {k} in {t} open?
< What opens at {v} in {t}?
- What opens earliest in {t}?
> What opens last in {t}?
& less: What in {t} opens before {v}?
@ Closed on/Day off: pick Monday; Tuesday; Wednesday; Thursday; Friday; Saturday; Sunday
? On which day is the {k} in {t} shut?
? What day should I avoid for the {k} in {t}?
& is: What in {t} is closed on {v}?
@ Telephone/Phone: phone
? What is the phone number of the {k} in {t}?
? How do I call the {k} in {t}?
? {k} {t} phone
< Whose number in {t} is {v}?
@ Step-free/Wheelchair access: bool
? Can the {k} in {t} be reached by wheelchair?
? Is the {k} in {t} step-free?
& yes: What in {t} can be reached by wheelchair?
& no: What in {t} has no wheelchair access?
# room list | place | Rooms of the {t} Centre; {t} Centre: room list;
    Rooms for hire at the {t} Centre
$ Room/Name: Maple; Cedar; Alder; Juniper; Birch; Rowan; Hazel; Larch; Aspen; Elm; Willow
! Who painted the walls of {k} at the {t} Centre?
! How high is the ceiling of {k} in the {t} Centre?
@ Seats/Capacity/Persons: num 6 240 2
? How many people fit into {k} at the {t} Centre?
? How many seats does {k} have in the {t} Centre?
? {t} Centre {k} seats
< Which room of the {t} Centre has {v} seats?
> What is the largest room of the {t} Centre by seats?
- Which room at the {t} Centre seats the fewest?
& more: Which rooms of the {t} Centre seat more than {v}?
& less: Which rooms at the {t} Centre hold fewer than {v} people?
@ Rent/Rent per hour/Hourly rate: money 8 90
? What does it cost to hire {k} at the {t} Centre?
? How much per hour is {k} in the {t} Centre?
> Which is the most expensive room at the {t} Centre?
- Which room is cheapest at the {t} Centre?
& less: Which rooms of the {t} Centre cost less than {v} an hour?
@ Floor/Storey: pick ground floor; 1st floor; 2nd floor; 3rd floor; basement; attic
? On which floor of the {t} Centre is {k}?
? Where in the {t} Centre do I find {k}?
& is: Which rooms of the {t} Centre are on this floor: {v}?
@ Projector/Has projector: bool
? Is there a projector in {k} at the {t} Centre?
? Does {k} in the {t} Centre have a projector?
& yes: Which rooms of the {t} Centre have a projector?
& no: In which rooms of the {t} Centre is there no projector?
# test results | place | Test results, {t} laboratory; {t} laboratory: series of tests;
    Measurements at {t}
$ Sample/Specimen/Sample no.: A-101; A-107; B-220; B-226; C-014; C-019; D-330; D-342; E-075; F-408
! Who handed in sample {k} at the {t} laboratory?
! Which colour does sample {k} of the {t} laboratory have?
@ Tensile strength/Strength: num 112 890 1 MPa
? What is the strength of sample {k} at the {t} laboratory?
? How strong was {k} in the tests at {t}?
? {k} {t} strength
< Which sample showed {v} at {t}?
> Which sample was the strongest in the {t} tests?
- What was the weakest sample at the {t} laboratory?
& more: Which samples at {t} were stronger than {v}?
& less: Which samples in the {t} tests stayed below {v}?
@ Temperature/Tested at: num 18 95 1 °C
? At what temperature was {k} tested at {t}?
? How warm was it for sample {k} in the {t} laboratory?
> Which sample was tested at the highest temperature at {t}?
@ Tested on/Date: date 2023 2025
? When was {k} tested at {t}?
? On what date did the {t} laboratory test sample {k}?
< Which sample was tested at {t} on {v}?
> Which sample was the last to be tested at {t}?
- Which sample was tested first at {t}?
& more: Which samples were tested at {t} after {v}?
@ Passed/Test passed: bool
? Did {k} pass at the {t} laboratory?
? Has sample {k} passed the test in {t}?
& no: Which samples failed at {t}?
& yes: Which samples passed the test at {t}?
# staff list | place | Staff of the {t} library; {t} library: who does what;
    Telephone list of the {t} library
$ Name/Employee: person
! How much does {k} earn at the {t} library?
! How old is {k} of the {t} library?
@ Post/Function/Position: pick Director; Cashier; Archivist; Caretaker; Head of lending;
    Bookbinder;
    Children's librarian; Trainee; System administrator; Press officer
? What does {k} do at the {t} library?
? Which position does {k} have in the {t} library?
< Who works as {v} at the {t} library?
< Name of the {v} of the {t} library
@ Extension/Phone: num 100 999 1
? What is the extension of {k} at the {t} library?
? How do I reach {k} of the {t} library by phone?
? {t} library phone {k}
< Whose extension is {v} at the {t} library?
@ Room/Office: code
? In which room of the {t} library does {k} sit?
? Where in the {t} library do I find {k}?
< Who sits in {v} at the {t} library?
@ Since/With us since: year 1988 2024
? Since when has {k} been with the {t} library?
? In what year did {k} come to the {t} library?
- Who has been with the {t} library the longest?
> Who is the newest member of staff at the {t} library?
& more: Who joined the {t} library after {v}?
@ Part-time/Works part-time: bool
? Does {k} work part-time at the {t} library?
? Is {k} part-time at the {t} library?
& yes: Who works part-time at the {t} library?
# price list | place | Prices of the {t} farm shop; {t} farm shop price list;
    What things cost at the {t} farm
$ Product/Goods/Article: Goat cheese; Apple juice; Honey; Sheep yoghurt; Duck fat; Rye bread;
    Plum jam;
    Walnut oil; Butter; Onion tart; Smoked ham; Cider vinegar
! Which allergens are in the {k} of the {t} farm shop?
! How long does the {k} from the {t} farm keep?
@ Price/Price in shop: money 1 28
? How much is the {k} at the {t} farm shop?
? What does {t} farm charge for {k}?
? {k} price {t} farm
< What costs {v} at the {t} farm shop?
> What is the dearest product of the {t} farm shop?
- What is cheapest at the {t} farm shop?
& more: What costs more than {v} at the {t} farm shop?
& less: What can I get for less than {v} at the {t} farm shop?
@ Unit/Sold per: pick small pack; family pack; gift box; crate; twin pack; half crate; bulk box;
    basket; tray
? In what unit is {k} sold at the {t} farm shop?
? Per what quantity is the price of {k} given at the {t} farm?
@ Producer/Made by: person
? Who makes the {k} of the {t} farm shop?
? From whom does the {t} farm shop get its {k}?
< What does {v} make for the {t} farm shop?
@ Organic/Certified organic: bool
? Is the {k} of the {t} farm shop organic?
? Is {k} from the {t} farm certified organic?
& yes: Which products of the {t} farm shop are organic?
& no: What is not organic at the {t} farm shop?
# ingredients | word | Ingredients of {t} bread; {t} bread: what goes in; Quantities for {t} bread
$ Ingredient/What: Rye flour; Wheat flour; Water; Salt; Yeast; Caraway; Sourdough; Malt; Linseed;
    Butter;
    Sugar
! In which shop is the {k} for {t} bread sold?
! What can replace the {k} in {t} bread?
@ Amount/Quantity: num 4 890 1 g
? How much {k} goes into {t} bread?
? What quantity of {k} do I need for {t} bread?
? {t} bread {k} grams
< Of which ingredient does {t} bread take {v}?
> Of which ingredient is there most in {t} bread?
- What is there least of in {t} bread?
& more: Of which ingredients does {t} bread need more than {v}?
& less: Of what does {t} bread need less than {v}?
@ Added at step/Step: pick 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12
? At which step is the {k} added to {t} bread?
? When, in which step, does the {k} go into {t} bread?
< What goes into {t} bread at step {v}?
@ Temperature/Should be at: num 4 44 1 °C
? How warm should the {k} for {t} bread be?
? At what temperature is {k} used for {t} bread?
> Which ingredient of {t} bread should be warmest?
@ Weigh twice/Must be weighed twice: bool
? Does the {k} for {t} bread have to be weighed twice?
& yes: Which ingredients of {t} bread must be weighed twice?
# courses | place | Evening courses in {t}; {t} evening school: courses; Course list {t}
$ Course/Class: Pottery; Bookkeeping; Welding; Italian; Chess; Bird ringing; Fencing; Sewing;
    Astronomy;
    First aid; Wood carving
! Which book is used in the {k} course in {t}?
! How many people dropped out of {k} in {t}?
@ Teacher/Taught by: person
? Who teaches {k} in {t}?
? With whom would I learn {k} at the {t} evening school?
< Which course does {v} teach in {t}?
< What does {v} teach in {t}?
@ Fee/Course fee: money 15 190
? What does the {k} course in {t} cost?
? How much do I pay for {k} at the {t} evening school?
? {k} {t} fee
> What is the most expensive course in {t}?
- Which course in {t} is cheapest?
& more: Which courses in {t} cost more than {v}?
& less: Which evening courses in {t} cost less than {v}?
@ Starts on/First evening: date 2024 2025
? When does {k} start in {t}?
? On what date is the first evening of {k} in {t}?
< Which course in {t} starts on {v}?
- Which course in {t} is the first to start?
> Which evening course in {t} starts last?
& more: Which courses in {t} start after {v}?
@ Places left/Free places: num 0 24 1
? How many places are left in {k} in {t}?
? How many people can still join {k} in {t}?
> Which course in {t} has the most free places?
@ Online/Also online: bool
? Can I take {k} from {t} online?
? Is the {k} course of {t} online?
& yes: Which courses of the {t} evening school are online?
# settings | word | {t}: settings; Configuration keys of {t}; Options of {t}
$ Key/Option/Setting: max_clients; log_size; cache_limit; idle_timeout; retry_delay; queue_size;
    batch_size;
    page_limit; worker_count; flush_interval
! Who introduced the option {k} of {t}?
! Which error does {t} report if {k} is wrong?
@ Default/Default value: int 2 4096 1
? What is the default of {k} in {t}?
? Which value does {k} have in {t} if I set nothing?
? {t} {k} default
< Which setting of {t} has the default {v}?
> Which setting of {t} has the highest default?
- Which option of {t} has the smallest default?
@ Maximum/Upper limit: int 5000 99000 10
? How large may {k} be in {t}?
? What is the highest value that {t} accepts for {k}?
< Which option of {t} may be at most {v}?
& more: Which options of {t} have an upper limit above {v}?
@ Since/Since version/Added in: version
? Since which version does {t} have {k}?
? In what version of {t} was {k} added?
< Which option came with {t} {v}?
@ Restart needed/Needs restart: bool
? Do I have to restart {t} after changing {k}?
? Does {k} need a restart of {t}?
& yes: Which options of {t} need a restart?
& no: Which settings of {t} can be changed without a restart?
"""


def _problems(found: list[Collection]) -> list[str]:
    """What is wrong with collections: phrases, quotes that are no lines or sentences, doubles."""
    problems = []
    for collection in found:
        answers: dict[str, Asked] = {}
        for document in collection.documents:
            for one in document.asked:
                text = document.sections[one.section].text if one.section >= 0 else ""
                pieces = {
                    piece
                    for line in text.splitlines()
                    for piece in (line, *re.split(r"(?<=[.?!]) (?=\S)", line))
                }
                if (one.section < 0) != (not one.phrase and not one.quotes):
                    problems.append(f"no answer: {one}")
                if one.phrase not in text or any(quote not in text for quote in one.quotes):
                    problems.append(f"not in the text: {one}")
                if not pieces.issuperset(one.quotes):
                    problems.append(f"not a whole sentence: {one}")
                if "{" in one.question + text:
                    problems.append(f"not filled: {one}")
                if one.question.lower() in answers:
                    problems.append(f"asked twice: {one}")
                answers[one.question.lower()] = one
    return problems


def main() -> None:
    """Check the collections of a seed and show some examples."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    found = collections(seed)
    counts: Counter[str] = Counter()
    for collection in found:
        counts[collection.kind] += len(collection.documents)
        for document in collection.documents:
            counts["(documents)"] += 1
            for one in document.asked:
                counts["(phrase)" if one.phrase else "(quote)" if one.quotes else "(none)"] += 1
    print(len(found), "collections", dict(counts))
    for problem in _problems(found):
        print(problem)
    rng = random.Random(seed + 1)
    for collection in rng.sample(found, 12):
        document = rng.choice(collection.documents)
        print(f"\n=== {collection.kind}: {document.title}")
        for i, section in enumerate(document.sections):
            print(f"[{i}] {section.heading}\n{section.text}")
        for one in document.asked:
            print(f"  ? {one.question} -> {one.section} {one.phrase or one.quotes}")


if __name__ == "__main__":
    main()
