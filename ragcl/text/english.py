"""The English function words and noun phrases that the rules for conversations need.

Knows no conversation.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ragcl.text.scripts import CONTINUING


class English:
    """The word lists of the rules."""

    WH = frozenset("what when where which who whom whose why how".split())
    BE = frozenset("is are was were be been".split())
    DO = frozenset("do does did".split())
    AUXILIARIES = (
        BE
        | DO
        | frozenset(
            "can could may might must shall should will would has have had isn't aren't wasn't "
            "don't doesn't didn't can't won't".split()
        )
    )
    DETERMINERS = frozenset("the a an my our your any every each all no some".split())
    HE = frozenset("he him she".split())
    HIS = frozenset("his her hers".split())
    IT = frozenset("it this that".split())
    THEY = frozenset("they them these those theirs".split())
    POSSESSIVES = HIS | frozenset("its their".split())
    PRONOUNS = HE | HIS | IT | THEY | POSSESSIVES | {"there"}
    DEMONSTRATIVES = frozenset("this that these those".split())
    OTHERS = frozenset(
        "i you we me us one ones not many much more most only ever still also please out up down "
        "away back again".split()
    )
    PREPOSITIONS = frozenset(
        "of in on at for from to by with about into onto under over behind before after during "
        "since until till through between without within off near against per".split()
    )
    CONJUNCTIONS = frozenset("and or but if because while than as so then".split())
    # Verbs, participles and predicative adjectives. They end the noun phrase before them, unless
    # they are its first word.
    VERBS = frozenset(
        "open close cost costs start begin end take takes lie stand live work works go run runs "
        "hold keep need needs mean say get happen happens last board lead leads have lift use pay "
        "give offer contain paid held kept built found made sold taken given written shut lit born "
        "buried sent hung done called known opened closed led cut worn meet rise flow "
        "valid free due available ready full empty needed".split()
    )
    ORDERS = frozenset("name tell give list explain describe show say state find compare".split())
    PERSONS = re.compile(
        r"(?:[a-z]{2,}(?:er|or|ist|ian|man|woman|men)|cook|pilot|nurse|chief|captain|mayor|head|chair)$"
    )
    LABELS = frozenset("name colour color number kind sort way time".split())  # of something else
    THINGS = frozenset(
        "number tower water river paper letter order power corner floor door".split()
    )
    TIMES = re.compile(
        r"\b(?:\d{4}|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekdays?|weekends?|spring|summer"
        r"|autumn|winter|nights?|mornings?|evenings?|january|february|march|april|may|june|july"
        r"|august|september|october|november|december|today|now)\b",
        re.IGNORECASE,
    )
    OPENING = re.compile(
        r"^(?:(?:and|but|or|so|ok|okay|well|also|then)\b[\s,]*)*(?:(?:what|how) about\b\s*)?",
        re.IGNORECASE,
    )
    FILLER = re.compile(r"[\s,]+(?:then|too|instead|as well|there|so)$", re.IGNORECASE)
    # Expletive `it` and `there`, which refer to nothing.
    EXPLETIVE = re.compile(
        r"\bhow long (?:does|did|will|can) it take\b|\bis it that\b|\btime is it\b|\bit(?: is|'s)? "
        r"(?:possible|allowed|necessary|forbidden|true|safe|ok|best|better) (?:to|that|for|if)\b"
        r"|\bthere (?:is|are|was|were|be)\b|\b(?:is|are|was|were|be) there (?:an?|any|some|no)\b",
        re.IGNORECASE,
    )
    STOPS = WH | AUXILIARIES | PRONOUNS | OTHERS | PREPOSITIONS | CONJUNCTIONS  # in no noun phrase
    FUNCTION_WORDS = STOPS | DETERMINERS
    # Without words that other European languages have too.
    TELLING = FUNCTION_WORDS - frozenset(
        "a all am an as at be die he her him in me no or so was".split()
    )


_LETTERS = rf"\w[\w{CONTINUING}]*"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019.:/-]{_LETTERS})*")


@dataclass(frozen=True)
class Word:
    """A word and its place in a text."""

    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """In lower case."""
        return self.text.lower().replace("\u2019", "'")


@dataclass(frozen=True)
class Phrase:
    """A noun phrase with its position in a text and its preposition."""

    text: str
    start: int
    end: int
    before: str = ""  # its preposition
    person: bool = False  # certainly
    prior: float = 0.0

    @property
    def head(self) -> str:
        """Its noun: the last word before an `of`."""
        return re.split(r"\s(?:of|for|in|on|at|behind)\s", self.text)[0].split()[-1]

    @property
    def plural(self) -> bool:
        """Whether it looks like more than one."""
        return self.head[0].islower() and re.search(r"[^siu]s$", self.head) is not None


def is_english(text: str) -> bool:
    """Whether a text is English: at least a fifth of its words are English function words."""
    found = [word.low for word in words(text)]
    return bool(found) and sum(word in English.TELLING for word in found) >= len(found) / 5


def words(text: str) -> list[Word]:
    """The words of a text."""
    return [Word(one.group(), one.start(), one.end()) for one in _WORD.finditer(text)]


def phrases(text: str, who: bool = False) -> list[Phrase]:
    """The noun phrases of a text; two joined by a preposition are also given as one."""
    found = words(text)
    runs: list[tuple[list[Word], str, str]] = []  # the words, the one before, its preposition
    run: list[Word] = []
    before = ""
    low = [word.low for word in found]
    verbless = not any(word in English.AUXILIARIES for word in low)
    for i, word in enumerate(found):
        gap = text[found[i - 1].end : word.start] if i else ""
        previous = low[i - 1] if i else ""
        ends = bool(gap.strip())
        degree = previous == "how" or (previous in ("who", "what") and verbless)
        following = low[i + 1] if i + 1 < len(low) else ""
        ending = not following or following in English.FUNCTION_WORDS
        verb = bool(run) and word.text in English.VERBS and ending
        verb = verb or (word.low in English.ORDERS and previous in ("", "you", "please"))
        stop = word.low in English.STOPS or degree or verb
        if run and (stop or ends or word.low in English.DETERMINERS):
            runs.append((run, before, ""))
            run = []
        if not stop:
            before = previous if not run else before
            run.append(word)
    if run:
        runs.append((run, before, ""))
    singles = [p for words_, previous, _ in runs for p in _cuts(text, words_, previous, who)]
    joined = []
    for one, other in pairwise(singles):
        between = text[one.end : other.start].strip().lower()
        if between in English.PREPOSITIONS and not re.match(r"\d", other.text):
            whole = text[one.start : other.end]
            joined.append(replace(one, text=whole, end=other.end))
    return [*singles, *joined]


def _cuts(text: str, run: Sequence[Word], previous: str, who: bool) -> Iterator[Phrase]:
    """Candidate phrases of a run of words: also shorter ones, since its last word may be a verb."""
    if run[0].low in English.DETERMINERS and len(run) == 1:
        return
    preposition = previous if previous in English.PREPOSITIONS else ""
    content = len(run) - (run[0].low in English.DETERMINERS)
    tail = run[-1].text
    verb = re.fullmatch(r"[a-z]{3,}ed", tail) is not None or tail in English.VERBS
    priors = {len(run): -1.0 if verb else 0.0}
    if content > 1 and tail.islower() and (verb or previous in English.AUXILIARIES):
        priors[len(run) - 1] = 0.0 if verb else -0.6
    elif content == 1 and verb and previous not in English.DETERMINERS:
        return
    for n in range(len(run) - content + 1, len(run)):
        if not re.search(r"^[a-z].*[a-rt-z]s$", run[n].text):
            continue
        if run[n - 1].text[0].isupper():  # "Emeric Tolland hangs"
            priors = {len(run): -1.0, n: 0.0}
        elif n < len(run) - 1:  # "the wind reaches 14 metres"
            priors.setdefault(n, -0.3)
    for n, prior in priors.items():
        start, end = run[0].start, run[n - 1].end
        head = run[n - 1].low
        person = (who and previous in English.BE) or (
            bool(English.PERSONS.fullmatch(head)) and head not in English.THINGS
        )
        prior -= head in English.LABELS
        prior += 0.3 * (previous in English.AUXILIARIES)  # the subject
        prior -= 0.3 * (previous in English.WH)
        yield Phrase(text[start:end], start, end, preposition, person, prior)
    for word in run[:-1]:
        if re.search(r"['\u2019]s$", word.text):  # whose it is
            start, end = run[0].start, word.end - 2
            yield Phrase(text[start:end], start, end, preposition, prior=-0.3)
