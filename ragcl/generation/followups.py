"""Candidate rewritings of a follow-up question, which stand alone.

Rules for English generate the candidates and give each a prior; `conversation` chooses among them.
Knows no model.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragcl.generation.antecedents import Turn, anaphors, entities, may_be
from ragcl.generation.recipe import CONVERSATION
from ragcl.text.english import English, Phrase, Word, phrases, words


@dataclass(frozen=True)
class Candidate:
    """A candidate rewriting with its prior score."""

    question: str
    prior: float = 0.0


@dataclass(frozen=True)
class FollowUp:
    """The candidates of a question; `open` if it may also be about something new."""

    candidates: tuple[Candidate, ...]
    open: bool = False


def follow_up(question: str, turns: Sequence[Turn]) -> FollowUp:
    """The candidates of a question after at least one turn.

    The first is the question itself; if it stands alone, there is no other.
    """
    asked = question.strip()
    rest = English.OPENING.sub("", asked, count=1).strip()
    opened = rest != asked
    body = rest.rstrip(" ?.!")
    found = words(body)
    if not found:  # "And?"
        return FollowUp((Candidate(question),))
    last = turns[-1].question.strip()
    likely: Iterator[Candidate]
    open_ = False
    if _is_bare(found, opened):
        likely = _asked_anew(English.FILLER.sub("", body), last, turns[-1].answer)
    elif _is_fragment(found):
        likely = _put_in_place(English.FILLER.sub("", body), last, turns)
    elif any(anaphors(rest)):
        likely = _resolved(rest, turns)
    elif _is_bridged(found):
        likely, open_ = _attached(body, turns, opened), True
    else:
        return FollowUp((Candidate(question),))
    as_it_is = Candidate(_capital(rest) if opened and open_ else question)
    whole = [replace(one, question=_ended(one.question)) for one in likely]
    unique = {one.question: one for one in sorted(whole, key=lambda one: one.prior)}
    unique.pop(as_it_is.question, None)
    best = sorted(unique.values(), key=lambda one: -one.prior)[: CONVERSATION.candidates]
    return FollowUp((as_it_is, *best), open_)


# Kinds of questions


def _is_bare(found: Sequence[Word], opened: bool) -> bool:
    """Whether it is only a question word or phrase: "Why?", "Since when?", "From what speed?"."""
    low = [word.low for word in found]
    if len(low) > 6 or any(word in English.AUXILIARIES | {"it", "they"} for word in low):
        return False
    if low[0] in English.PREPOSITIONS and len(low) > 1 and low[1] in English.WH:
        return True
    if low[0] not in English.WH:
        return False
    if low[0] == "how":
        return len(low) <= 3
    return len(low) == 1 or (len(low) == 2 and (low[0] != "who" or low[1] in English.STOPS))


def _is_fragment(found: Sequence[Word]) -> bool:
    """Whether it has no verb of its own: "The east one?", "On Sundays?"."""
    low = [word.low for word in found]
    return (
        len(low) <= CONVERSATION.fragment_words
        and low[0] not in English.ORDERS
        and not any(word in English.AUXILIARIES | English.WH for word in low)
    )


def _is_bridged(found: Sequence[Word]) -> bool:
    """Whether it may omit its subject: "Who is the keeper?"."""
    content = [word for word in found if word.low not in English.STOPS | English.DETERMINERS]
    named = any(word.text[0].isupper() or word.text[0].isdigit() for word in found[1:])
    return not named and 0 < len(content) <= CONVERSATION.bridged_words


# Candidates


def _resolved(text: str, turns: Sequence[Turn]) -> Iterator[Candidate]:
    """The question with up to two pronouns replaced by phrases of earlier turns."""
    known = entities(turns)
    answer = turns[-1].answer
    if re.search(r"\b(?:after|before|since|than) that$", text.rstrip(" ?.!")) and answer:
        that = re.sub(r"that\W*$", "", text)
        yield Candidate(_capital(f"{that}{answer.rstrip(' .')}?"), 0.5 - len(words(answer)) / 6)
    for first, used in _replaced(text, known):
        yield first
        rest = [one for one in known if one.text != used]
        if any(anaphors(first.question)):
            for second, _ in _replaced(first.question, rest):
                yield replace(second, prior=first.prior + second.prior + 0.1)


def _replaced(text: str, known: Sequence[Phrase]) -> Iterator[tuple[Candidate, str]]:
    """The text with its first pronoun replaced, for each known phrase, with that phrase."""
    start, end, pronoun = next(anaphors(text))
    if re.match(r"who (?:is|was) (?:that|this|it)$", text[:end], re.IGNORECASE):
        pronoun = "he"
    for one in known:
        fits = may_be(one, pronoun) or pronoun in ("one", "ones", "there")
        options = [one.text]
        if pronoun in ("one", "ones"):
            options = [one.head]
        elif pronoun in English.POSSESSIVES and not (pronoun == "her" and _is_object(text, end)):
            options = [f"{one.text}'" if one.text.endswith("s") else f"{one.text}'s"]
        elif pronoun == "there":
            options = [f"{p} {one.text}" for p in dict.fromkeys([one.before or "in", "in", "at"])]
        for option in options:
            whole = _capital(f"{text[:start]}{option}{text[end:]}")
            yield Candidate(whole, one.prior - (0 if fits else CONVERSATION.misfit)), one.text


def _is_object(text: str, end: int) -> bool:
    """Whether `her` is an object, and no possessive."""
    following = words(text[end:])
    return not following or following[0].low in English.STOPS


def _asked_anew(wanted: str, last: str, answer: str) -> Iterator[Candidate]:
    """The last question with another question word: "Why?"."""
    body = last.rstrip(" ?.!")
    found = words(body)
    low = [word.low for word in found]
    if not found:
        return
    wanted = _capital(wanted)
    stranded = re.fullmatch(r"(\w+) (\w+)", wanted)
    tail = ""
    if stranded and stranded[2].lower() in English.PREPOSITIONS:  # "What of?"
        wanted, tail = stranded[1], f" {stranded[2]}"
    place = next((i for i, word in enumerate(low) if word in English.AUXILIARIES), None)
    if place is not None:
        yield Candidate(f"{wanted} {_small(body[found[place].start :])}{tail}?")
    elif low[0] in ("who", "what") and len(found) > 2:
        verb, rest = found[1].text, body[found[1].end :].strip()
        if verb.endswith("ed") or verb in English.VERBS:
            yield Candidate(f"{wanted} was {rest} {verb}{tail}?")
        else:
            yield Candidate(f"{wanted} {verb} {rest}{tail}?", -0.5)
            start = answer[: CONVERSATION.answer_chars]
            names = [one.text for one in phrases(start) if one.text[0].isupper()]
            for name in names[:1]:
                yield Candidate(f"{wanted} does {name} {verb.removesuffix('s')} {rest}{tail}?")
    else:
        yield Candidate(f"{wanted}{tail}: {_small(body)}?", -0.5)


def _put_in_place(given: str, last: str, turns: Sequence[Turn]) -> Iterator[Candidate]:
    """The last question with one of its phrases replaced by the given one."""
    found = words(given)
    first = found[0].low
    preposition = first if first in English.PREPOSITIONS and len(found) > 1 else ""
    noun = given[found[1].start :] if preposition else given
    if first in English.POSSESSIVES:
        for one in entities(turns):
            prior = one.prior - (0 if may_be(one, first) else CONVERSATION.misfit)
            yield Candidate(f"What is the {given[found[0].end :].strip()} of {one.text}?", prior)
        return
    ones = [word for word in words(noun) if word.low in ("one", "ones")]
    slots = _slots(last)
    if ones:  # it stands for a noun, and not for a part of its phrase
        slots = [old for old in slots if old.prior >= 0] or slots
    for old in slots:
        prior = _likeness(noun, preposition, old)
        new = [(noun, prior)]
        if ones:
            new = [(f"{noun[: ones[0].start]}{old.head}{noun[ones[0].end :]}", prior + 0.5)]
        elif first == "the" and len(found) == 2:  # "And the east?"
            new.append((f"{noun} {old.head}", prior - 0.5))
        for text, value in new:
            yield Candidate(_capital(f"{last[: old.start]}{text}{last[old.end :]}"), value)
            if preposition and old.before and preposition != old.before:
                start = last[: old.start].rstrip().rfind(old.before)
                whole = f"{last[:start]}{preposition} {text}{last[old.end :]}"
                yield Candidate(_capital(whole), value)
    body = last.rstrip(" ?.!")
    timed = English.TIMES.search(noun) is not None
    if preposition or (timed and English.TIMES.match(first)):
        missing = not any(English.TIMES.search(old.text) for old in slots)
        rival = noun[0].isupper() and any(old.text[0].isupper() for old in slots)
        prior = 0.7 if timed and missing else -1.3 if rival else -0.3
        yield Candidate(f"{body} {given}?", prior)
    elif first == "the":
        if len(phrases(given)) > 1:  # "The supplement for nights?"
            yield Candidate(f"What is {given}?", -0.6)
            return
        for one in entities(turns):
            yield Candidate(f"What is {given} of {one.text}?", one.prior - 1)
    elif len(found) == 1 and given.islower():  # "And remove?"
        yield Candidate(f"{body[: words(body)[-1].start]}{given}?", -0.3)


def _slots(text: str) -> list[Phrase]:
    """The phrases and numbers of a question that may be replaced."""
    found = phrases(text)
    spans = {(one.start, one.end) for one in found}
    numbers = [
        Phrase(word.text, word.start, word.end)
        for word in words(text)
        if word.text[0].isdigit() and (word.start, word.end) not in spans
    ]
    return [*found, *numbers]


def _likeness(new: str, preposition: str, old: Phrase) -> float:
    """How similar two phrases are in kind."""
    times = [English.TIMES.search(text) is not None for text in (new, old.text)]
    digits = [text[0].isdigit() for text in (new, old.text)]
    articles = [text.lower().startswith("the ") for text in (new, old.text)]
    names = [text.removeprefix("the ")[0].isupper() for text in (new, old.text)]
    value = 0.4 * (articles[0] == articles[1]) + 0.4 * (names[0] == names[1])
    value += 1.0 * (times[0] == times[1]) + 1.0 * (digits[0] == digits[1])
    value += 0.8 * (new.split()[-1].lower() == old.head.lower())
    return value + 0.8 * (preposition == old.before and bool(preposition)) - 2.4 + old.prior


def _attached(body: str, turns: Sequence[Turn], opened: bool) -> Iterator[Candidate]:
    """The question with a phrase of the last turn appended."""
    for one in entities(turns[-1:]):
        if not one.person and one.prior > -1:
            for preposition in dict.fromkeys(["of", one.before or "in"]):
                yield Candidate(_capital(f"{body} {preposition} {one.text}?"), one.prior)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text.endswith(("?", ".", "!")) else f"{text}?"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
