"""A larger teacher: what it answers is learned where the text says it, and only there."""

import json
import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ragcl import KnowledgeBase
from ragcl.consolidation.recipe import STUDY
from ragcl.consolidation.study import studier, teacher
from ragcl.consolidation.study.studier import Studier
from ragcl.consolidation.study.teacher import (
    Asked,
    LocalTeacher,
    ServedTeacher,
    Teacher,
    teacher_of,
)
from ragcl.errors import ModelNotFoundError, SettingsError, TeacherUnavailableError
from ragcl.generation.recipe import READING
from ragcl.settings import ModelSettings, Settings

PASSAGES = ("Berths\nThe north berth is 11 metres deep.", "Soup costs 3 crowns.")
ASKS_BACK = "questions that this text answers"
ASKED = ("How deep is the north berth?", "How deep is the water at the north berth?")


class Server(HTTPServer):
    """Answers as it is told: `replies` are statuses and bodies, the last one for good.

    About the passages that hold `about` it writes the questions `written`, if any.
    """

    about = written = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[tuple[int, Any]] = []
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def says(self, *texts: str) -> None:
        self.replies = [_saying(text) for text in texts]

    def reply(self, asked: str) -> tuple[int, Any]:
        if self.written and ASKS_BACK in asked:
            return _saying(self.written if self.about in asked else "")
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def _saying(text: str) -> tuple[int, Any]:
    return 200, {"choices": [{"message": {"content": text}}]}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = json.loads(body)
        self.server.requests.append((self.path, self.headers.get("Authorization"), sent))
        status, said = self.server.reply(sent["messages"][-1]["content"])
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that the user has allowed."""
    with Server() as running:
        monkeypatch.setenv(teacher.ALLOWED, running.url)
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "WAITS", (0.0, 0.0))


def test_a_server_is_sent_the_question_behind_its_passages(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(teacher.KEY, "secret")
    server.says('"11 metres."')

    found = ServedTeacher("large", server.url).answers([(ASKED[0], PASSAGES)])

    assert found == ["11 metres"]
    [(path, authorization, body)] = server.requests
    assert (path, authorization) == ("/v1/chat/completions", "Bearer secret")
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("large", 0, 48)
    last = body["messages"][-1]["content"]
    assert last.endswith(f"Question: {ASKED[0]}")
    assert last.index(PASSAGES[0]) < last.index(PASSAGES[1])


def test_many_answers_come_in_the_order_of_the_questions(server: Server) -> None:
    server.says("same")
    asked = [(f"Question {n}?", PASSAGES) for n in range(9)]

    assert ServedTeacher("large", server.url).answers(asked) == ["same"] * 9
    sent = sorted(body["messages"][-1]["content"][-11:] for _, _, body in server.requests)
    assert sent == [f"Question {n}?" for n in range(9)]


def test_not_knowing_is_no_answer(server: Server) -> None:
    server.says("I don't know.")

    assert ServedTeacher("large", server.url).answers([("Why?", PASSAGES)]) == [""]


def test_a_passing_trouble_is_waited_out(server: Server) -> None:
    server.says("3 crowns")
    server.replies.insert(0, (503, {}))

    assert ServedTeacher("large", server.url).answers([("Price?", PASSAGES)]) == ["3 crowns"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "body", "reason", "tries"),
    [
        (401, {}, "status 401", 1),
        (500, {}, "status 500", 3),
        (200, {"error": "no such model"}, "no answer in its reply", 1),
        (200, {"choices": [{"message": {"content": [1]}}]}, "no answer in its reply", 1),
    ],
)
def test_a_server_that_refuses_is_named_with_the_reason(
    server: Server, status: int, body: Any, reason: str, tries: int
) -> None:
    server.replies = [(status, body)]

    with pytest.raises(TeacherUnavailableError, match=rf"large@{server.url}.*\({reason}\)"):
        ServedTeacher("large", server.url).answers([("Why?", PASSAGES)])

    assert len(server.requests) == tries


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(TeacherUnavailableError, match=r"large@http://127\.0\.0\.1:9/v1"):
        ServedTeacher("large", "http://127.0.0.1:9/v1").answers([("Why?", PASSAGES)])


def test_a_server_that_only_the_knowledge_base_names_is_sent_nothing(
    kb_folder: Path, docs: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, config = f"large@{server.url}", kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("[models]", f'[models]\nteacher = "{spec}"'))
    monkeypatch.setenv(teacher.KEY, "secret")
    monkeypatch.setenv(teacher.ALLOWED, "http://127.0.0.1/v1")
    server.says("11 metres")

    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask(ASKED[0])
        with pytest.raises(SettingsError) as refused:
            kb.consolidate()

    assert f"to {server.url}, unencrypted" in str(refused.value)
    assert f"export {teacher.ALLOWED}={server.url}`" in str(refused.value)
    assert server.requests == []


def test_a_server_is_allowed_by_its_address_or_named_by_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(models=ModelSettings(teacher="large@https://host/v1/"))
    for variable, value, allowed in (
        (teacher.ALLOWED, "http://other/v1, https://host/v1", True),
        (teacher.ALLOWED, "https://host", False),
        (teacher.ALLOWED, "https://host/v1.evil", False),
        (teacher.VARIABLE, "large@https://host/v1/", True),
        (teacher.VARIABLE, "large@https://other/v1", False),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            if allowed:
                assert isinstance(teacher_of(settings), ServedTeacher)
                continue
            with pytest.raises(SettingsError, match=r"to https://host/v1/, which you have not"):
                teacher_of(settings)


def test_what_to_run_is_safe_to_run() -> None:
    settings = Settings(models=ModelSettings(teacher="large@http://host/$(reboot)"))

    with pytest.raises(SettingsError, match=r"='http://host/\$\(reboot\)'`"):
        teacher_of(settings)


def test_a_server_that_says_nothing_does_not_know(server: Server) -> None:
    server.replies = [(200, {"choices": [{"message": {"content": None}}]})]
    large = ServedTeacher("large", server.url)

    assert large.answers([("Why?", PASSAGES)]) == [""]
    assert large.questions(PASSAGES[:1], 2) == [[]]


@pytest.mark.parametrize(
    "spec", ["http://host/v1", "large@ftp://host", "large@https://known.com@other.com/v1"]
)
def test_a_server_without_its_model_or_its_protocol_is_refused(spec: str) -> None:
    with pytest.raises(SettingsError, match="MODEL@http"):
        teacher_of(Settings(models=ModelSettings(teacher=spec)))


def test_there_is_none_unless_it_is_named_and_none_by_default(tmp_path: Path) -> None:
    assert teacher_of(Settings()) is None
    for spec in ("default", str(tmp_path)):
        with pytest.raises(ModelNotFoundError, match="teacher"):
            teacher_of(Settings(models=ModelSettings(teacher=spec)))


def test_a_larger_model_on_this_machine_answers_from_the_passages(kb: KnowledgeBase) -> None:
    models = kb.settings.models.model_copy(update={"teacher": kb.settings.models.language_model})
    local = teacher_of(kb.settings.model_copy(update={"models": models}))

    assert isinstance(local, LocalTeacher)
    found = local.answers([(ASKED[0], PASSAGES), (ASKED[1], PASSAGES[::-1])])

    assert len(found) == 2
    assert found[0] == local.answers([(ASKED[0], PASSAGES)])[0]


def test_questions_are_asked_for_by_the_passage_and_taken_from_a_list(server: Server) -> None:
    server.says("1. How deep is it?\n- What is 11 metres deep?\n\nThe berth is ___\nHere you are!")

    found = ServedTeacher("large", server.url).questions(PASSAGES, 3)

    assert found == [["How deep is it?", "What is 11 metres deep?", "The berth is ___"]] * 2
    sent = {body["messages"][-1]["content"] for _, _, body in server.requests}
    assert all(any(passage in one for one in sent) for passage in PASSAGES)
    assert {body["max_tokens"] for _, _, body in server.requests} == {3 * STUDY.question_tokens}


def test_a_model_on_this_machine_writes_questions_too(kb: KnowledgeBase) -> None:
    models = kb.settings.models.model_copy(update={"teacher": kb.settings.models.language_model})
    local = teacher_of(kb.settings.model_copy(update={"models": models}))

    assert local is not None
    assert [len(one) <= 2 for one in local.questions(PASSAGES, 2)] == [True, True]


def test_what_the_teacher_asks_and_the_text_answers_is_learned_and_kept(
    kb: KnowledgeBase, docs: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = kb.settings
    models = settings.models.model_copy(update={"teacher": f"large@{server.url}"})
    limits = settings.consolidation.model_copy(update={"written_questions": 2})
    update = {"models": models, "consolidation": limits}
    monkeypatch.setattr(kb, "settings", settings.model_copy(update=update))
    kb.ingest(docs)
    kb.ask_many(ASKED)
    further = "Which berth is 11 metres deep?"
    server.about, server.written = "11 metres", f"{further}\nWho was Napoleon?"
    server.says("11 metres")

    report = kb.consolidate()

    learned = {one.question for a in kb.catalog.learning.active()[1] for one in a.questions}
    assert report.status == "promoted"
    assert further in learned
    assert "Who was Napoleon?" in [body["messages"][-1]["content"][-17:] for body in bodies(server)]
    before = len(server.requests)
    again = kb.consolidate()
    assert again.adapter_ids == report.adapter_ids
    [hit] = kb.search(further, 1)
    assert not any(hit.text in body["messages"][-1]["content"] for body in bodies(server)[before:])


class Same(Teacher):
    """Says the same to everything."""

    name = "same"

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        return ["11 metres"] * len(asked)


class InTurn(Teacher):
    """Says one thing after another."""

    name = "in turn"

    def __init__(self, *said: str) -> None:
        self._said = iter(said)

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        return [next(self._said) for _ in asked]


def test_wordings_of_one_question_are_taught_the_answer_in_one_form(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    larger = InTurn("11 metres", "11", "11 metres")
    studier = studied_by(kb, larger)
    questions = [f"{word} berth is 11 metres deep?" for word in ("Which", "What", "Whose")]
    hot = {hit.content_hash for hit in kb.search(questions[0], 4)}

    read = studier.study(questions, hot, {}, lambda _count: None, {}).rows

    assert [one.answer for one in read] == ["11 metres"] * 3
    assert len({one.ids for one in read}) == 1
    assert all(len(one.top_ids) == len(one.ids) + 1 for one in read)


class Listening(Same):
    """Says the same to everything, and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        self.shown += [list(passages) for _, passages in asked]
        return super().answers(asked)


def test_a_teacher_is_shown_the_passages_that_lead(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again in brief, too."""
    kb.ingest(docs)
    question = "Which berth is 11 metres deep?"
    found = kb.search(question, 4)
    assert found[0].fused > found[1].fused

    def shown(behind: float) -> list[list[str]]:
        monkeypatch.setattr(studier, "READING", replace(READING, behind=behind))
        larger = Listening()
        larger.name = f"listening {behind}"  # which has read nothing yet
        hot = {hit.content_hash for hit in found}
        studied_by(kb, larger).study([question], hot, {}, lambda _count: None, {})
        return larger.shown

    passages = [f"{hit.heading}\n{hit.text}" for hit in found]
    first, in_brief = shown(0.0)
    assert first == in_brief == passages[:1]
    assert shown(math.inf)[0] == passages


def test_a_written_question_that_another_text_answers_is_not_learned(
    kb: KnowledgeBase, docs: Path
) -> None:
    """It quotes the text it was written about, and would outlive that text."""
    kb.ingest(docs)
    question = "Which berth is 11 metres deep?"
    here, *elsewhere = (hit.content_hash for hit in kb.search(question, 4))
    studier = studied_by(kb, Same())

    def learned(about: str) -> list[str]:
        hot = {here, *elsewhere}
        study = studier.study([question], hot, {}, lambda _count: None, {question: about})
        return [one.question for one in study.rows]

    assert learned(elsewhere[0]) == []
    assert learned(here) == [question]


def studied_by(kb: KnowledgeBase, larger: Teacher) -> Studier:
    return Studier(
        kb.catalog,
        kb._retriever,
        kb._answerer.reader,
        passages=4,
        false_abstentions=0.05,
        larger=larger,
    )


def bodies(server: Server) -> list[dict[str, Any]]:
    return [body for _, _, body in server.requests]


def taught(kb: KnowledgeBase) -> set[str]:
    return {one.answer for a in kb.catalog.learning.active()[1] for one in a.questions}


def test_what_the_teacher_says_is_learned_where_the_text_says_it(
    kb: KnowledgeBase, docs: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = kb.settings.models.model_copy(update={"teacher": f"large@{server.url}"})
    monkeypatch.setattr(kb, "settings", kb.settings.model_copy(update={"models": models}))
    kb.ingest(docs)
    kb.ask_many(ASKED)
    [hit] = kb.search(ASKED[0], 1)
    words = re.findall(r"\w+", hit.text)
    server.says(" ".join(words[1:3]))

    report = kb.consolidate()

    assert report.status == "promoted"
    assert taught(kb) == {" ".join(words[1:3])}
    assert len(server.requests) == len(ASKED)
    kb.consolidate()
    assert len(server.requests) == len(ASKED)  # what was read from the same text is kept


def test_what_no_text_says_is_not_learned(
    kb: KnowledgeBase, docs: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = kb.settings.models.model_copy(update={"teacher": f"large@{server.url}"})
    monkeypatch.setattr(kb, "settings", kb.settings.model_copy(update={"models": models}))
    kb.ingest(docs)
    kb.ask_many(ASKED)
    server.says("a wild guess")

    kb.consolidate()

    assert taught(kb) == set()


def test_a_teacher_that_is_gone_leaves_everything_as_it_was(
    kb: KnowledgeBase, docs: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = kb.settings.models.model_copy(update={"teacher": f"large@{server.url}"})
    monkeypatch.setattr(kb, "settings", kb.settings.model_copy(update={"models": models}))
    kb.ingest(docs)
    kb.ask_many(ASKED)
    server.replies = [(500, {})]

    with pytest.raises(TeacherUnavailableError):
        kb.consolidate()

    assert kb.status().adapters == []
    assert kb.ask(ASKED[0], record=False).route == "context"
    [hit] = kb.search(ASKED[0], 1)
    server.says(" ".join(re.findall(r"\w+", hit.text)[1:3]))
    assert kb.consolidate().status == "promoted"
