"""The prompts: chat messages turned into token ids by the model's own template.

Passages are untrusted data: they are inside the user's message, and no word of them becomes a
control token. Knows nothing of how passages were found.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragcl.errors import SettingsError
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.plain_text import broken, pieces, rendered_ids, text_ids, turn_end
from ragcl.generation.scoring import Prompt
from ragcl.once import once
from ragcl.text.languages import ENGLISH, LANGUAGES, language
from ragcl.text.scripts import ITEM_MARK, QUESTION_MARKS, unspaced

ABSTENTION = ENGLISH.unknown  # to the model, in any language
# The end of every prompt for an answer. At the beginning of a turn a word has other tokens than
# after a space, as in passages; with the cue, the tokens are the same and can be copied.
CUE = "Answer:"
# Tokens of the model's context that are kept for the answer; at most a quarter of it.
ANSWER_ROOM = 512

_SYSTEM_CONTEXT = (
    "Answer the question with a short phrase copied from the passages. "
    f"If they do not hold the answer, say: {ABSTENTION}"
)
# The same with all forms of an answer, for a model that was not trained to read.
_SYSTEM_FORMS = (
    "Answer the question from the passages. If a name, a number or a short phrase answers it, copy "
    "that. If it takes whole sentences, as for how and why, write > and copy the first of them. If "
    f"the passages do not hold the answer, say: {ABSTENTION}"
)
# The instruction of the trained reader. It was trained on this exact prompt; another one, or one
# more space, is read worse.
_SYSTEM_TRAINED = "Answer from the passages."
QUOTE = ">"  # the start of its answer if sentences answer the question, and no phrase

_SYSTEM_WRITE = (
    "Answer the question from the numbered passages alone, in the language of the question, as "
    "briefly as the question allows and as fully as it needs. Put the number of the passage that "
    "says it, like [1], at the end of every sentence."
)
_SYSTEM_CLOSED = "Answer the question from memory with a short phrase."

_SYSTEM_QUESTIONS = (
    "You write the questions that people may ask and that a text answers in a few words. Each "
    "names what it asks about, so that it can be understood without the text. Write one a line and "
    "nothing else."
)
_QUESTIONS = (
    "Text:\n{passage}\n\nWrite {count} questions that this text answers, of several kinds: direct "
    "ones; the same fact in quite other words; for a detail; the other way round, from a value to "
    "what has it; a comparison of two things in the text; a sentence to complete, with ___ at its "
    "end."
)
_LISTED = re.compile(rf"^\s*(?:[-*\u2022]|\(?\d+[.)]|{ITEM_MARK})\s*")

# Examples make a small model answer briefly. Users will not ask about their subjects.
_Example = tuple[tuple[str, ...], str, str]
_CAT: _Example = (
    (
        "The lighthouse keeper's cat is called Biscuit. It sleeps in the lamp room.",
        "The tea house opens at half past nine and serves plum cake.",
    ),
    "What is the name of the keeper's cat?",
    "Biscuit",
)
_LAMP: _Example = (
    (
        "Trimming the lamp\n Lift the glass off before the wick is trimmed. Cut the charred edge "
        "straight across with the brass scissors. Then wipe the bowl and put the glass back.",
        "The tea house opens at half past nine and serves plum cake.",
    ),
    "How do I trim the wick?",
    f"{QUOTE} Lift the glass off before the wick is trimmed.",
)
_FERRY: _Example = (
    ("The ferry leaves from the stone pier. Dogs travel free of charge.",),
    "How much does a ticket for the ferry cost?",
    ABSTENTION,
)
_CABLE_CAR: _Example = (
    ("A season ticket for the cable car costs 45 crowns and is valid until October.",),
    "How much does a season ticket for the cable car cost?",
    "45 crowns",
)

_TEXT = r"(?:the |these |this |any )?(?:given |provided )*(?:passages?|texts?|context|sources?)"
# Matches a whole answer: with more words it may be a real one, as "Unknown Pleasures".
_UNKNOWN = re.compile(
    rf"(?:(?:it|that|this|the answer) is )?(?:unknown|unclear"
    rf"|not (?:mentioned|stated|specified|known|given|provided|said))"
    rf"(?: (?:here|there|anywhere))?(?: (?:in|from|by) {_TEXT})?",
    re.IGNORECASE,
)
# Matches the beginning of a sentence. A title has capitals: "I Don't Know How to Love Him".
_DOES_NOT_KNOW = re.compile(
    r"(?:(?:[Ss]orry|[Uu]nfortunately),? (?:but )?)?"
    r"(?:[Ii] (?:do not|don'?t|do n't) know\b|[Ii](?:'m| am) not sure\b"
    r"|[Tt]he (?:given |provided )*(?:passages?|texts?|context|sources?) (?:do(?:es)?(?: not|n't)) "
    r"(?:mention|state|specify|say|tell|contain|hold|provide|give|include|answer|indicate)\b)"
)
_ONLY_THAT = re.compile(r"i (?:do not|don'?t|do n't) know|i(?:'m| am) not sure", re.IGNORECASE)


_ABSTENTIONS = frozenset(one.unknown for one in LANGUAGES.values())


def abstention(question: str) -> str:
    """What a user is told, in the language of the question, if nothing answers it."""
    return language(question).unknown


def is_abstention(text: str) -> bool:
    """Whether an answer is an abstention.

    Names with such words are answers: "Unknown Pleasures" is a record.
    """
    if text.strip() in _ABSTENTIONS:
        return True
    plain = text.replace("\u2019", "'").strip().strip("\"'.!*_ \n\u201c\u201d")
    return (
        not text.strip()
        or _UNKNOWN.fullmatch(plain) is not None
        or _ONLY_THAT.fullmatch(plain) is not None
        or _DOES_NOT_KNOW.match(plain) is not None
    )


@dataclass(frozen=True)
class AnswerTokens:
    """An answer as the model would write it after the cue.

    `ids` are its tokens without the end token; `ends[i]` is the number of characters that the first
    `i + 1` tokens spell.
    """

    ids: tuple[int, ...]
    ends: tuple[int, ...]


def answer_tokens(tokenizer: Any, texts: Sequence[str]) -> list[AnswerTokens]:
    """The tokens of each answer, after the cue and a space.

    The space is there in every script, also in one that has none between words: a model that is
    shown "Answer: Biscuit" expects it, and an answer without would lose to any word of Latin.
    """
    if not texts:
        return []
    parts = [pieces(f"{CUE} {broken(tokenizer, text)}") for text in texts]
    encoded = tokenizer(
        [CUE, *(piece for some in parts for piece in some)],
        add_special_tokens=False,
        return_offsets_mapping=True,
    )
    rows = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    cue, _ = next(rows)
    found = []
    for some in parts:
        ids: list[int] = []
        ends: list[int] = []
        start = -len(CUE) - 1
        for piece, (tokens, places) in zip(some, rows, strict=False):
            ids += tokens
            # Several tokens may spell one character, and only the last of them completes it.
            following = [*(begin for begin, _ in places[1:]), len(piece)]
            ends += [
                max(0, start + min(end, begin))
                for (_, end), begin in zip(places, following, strict=True)
            ]
            start += len(piece)
        found.append(AnswerTokens(tuple(ids[len(cue) :]), tuple(ends[len(cue) :])))
    return found


def context_messages(question: str, passages: Sequence[str]) -> list[dict[str, str]]:
    """Chat messages with all passages and the question."""
    return [*_phrase_head(), {"role": "user", "content": _user(question, passages)}]


def question_messages(passage: str, count: int) -> list[dict[str, str]]:
    """Chat messages that ask for questions of several kinds that a passage answers, one a line."""
    return [
        _system(_SYSTEM_QUESTIONS),
        {"role": "user", "content": _QUESTIONS.format(passage=passage, count=count)},
    ]


def listed_questions(text: str, count: int) -> list[str]:
    """At most `count` questions of a model's answer, without list markers."""
    lines = (_LISTED.sub("", line).strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line.endswith((*QUESTION_MARKS, "___"))))[
        :count
    ]


def _system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


def _phrase_head(cue: str = "") -> list[dict[str, str]]:
    return _head(_SYSTEM_CONTEXT, [_CAT, _CABLE_CAR], cue)


def _head(system: str, examples: Sequence[_Example], cue: str) -> list[dict[str, str]]:
    """The instruction and the worked examples."""
    messages = [_system(system)]
    for passages, question, answer in examples:
        messages += [
            {"role": "user", "content": _user(question, passages)},
            {"role": "assistant", "content": f"{cue} {answer}".strip()},
        ]
    return messages


def _user(question: str, passages: Sequence[str]) -> str:
    listed = "\n".join(f"[{n}] {passage}" for n, passage in enumerate(passages, start=1))
    return f"Passages:\n{listed}\n\nQuestion: {question}"


def _trained_user(question: str, passages: Sequence[str]) -> str:
    return "\n\n".join([*passages, f"Question: {question}"])


def excerpt(heading: str, sentences: Sequence[str]) -> str:
    """Sentences of one chunk below its heading, a line each, as in every prompt.

    The space before each keeps a word's tokens the same as within a line, where its script has
    spaces.
    """
    lines = [f"# {heading}"] if heading else []
    gaps = ("" if unspaced(sentence[:1]) else " " for sentence in sentences)
    return "\n".join([*lines, *map(operator.add, gaps, sentences)])


class Prompts:
    """Builds prompts for one tokenizer.

    A model that was `trained` to read gets passages and question alone; others also get examples.
    """

    def __init__(
        self, tokenizer: Any, *, trained: bool = False, context: int | None = None
    ) -> None:
        """`context` is the length of the model's context in tokens; None: prompts are not cut."""
        self.tokenizer = tokenizer
        self.trained = trained
        self._limit = None if context is None else context - min(context // 4, ANSWER_ROOM)

    @classmethod
    def of(cls, model: LanguageModel) -> "Prompts":
        """The prompts of a model."""
        return cls(model.tokenizer, trained=bool(model.files.reader), context=model.context)

    def closed_book(self, question: str) -> Prompt:
        """The question without passages."""
        return self._cut(self._prompt([_system(_SYSTEM_CLOSED)], question, self._closed_shared))

    def with_context(self, question: str, passages: Sequence[str], max_tokens: int) -> Prompt:
        """The question after as many whole passages, best first, as fit into `max_tokens`.

        The first passage is always included; it is truncated if it is too long. With a short
        context there are fewer passages, or none.
        """
        user = _trained_user if self.trained else _user

        def prompt(shown: Sequence[str]) -> Prompt:
            return self._prompt(self._context_head, user(question, shown), self._context_shared)

        return self._with_fitting(prompt, passages, max_tokens)

    def for_phrase(self, question: str, passages: Sequence[str], max_tokens: int) -> Prompt:
        """As `with_context`, for a larger teacher, which is to answer with a phrase or not."""
        return self._with_fitting(
            lambda shown: self._prompt(
                _phrase_head(CUE), _user(question, shown), self._phrase_shared
            ),
            passages,
            max_tokens,
        )

    def for_writing(self, question: str, passages: Sequence[str], max_tokens: int) -> Prompt:
        """A prompt for a written answer with citations, with as many whole passages as fit."""
        return self._with_fitting(
            lambda shown: Prompt(self._ids([_system(_SYSTEM_WRITE)], _user(question, shown))),
            passages,
            max_tokens,
        )

    def for_questions(self, passage: str, count: int, max_tokens: int) -> Prompt:
        """A prompt for questions about a passage, truncated to `max_tokens`."""

        def prompt(shown: Sequence[str]) -> Prompt:
            head, user = question_messages("".join(shown), count)
            return Prompt(self._ids([head], user["content"]))

        return self._with_fitting(prompt, [passage], max_tokens)

    def instructed(self, system: str, user: str) -> Prompt:
        """A prompt with other instructions."""
        return self._cut(Prompt(self._ids([_system(system)], user)))

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """The tokens of an answer as the model would write it, with the end token."""
        return (*answer_tokens(self.tokenizer, [text])[0].ids, self.end)

    @once
    def end(self) -> int:
        """The token that ends an answer.

        Raises:
            SettingsError: neither the chat template nor the tokenizer has one.
        """
        end = turn_end(self.tokenizer)
        if end is None:
            raise SettingsError(
                "models.language_model: its tokenizer has no end token, so no answer would end. "
                "Set eos_token in the model's tokenizer_config.json, or name another model."
            )
        return end

    def fitting(self, passages: Sequence[str], max_tokens: int) -> int:
        """The number of passages that fit into this budget."""
        return len(self._fit(passages, max_tokens))

    def count_tokens(self, passage: str) -> int:
        """The number of tokens of a passage."""
        return len(text_ids(self.tokenizer, passage))

    def _fit(self, passages: Sequence[str], max_tokens: int) -> list[str]:
        shown: list[str] = []
        left = max_tokens
        for passage in passages:
            ids = text_ids(self.tokenizer, passage)
            if len(ids) > left:
                if not shown and left > 0:
                    shown.append(self.tokenizer.decode(ids[:left]))
                break
            left -= len(ids)
            shown.append(passage)
        return shown

    def _with_fitting(
        self, made: Callable[[Sequence[str]], Prompt], passages: Sequence[str], max_tokens: int
    ) -> Prompt:
        """What is made of the passages that fit into `max_tokens` and into the model's context."""
        shown = self._fit(passages, max_tokens)
        prompt = made(shown)
        while self._limit is not None and shown and len(prompt.ids) > self._limit:
            before = sum(map(self.count_tokens, shown))
            fewer = self._fit(shown, before - (len(prompt.ids) - self._limit))
            # A truncated passage may have as many tokens as before when it is read again.
            shown = fewer if sum(map(self.count_tokens, fewer)) < before else shown[:-1]
            prompt = made(shown)
        return self._cut(prompt)

    def _cut(self, prompt: Prompt) -> Prompt:
        """The end of a prompt that is longer than the model's context: the question is there."""
        if self._limit is None or len(prompt.ids) <= self._limit:
            return prompt
        return Prompt(prompt.ids[-self._limit :])

    @once
    def _context_head(self) -> list[dict[str, str]]:
        if self.trained:
            return [_system(_SYSTEM_TRAINED)]
        return _head(_SYSTEM_FORMS, [_CAT, _LAMP, _FERRY, _CABLE_CAR], CUE)

    @once
    def _context_shared(self) -> int:
        return self._common(self._context_head)

    @once
    def _phrase_shared(self) -> int:
        return self._common(_phrase_head(CUE))

    @once
    def _closed_shared(self) -> int:
        return self._common([_system(_SYSTEM_CLOSED)])

    def _common(self, head: list[dict[str, str]]) -> int:
        """The length of the prefix that all prompts with this head share."""
        one, two = (self._ids(head, text) for text in ("a", "Z"))
        return next(i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)

    def _prompt(self, head: list[dict[str, str]], user: str, shared: int) -> Prompt:
        return Prompt((*self._ids(head, user), *text_ids(self.tokenizer, CUE)), shared)

    def _ids(self, head: list[dict[str, str]], user: str) -> tuple[int, ...]:
        user = broken(self.tokenizer, user)
        messages = [*head, {"role": "user", "content": user}]
        if self.tokenizer.chat_template is None:
            text = "".join(message["content"] + "\n\n" for message in messages)
            return (*self._begin, *rendered_ids(self.tokenizer, text))
        return tuple(rendered_ids(self.tokenizer, self._rendered(messages)))

    def _rendered(self, messages: list[dict[str, str]]) -> str:
        if messages[0]["role"] == "system" and not self._takes_system:
            system, user, *rest = messages
            content = f"{system['content']}\n\n{user['content']}"
            messages = [{"role": "user", "content": content}, *rest]
        rendered: str = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return rendered

    @once
    def _takes_system(self) -> bool:
        """Whether the model's template takes a system message."""
        from jinja2 import TemplateError

        said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
        try:
            return "Be brief." in self.tokenizer.apply_chat_template(said, tokenize=False)
        except TemplateError:
            return False

    @once
    def _begin(self) -> list[int]:
        """The tokenizer's begin tokens, for a model without a template."""
        whole = list(self.tokenizer("a")["input_ids"])
        bare = text_ids(self.tokenizer, "a")
        starts = (i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
        return whole[: next(starts, 0)]
