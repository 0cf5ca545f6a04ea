"""Lessons: documents and questions to training examples, as ragcl retrieves and shows them.

Every document is ingested into a knowledge base that stands for a user's. A question is then taught
twice: on the sentences that ragcl would show for it (*narrow*), and on whole passages, where the
questions of one passage share what is shown and cost little (*whole*). What is not shown is not
known there, whatever the document says. Knows no training.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.reader.material import Asked, Document
from ragcl import KnowledgeBase
from ragcl.catalog.passage import Passage
from ragcl.consolidation.training.packing import Example
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import excerpts
from ragcl.generation.prompts import ABSTENTION, QUOTE, Prompts, answer_tokens, excerpt
from ragcl.generation.reading import Reader
from ragcl.text.sentences import split_sentences

PASSAGES = 4
WHOLE_TOKENS = 420  # of passages shown in whole
QUOTED_TOKENS = 12  # of a sentence: enough to tell it from all others
UNSEEN = 0.15  # of the questions whose answer is not shown, the share that is taught as not known
UNTITLED = 0.2  # of documents, the share whose text says no title: then the file's name is one


@dataclass(frozen=True)
class Source:
    """A document with the path that it is ingested under, and whether its title is."""

    path: str
    document: Document
    titled: bool

    @property
    def text(self) -> str:
        """The file's text."""
        lines = [f"# {self.document.title}"] if self.titled else []
        for section in self.document.sections:
            if section.heading and self.titled:
                lines.append(f"## {section.heading.split(' > ')[-1]}")
            lines.append(section.text)
        return "\n\n".join(lines) + "\n"


@dataclass(frozen=True)
class Lesson:
    """What is shown and what is asked about it: each question with its targets and their weight.

    No target: not known.
    """

    passages: tuple[str, ...]
    asked: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def sources(groups: Iterable[tuple[str, Iterable[Document]]], seed: int) -> list[Source]:
    """The documents of named groups as files; some of them are plain text without headings."""
    chance = random.Random(seed)
    found = []
    for group, documents in groups:
        for number, document in enumerate(documents):
            titled = chance.random() >= UNTITLED
            name = re.sub(r"[^\w -]", "", document.title).strip() or "untitled"
            suffix = "md" if titled else "txt"
            found.append(Source(f"{group}/{number:04}/{name}.{suffix}", document, titled))
    return found


def lessons(
    given: Sequence[Source], folder: Path, model: LanguageModel, seed: int
) -> tuple[list[Lesson], list[Lesson]]:
    """The narrow and the whole lessons of all documents, retrieved for among all of them.

    `model` only counts tokens.
    """
    docs = folder / "docs"
    for source in given:
        path = docs / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.text, encoding="utf-8")
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(docs)
        pairs = [(source, asked) for source in given for asked in source.document.asked]
        questions = [asked.question for _, asked in pairs]
        found = kb._retriever.retrieve(questions, PASSAGES)
        reader = Reader(model, kb._narrower, WHOLE_TOKENS)
        narrowed = [reader.fitting(ranked) for ranked in reader.rank(questions, found)]
    chance = random.Random(seed)
    narrow = []
    for (source, asked), retrieval, shown in zip(pairs, found, narrowed, strict=True):
        own = {h.content_hash for h in retrieval.hits if h.source == source.path}
        targets = _targets(asked, [one.text for one in shown if one.content_hash in own])
        if targets or asked.section < 0 or chance.random() < UNSEEN:
            texts = tuple(one.text for one in excerpts(shown))
            narrow.append(Lesson(texts, ((asked.question, targets),)))
    return narrow, _whole(pairs, [one.hits for one in found], Prompts.of(model), chance)


def _whole(
    pairs: Sequence[tuple[Source, Asked]],
    found: Sequence[Sequence[Passage]],
    prompts: Prompts,
    chance: random.Random,
) -> list[Lesson]:
    """Lessons on whole passages: those of a document that was found, with others beside them."""
    chunks: dict[str, Passage] = {}
    of_document: dict[str, dict[str, None]] = defaultdict(dict)
    strangers: dict[str, dict[str, None]] = defaultdict(dict)
    asked_of: dict[str, list[Asked]] = defaultdict(list)
    for (source, asked), hits in zip(pairs, found, strict=True):
        asked_of[source.path].append(asked)
        for hit in hits:
            key = hit.content_hash
            chunks[key] = hit
            own = hit.source == source.path
            (of_document if own else strangers)[source.path][key] = None
    made = []
    for path, asked in asked_of.items():
        own = list(of_document[path])
        chance.shuffle(own)
        while own:
            take = [own.pop() for _ in range(min(len(own), chance.choice((1, 1, 2, 3))))]
            beside = list(strangers[path])
            take += chance.sample(beside, min(len(beside), chance.choice((0, 0, 1, 2))))
            chance.shuffle(take)
            shown: list[tuple[str, list[str], bool]] = []
            left = WHOLE_TOKENS
            for key in take:
                chunk = chunks[key]
                sentences = split_sentences(chunk.text)
                text = excerpt(chunk.heading, sentences)
                left -= prompts.count_tokens(text) + 1
                if left < 0 and shown:
                    break
                shown.append((text, sentences, chunk.source == path))
            visible = [one for _, sentences, mine in shown if mine for one in sentences]
            if not visible:
                continue
            rows = []
            for one in asked:
                targets = _targets(one, visible)
                if targets or one.section < 0 or chance.random() < UNSEEN:
                    rows.append((one.question, targets))
            if rows:
                made.append(Lesson(tuple(text for text, *_ in shown), tuple(rows)))
    return made


def _targets(asked: Asked, visible: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """What answers a question among the sentences shown, each with its share."""
    if asked.phrase:
        held = [one for one in asked.phrase.split("\n") if any(one in text for text in visible)]
        return tuple((one, 1 / len(held)) for one in held)
    wanted = [_plain(quote) for quote in asked.quotes]
    quoted = [
        text
        for text in visible
        if any(_plain(text) in quote or quote in _plain(text) for quote in wanted)
    ]
    quoted = list(dict.fromkeys(quoted))
    return tuple((f"{QUOTE} {text}", 1 / len(quoted)) for text in quoted)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def examples(lesson: Lesson, prompts: Prompts) -> list[Example]:
    """A lesson as examples that share their beginning."""
    made = []
    for question, targets in lesson.asked:
        prompt = prompts.with_context(question, lesson.passages, 10 * WHOLE_TOKENS).ids
        for text, share in targets or ((ABSTENTION, 1.0),):
            [tokens] = answer_tokens(prompts.tokenizer, [text])
            quoted = text.startswith(QUOTE)
            target = tokens.ids[:QUOTED_TOKENS] if quoted else (*tokens.ids, prompts.end)
            none = torch.zeros(len(target), 1)
            # A quotation of several sentences counts as one answer, and no more than a phrase does.
            weight = share * (0.5 if quoted else 1.0)
            made.append(Example(prompt, target, none.long(), none, hard=weight, soft=0.0))
    return made
