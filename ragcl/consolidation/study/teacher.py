"""A larger teacher, where the settings name one: it reads in the place of the base model.

It gives answers without soft labels, since its tokenizer may differ from the student's, and writes
further questions. Nothing here checks that an answer stands in the source: the caller does.

A served teacher is sent the hot passages, and the questions with the passages to answer them from.
Nothing else of a knowledge base leaves the machine, and nothing at all unless `models.teacher`
names a server that the user allowed outside the knowledge base: the settings of a knowledge base
may have been copied with it from elsewhere.
"""

import os
import shlex
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import urlsplit

from ragcl.consolidation.recipe import STUDY
from ragcl.errors import SettingsError, TeacherUnavailableError
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.plain_text import for_a_server, from_a_server
from ragcl.generation.prompts import (
    Prompts,
    context_messages,
    is_abstention,
    listed_questions,
    question_messages,
)
from ragcl.generation.recipe import READING
from ragcl.settings import Settings

# Environment variables.
KEY = "OPENAI_API_KEY"
ALLOWED = "RAGCL_ALLOWED_TEACHERS"  # the addresses that may be sent passages and the key
VARIABLE = "RAGCL_MODELS__TEACHER"  # the setting, where the user and not a file names the server

AT_ONCE = 4  # requests
SECONDS = 120.0  # timeout of one request
WAITS = (1.0, 4.0, 16.0)  # seconds before each retry
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504})  # HTTP statuses

Asked = tuple[str, Sequence[str]]  # a question and the passages to answer it from


class Teacher(Protocol):
    """Answers from passages; `name` identifies the model."""

    name: str

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        """A short answer to each question from its passages; '' where they do not hold it."""

    def questions(self, passages: Sequence[str], count: int) -> list[list[str]]:
        """Up to `count` questions of several kinds that each passage answers."""


def teacher_of(settings: Settings) -> Teacher | None:
    """The larger teacher of the settings; None where the base model is the teacher.

    Raises:
        SettingsError: the setting is neither a model nor a server, or the server is not allowed.
        ModelNotFoundError: the weights are not on this machine.
    """
    spec = settings.models.teacher
    if not spec:
        return None
    if "://" not in spec:
        return LocalTeacher(settings)
    model, _, url = spec.partition("@")
    # `https://known.com@other.com/v1` looks like known.com and goes to other.com.
    if not model or not url.startswith(("http://", "https://")) or "@" in urlsplit(url).netloc:
        raise SettingsError(
            f"models.teacher is {spec!r}: write a server as MODEL@http://HOST/v1, or name a folder "
            "or a model on the hub."
        )
    if not _allowed(spec, url):
        raise SettingsError(
            f"models.teacher would send passages, questions and ${KEY} to {url}"
            f"{', unencrypted' if url.startswith('http:') else ''}, which you have not allowed: if "
            f"you trust that address, run `export {ALLOWED}={shlex.quote(url)}`; else leave the "
            "setting out."
        )
    return ServedTeacher(model, url.rstrip("/"))


def _allowed(spec: str, url: str) -> bool:
    """Whether the environment allows the server; the settings file alone cannot."""
    named = os.environ.get(ALLOWED, "").replace(",", " ").split()
    return spec == os.environ.get(VARIABLE) or url.rstrip("/") in [one.rstrip("/") for one in named]


class LocalTeacher:
    """A larger language model on this machine."""

    def __init__(self, settings: Settings) -> None:
        models, self._answering = settings.models, settings.answering
        self._model = LanguageModel.of(models, "teacher")
        self.name = f"{self._model.files.name}@{self._model.files.revision}"

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        """See `Teacher`."""
        prompts = Prompts.of(self._model)
        found = self._model.generate(
            [
                prompts.for_phrase(question, passages, self._answering.context_tokens)
                for question, passages in asked
            ],
            max_new_tokens=READING.written_tokens,
        )
        return [_bare_answer(one.text) for one in found]

    def questions(self, passages: Sequence[str], count: int) -> list[list[str]]:
        """See `Teacher`."""
        prompts = Prompts.of(self._model)
        tokens = self._answering.context_tokens
        found = self._model.generate(
            [prompts.for_questions(passage, count, tokens) for passage in passages],
            max_new_tokens=count * STUDY.question_tokens,
        )
        return [listed_questions(one.text, count) for one in found]


class ServedTeacher:
    """A model behind a server with OpenAI's chat completions API."""

    def __init__(self, model: str, url: str) -> None:
        self.name = f"{model}@{url}"
        self._model = model
        self._url = f"{url}/chat/completions"

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        """See `Teacher`.

        Raises:
            TeacherUnavailableError: the server cannot be reached or refuses.
        """
        replies = self._complete(
            [(context_messages(*one), READING.written_tokens) for one in asked]
        )
        return [_bare_answer(text) for text in replies]

    def questions(self, passages: Sequence[str], count: int) -> list[list[str]]:
        """See `Teacher`.

        Raises:
            TeacherUnavailableError: the server cannot be reached or refuses.
        """
        replies = self._complete(
            [(question_messages(one, count), count * STUDY.question_tokens) for one in passages]
        )
        return [listed_questions(text, count) for text in replies]

    def _complete(self, asked: Sequence[tuple[list[dict[str, str]], int]]) -> list[str]:
        """The reply to each list of messages, of at most so many tokens."""
        import httpx

        key = os.environ.get(KEY)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with (
            httpx.Client(headers=headers, timeout=SECONDS) as client,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            return list(pool.map(lambda one: self._reply(client, *one), asked))

    def _reply(self, client: Any, messages: list[dict[str, str]], max_tokens: int) -> str:
        import httpx

        body = {
            "model": self._model,
            "messages": for_a_server(messages),
            "temperature": 0,
            "max_tokens": max_tokens,
        }
        for wait in (*WAITS, None):
            try:
                response = client.post(self._url, json=body)
                if response.status_code not in RETRYABLE:
                    response.raise_for_status()
                    reply = response.json()["choices"][0]["message"]["content"]
                    if not isinstance(reply, str | None):
                        raise TypeError(reply)
                    return from_a_server(reply or "")  # None: a refusal, or unfinished reasoning
                reason = f"status {response.status_code}"
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            except httpx.HTTPStatusError as error:
                raise self._unavailable(f"status {error.response.status_code}") from error
            except (ValueError, LookupError, TypeError) as error:
                raise self._unavailable("no answer in its reply") from error
            if wait is not None:
                time.sleep(wait)
        raise self._unavailable(reason)

    def _unavailable(self, reason: str) -> TeacherUnavailableError:
        return TeacherUnavailableError(
            f"the teacher {self.name} could not be asked ({reason}): check models.teacher and "
            f"{KEY}, or leave it out and the base model reads. The round goes on from here."
        )


def _bare_answer(text: str) -> str:
    """The answer without quotes and full stop; '' for an abstention."""
    return "" if is_abstention(text) else text.strip().strip("\"'\u201c\u201d").rstrip(".").strip()
