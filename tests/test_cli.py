"""The command line: results on standard output, the rest on standard error, and exit codes."""

import io
import json
import os
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from filelock import FileLock
from typer.testing import CliRunner

from ragcl import KnowledgeBase, __version__, switching
from ragcl.cli import app, common, learning, upkeep
from ragcl.consolidation.deadline import Deadline
from ragcl.models import hardware
from ragcl.progress import Lines
from ragcl.results import ConsolidationReport

QUESTION = "How deep is the north berth?"
HEAVY = {
    "torch", "transformers", "faiss", "peft", "sentence_transformers", "sqlalchemy", "matplotlib"
}  # fmt: skip


@pytest.fixture
def ragcl(kb_folder: Path) -> Any:
    """`ragcl("ask", …)` runs a verb on the knowledge base."""

    def run(*arguments: str | Path, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["--kb", str(kb_folder), *map(str, arguments)], input=typed)

    return run


@pytest.fixture
def full(ragcl: Any, docs: Path) -> Any:
    """The same after an ingest."""
    assert ragcl("ingest", docs).exit_code == 0
    return ragcl


def document(result: Result) -> Any:
    """The one JSON document that standard output holds, and nothing else."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


# --- every verb speaks JSON


def test_ingest(ragcl: Any, docs: Path) -> None:
    found = document(ragcl("ingest", docs, "--json"))

    assert found["added"] == ["berths.md", "canteen.md", "pilots.txt", "tariff.csv"]
    assert found["chunks_added"] == 5


def test_ask(full: Any) -> None:
    found = document(full("ask", QUESTION, "--json"))

    assert found["question"] == QUESTION
    assert found["route"] == "context"
    assert found["id"] == 1
    assert "berths.md" in {one["source"] for one in found["citations"]}
    unrecorded = document(full("ask", QUESTION, "--mode", "weights", "--no-record", "--json"))
    assert (unrecorded["route"], unrecorded["id"]) == ("weights", 0)


def test_long_work_says_by_lines_how_far_it_is_where_no_terminal_shows_a_bar(
    ragcl: Any, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "Lines", partial(Lines, after=0))

    result = ragcl("ingest", docs, "--json")

    assert "ragcl: reading 0 of 4\nragcl: embedding " in result.stderr
    assert json.loads(result.stdout)


def test_search(full: Any) -> None:
    found = document(full("search", QUESTION, "-k", "2", "--json"))

    assert [one["lines"] for one in found] == [[5, 5], [9, 9]]


def test_search_and_ask_in_some_of_the_documents(full: Any, docs: Path) -> None:
    moment = datetime(2020, 1, 31, 12).timestamp()
    os.utime(docs / "canteen.md", (moment, moment))
    full("ingest", docs)

    by_name = document(full("search", QUESTION, "--source", "*.txt", "--json"))
    by_date = document(full("search", QUESTION, "--until", "2020-01-31", "--json"))
    neither = full("search", QUESTION, "--until", "2020-01-31", "--since", "2020-02-01")
    answer = document(full("ask", QUESTION, "--source", "canteen*", "--mode", "both", "--json"))

    assert {one["source"] for one in by_name} == {"pilots.txt"}
    assert {one["source"] for one in by_date} == {"canteen.md"}
    assert (neither.stdout, neither.stderr) == ("", "no such file is ingested\n")
    assert {one["source"] for one in answer["trace"]["hits"]} == {"canteen.md"}
    assert full("ask", QUESTION, "--since", "soon").exit_code == 2


def test_search_and_ask_by_what_documents_say_of_themselves(full: Any, docs: Path) -> None:
    (docs / "signals.md").write_text("---\nstatus: draft\ntags: [fog]\n---\n\nA red light.\n")
    full("ingest", docs)
    chosen = ("--where", "status=DRAFT", "--where", "tags = f*")

    found = document(full("search", QUESTION, *chosen, "--json"))
    answer = document(full("ask", "What colour is the light?", *chosen, "--json"))

    assert {one["source"] for one in found} == {"signals.md"}
    assert {one["source"] for one in answer["trace"]["hits"]} == {"signals.md"}
    for wrong in (("--where", "draft"), ("--where", "=x"), ("--where", "a=1", "--where", "a=2")):
        assert full("search", QUESTION, *wrong).exit_code == 2


def test_feedback_and_explain(full: Any) -> None:
    full("ask", QUESTION)
    said = document(full("feedback", "1", "--rating", "-1", "--correction", "12 metres", "--json"))
    found = document(full("explain", "1", "--json"))

    assert said == {"answer": 1, "rating": -1}
    assert (found["ratings"], found["correction"]) == ([-1], "12 metres")
    assert {one["influence"] for one in found["sources"]} == {None}
    measured = document(full("explain", "1", "--influence", "--json"))
    assert any(one["influence"] for one in measured["sources"])


def test_consolidate_status_and_rollback(full: Any) -> None:
    for question in (QUESTION, "When does the canteen open?"):
        full("ask", question)
    done = document(full("consolidate", "--json"))
    held = document(full("status", "--json"))
    back = document(full("rollback", "--json"))

    assert done["status"] == "promoted"
    assert [one["id"] for one in held["adapters"]] == done["adapter_ids"]
    assert (held["documents"], held["asks"], held["rounds"]) == (4, 2, 1)
    assert (back["now"], back["adapters"]) == (None, [])


def test_forget_doctor_and_evaluate(full: Any, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Zyx wvu?", "answers": []}\n')

    assert document(full("evaluate", questions, "--json"))["accuracy"] == 1.0
    assert document(full("forget", "berths.md", "--json"))["chunks_removed"] == 2
    sound = {"problems": [], "repaired": False, "remaining": []}
    assert document(full("doctor", "--json")).items() >= sound.items()


def test_evaluations_are_remembered(full: Any, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Zyx wvu?", "answers": []}\n')

    assert document(full("evaluate", "--history", "--json")) == []
    assert full("evaluate", "--history").stderr == "nothing was evaluated yet\n"
    for mode in ("context", "auto"):
        full("evaluate", questions, "--mode", mode)

    found = document(full("evaluate", "--history", "--json"))
    assert [(one["file"], one["mode"], one["accuracy"]) for one in found] == [
        ("questions.jsonl", "context", 1.0),
        ("questions.jsonl", "auto", 1.0),
    ]
    assert "Zyx" not in json.dumps(found)
    heading, _, *rows = full("evaluate", "--history", questions).stdout.splitlines()
    assert heading.startswith("questions.jsonl (1 questions, sha256 ")
    assert [row.split()[3:5] for row in rows] == [["context", "1.000"], ["auto", "1.000"]]
    other = full("evaluate", tmp_path / "other.jsonl", "--history")
    assert (other.stdout, other.stderr) == ("", "this was never evaluated\n")


def test_models_list(ragcl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGCL_CACHE", str(tmp_path / "cache"))

    found = document(ragcl("models", "list", "--json"))

    states = {(one["role"], one["name"]): one["state"] for one in found}
    assert states["embedder", "default"] == states["language_model", "default"] == "missing"
    assert {Path(one["name"]).name for one in found if one["in_use"]} == {
        "tiny-lm", "tiny-embedder"
    }  # fmt: skip
    [first, *_] = [one for one in found if one["name"] == "default"]
    assert first["measured"][0]["open_book"] > 0
    shown = ragcl("models", "list").stdout
    assert "* embedder" in shown
    assert "default with default" in shown


def test_models_use(full: Any, other_embedder: Path, kb_folder: Path) -> None:
    result = full("models", "use", "--embedder", other_embedder, "--json")

    found = document(result)
    assert (found["done"], found["chunks"], found["embedder"]) == (True, 5, str(other_embedder))
    assert "5 chunks are to be embedded, in about" in result.stderr
    assert str(other_embedder) in (kb_folder / "ragcl.toml").read_text()
    again = full("models", "use", "--embedder", other_embedder, "--yes")
    assert again.stdout.startswith("in use: language model ")
    assert again.stderr == ""
    assert full("models", "use").exit_code == 2


def test_models_use_asks_on_a_terminal(
    full: Any, other_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "on_a_terminal", lambda: True)

    refused = full("models", "use", "--embedder", other_embedder, typed="n\n")

    assert refused.exit_code == 0
    assert refused.stderr.endswith("ragcl: nothing was changed.\n")
    assert full("models", "use", "--embedder", other_embedder, typed="y\n").exit_code == 0
    assert document(full("status", "--json"))["embedder"] == str(other_embedder)


def test_status_tells_a_change_under_way(
    full: Any, kb_folder: Path, other_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(switching, "material", killed)  # all are embedded, and not in use yet
    assert full("models", "use", "--embedder", other_embedder).exit_code == 130

    assert document(full("status", "--json"))["migration"] == {
        "embedder": other_embedder.name, "embedded": 5, "chunks": 5
    }  # fmt: skip
    assert "5 of 5 chunks embedded" in full("status").stdout


def test_doctor_says_what_fits(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory", lambda: (64 << 20, 32 << 20))

    found = document(full("doctor", "--json"))

    assert (found["memory_mb"], found["free_mb"]) == (64, 32)
    assert found["needed_mb"] == sum(
        one["weights_mb"] for one in found["fits"] if "tiny-" in one["name"]
    )
    assert "default does not fit: its weights need 0.5 GB" in full("doctor").stdout


def test_a_change_to_models_that_do_not_fit_says_so_beforehand(
    full: Any, monkeypatch: pytest.MonkeyPatch, other_embedder: Path
) -> None:
    monkeypatch.setattr(hardware, "memory", lambda: (1 << 20, 1 << 10))

    done = full("models", "use", "--embedder", other_embedder, "--yes")

    assert f"{other_embedder} does not fit: its weights need" in done.stderr
    assert done.exit_code == 0  # it was asked for


def test_a_scheduled_round_is_one_line_of_json(
    kb: KnowledgeBase, docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kb.ingest(docs)
    learning._scheduled(kb, json=True)
    kb.ask(QUESTION)
    learning._scheduled(kb, json=True)
    with FileLock(kb.folder / "consolidate.lock"):
        learning._scheduled(kb, json=True)  # busy: said on standard error, and the daemon goes on

    out, err = capsys.readouterr()
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["nothing due", "promoted"]
    assert "another consolidation is running" in err


# --- for people


def test_an_answer_is_printed_with_its_sources(full: Any) -> None:
    for options in ((), ("--no-stream",)):
        result = full("ask", QUESTION, *options)
        text, *sources = result.stdout.splitlines()
        assert text
        assert any(line.startswith("  [") and "berths.md:5" in line for line in sources)
        assert "route context" in sources[-1]


def test_a_question_needs_no_quotes(full: Any) -> None:
    words = QUESTION.split()

    assert document(full("ask", *words, "--json"))["question"] == QUESTION
    assert full("search", *words).stdout == full("search", QUESTION).stdout


def test_an_answer_of_a_filter_that_accepts_nothing_says_so(full: Any) -> None:
    said = full("ask", QUESTION, "--where", "author=nobody").stdout

    assert "the filter accepts no document" in said


def test_an_explanation_names_its_columns_and_headings(full: Any) -> None:
    full("ask", QUESTION)
    lines = full("explain", "1").stdout.splitlines()

    assert "  cosine, words:" in lines
    assert any("berths.md:5  Berths > North berth  (cited)" in line for line in lines)
    assert not any(line.endswith(" ") for line in lines)


def test_who_waits_at_a_terminal_is_told_that_models_are_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, said in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with common.loading():
            pass
        assert ("loading the models" in stream.getvalue()) == said


def test_every_verb_prints_something_for_people(full: Any, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Zyx wvu?", "answers": []}\n')
    full("ask", QUESTION)
    for arguments, expected in (
        (("search", QUESTION), "The north berth is 11 metres deep."),
        (("explain", "1"), QUESTION),
        (("explain", "1", "--influence"), "influence (nats)"),
        (("feedback", "1", "--rating", "1"), "noted"),
        (("consolidate",), "promoted"),
        (("consolidate", "--if-due"), "nothing due"),
        (("status",), "4 documents, 5 chunks"),
        (("rollback",), "no adapter is active now"),
        (("evaluate", questions), "accuracy 1.000"),
        (("forget", "--ask", "1"), "1 asks forgotten"),
        (("forget", "--ask", "1", "--asks-before", "2000-01-01"), "0 asks forgotten"),
        (("forget", "canteen.md"), "1 chunks forgotten"),
        (("doctor",), "all well"),
    ):
        result = full(*arguments)
        assert result.exit_code == 0, result.stderr
        assert expected in result.stdout


def test_a_wrong_file_is_told_in_plain_words(full: Any, docs: Path, tmp_path: Path) -> None:
    file = full("ingest", docs / "canteen.md").stderr
    missing = full("evaluate", tmp_path / "none.jsonl").stderr

    assert file.endswith("canteen.md is a file; give the folder that holds it.\n")
    assert "none.jsonl cannot be read: no such file or directory. Give a file" in missing


# --- a conversation


def test_chat_answers_line_by_line_in_the_light_of_those_before(full: Any) -> None:
    typed = "When does the canteen open?\n\nSince when?\n/new\nSince when?\n/quit\nWhy?\n"

    result = full("chat", "--json", "--mode", "context", "--source", "canteen.md", typed=typed)

    assert result.exit_code == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["question"] for one in answers] == [
        "When does the canteen open?",
        "Since when does the canteen open?",
        "Since when?",
    ]
    assert answers[1]["trace"]["asked"] == "Since when?"
    assert "asked" not in answers[0]["trace"]
    assert {hit["source"] for one in answers for hit in one["trace"]["hits"]} == {"canteen.md"}
    assert [one["id"] for one in answers] == [1, 2, 3]


def test_chat_shows_how_a_question_was_understood(full: Any) -> None:
    result = full("chat", "--no-record", typed="When does the canteen open?\nSince when?\n")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("understood as") == 1
    assert "  understood as: Since when does the canteen open?\n" in result.stdout
    assert "canteen.md" in result.stdout


def test_chat_repeats_piped_questions_before_their_answers(full: Any) -> None:
    result = full("chat", typed=f"{QUESTION}\nWhen does the canteen open?\n")

    asked = [line for line in result.stdout.splitlines() if line.startswith("> ")]
    assert asked == [f"> {QUESTION}", "> When does the canteen open?"]
    assert result.stdout.startswith(f"> {QUESTION}\n")


def test_chat_names_what_is_no_command(full: Any) -> None:
    result = full("chat", "--json", typed=f"/help\n{QUESTION}\n")

    assert "/help is no command: /new starts anew, /quit ends" in result.stderr
    assert [json.loads(line)["question"] for line in result.stdout.splitlines()] == [QUESTION]


def test_chat_goes_on_after_a_question_that_cannot_be_asked(full: Any) -> None:
    result = full("chat", "--json", typed=f"{'x' * 5000}\n{QUESTION}\n")

    assert result.exit_code == 1
    assert "5,000 characters" in result.stderr
    assert [json.loads(line)["question"] for line in result.stdout.splitlines()] == [QUESTION]


# --- exit codes


def test_a_file_that_failed_is_done_in_part(ragcl: Any, docs: Path) -> None:
    (docs / "torn.pdf").write_bytes(b"%PDF-1.4 torn")

    result = ragcl("ingest", docs, "--json")

    assert result.exit_code == 1
    assert [one["path"] for one in json.loads(result.stdout)["failed"]] == ["torn.pdf"]
    assert "torn.pdf" in result.stderr


def test_a_rejected_candidate_is_done_in_part(full: Any, kb_folder: Path) -> None:
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("min_proved = 0.0", "min_proved = 1.0"))
    full("ask", QUESTION)

    result = full("consolidate", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == "rejected"


def test_a_round_whose_time_was_over_is_done_in_part(
    full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full("ask", QUESTION)
    monkeypatch.setattr(Deadline, "passed", lambda _self: True)

    result = full("consolidate", "--json")

    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["status"] == "interrupted"
    assert "consolidation.max_minutes" in report["reason"]


def test_a_problem_that_was_only_looked_at_is_done_in_part(full: Any, kb_folder: Path) -> None:
    (kb_folder / "index" / "vectors.faiss").unlink()

    looked, mended = full("doctor", "--no-repair"), full("doctor")

    assert looked.stdout.startswith("  not repaired: the vector index has no file\nmemory: ")
    assert mended.stdout.startswith("  repaired: the vector index has no file\nmemory: ")
    assert (looked.exit_code, mended.exit_code) == (1, 0)
    assert full("doctor").stdout.startswith("all well: 4 documents, 5 chunks, 0 active adapters\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", ""),
        ("ask", "x", "--mode", "fast"),
        ("ask",),
        ("search", "x", "-k", "0"),
        ("search", "x", "--unknown"),
        ("ingest", "/nowhere/at/all"),
        ("ingest", "/nowhere/at/all", "--watch"),
        ("ingest", ".", "--poll"),
        ("explain", "99"),
        ("explain", "one"),
        ("feedback", "99", "--rating", "1"),
        ("forget", "nothing.md"),
        ("forget",),
        ("forget", "nothing.md", "--ask", "1"),
        ("forget", "--ask", "99"),
        ("forget", "--asks-before", "soon"),
        ("rollback",),
        ("evaluate", "/nowhere.jsonl"),
        ("evaluate",),
        ("schedule", "--cron", "now and then"),
        ("models", "pull", "../up"),
        ("unknown",),
    ],
)
def test_wrong_usage(ragcl: Any, arguments: tuple[str, ...]) -> None:
    result = ragcl(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_a_busy_knowledge_base(full: Any, kb_folder: Path, docs: Path) -> None:
    with FileLock(kb_folder / "write.lock"):
        result = full("ingest", docs, "--json")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "is busy" in result.stderr


@pytest.mark.parametrize("harm", ["settings", "catalog", "model"])
def test_an_unusable_knowledge_base_is_one_line(full: Any, kb_folder: Path, harm: str) -> None:
    config = kb_folder / "ragcl.toml"
    if harm == "settings":
        config.write_text("[answering]\npassages = 0\n")
    elif harm == "catalog":
        (kb_folder / "catalog.sqlite").write_bytes(b"no database" * 999)
    else:
        config.write_text('[models]\nembedder = "/nowhere/at/all"\n')

    result = full("search", QUESTION)

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("ragcl: ")
    assert result.stderr.count("\n") == 1


# --- starting


def loaded(code: str) -> set[str]:
    """The heavy libraries that a new interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stderr.split())


def test_importing_is_light() -> None:
    assert loaded("import ragcl, ragcl.cli") == set()
    assert loaded("from ragcl import KnowledgeBase") <= {"sqlalchemy"}
    assert "matplotlib" not in loaded("import ragcl.consolidation.round")


def test_help_is_light_and_names_every_verb() -> None:
    code = "import contextlib, ragcl.cli\nwith contextlib.suppress(SystemExit): ragcl.cli.main()"

    assert loaded(f"sys.argv = ['ragcl', '--help']\n{code}") == set()
    assert loaded(f"sys.argv = ['ragcl', 'ask', '--help']\n{code}") == set()
    text = CliRunner().invoke(app, ["--help"]).stdout
    verbs = (
        "ingest ask chat search consolidate schedule status explain feedback rollback "
        "forget evaluate models doctor"
    )
    assert all(verb in text for verb in verbs.split())


def test_the_knowledge_base_may_be_named_by_a_variable(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGCL_KB", str(kb_folder))

    CliRunner().invoke(app, ["ingest", str(docs)])

    with KnowledgeBase.open(kb_folder) as kb:
        assert kb.status().documents == 4


def test_a_folder_can_be_distrusted(ragcl: Any, docs: Path) -> None:
    ragcl("ingest", docs, "--untrusted")
    assert "(untrusted: never learned from)" in ragcl("status").stdout
    assert "(never learned: untrusted)" in ragcl("search", QUESTION).stdout

    ragcl("ingest", docs, "--trusted")

    assert "untrusted" not in ragcl("status").stdout + ragcl("search", QUESTION).stdout


# --- what every command line does


@pytest.mark.parametrize("arguments", [[], ["ask"], ["models"], ["ingest"]])
def test_help_names_no_type_for_what_takes_no_value(arguments: list[str]) -> None:
    text = CliRunner().invoke(app, [*arguments, "--help"]).stdout

    assert "--help" in text
    assert "bool" not in text.lower()


def test_the_version_and_a_short_way_to_help() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"ragcl {__version__}\n"
    for arguments in ([], ["ask"], ["models"], ["models", "pull"]):
        short, long = (CliRunner().invoke(app, [*arguments, one]) for one in ("-h", "--help"))
        assert (short.exit_code, short.stdout) == (0, long.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", QUESTION),
        ("chat",),
        ("search", QUESTION),
        ("status",),
        ("explain", "1"),
        ("evaluate", "questions.jsonl"),
        ("evaluate", "--history"),
        ("feedback", "1", "--rating", "1"),
        ("rollback",),
        ("forget", "berths.md"),
        ("consolidate",),
        ("doctor",),
    ],
)
def test_a_mistyped_knowledge_base_is_named_and_not_made(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    mistyped = tmp_path / "kb\nx"

    for _ in range(2):
        result = CliRunner().invoke(app, ["--kb", str(mistyped), *arguments])
        assert result.exit_code == 2
        [line] = result.stderr.splitlines()
        assert f"no knowledge base in {tmp_path / 'kb'}\\u000ax: name its folder" in line
        assert not mistyped.exists()


def test_a_lost_catalog_is_for_the_doctor(full: Any, kb_folder: Path) -> None:
    (kb_folder / "catalog.sqlite").unlink()

    result = full("doctor")

    assert result.exit_code == 1
    assert "restore catalog.sqlite from a copy" in result.stdout


def test_whoever_has_read_enough_hears_nothing_more(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    ran = subprocess.run(
        [sys.executable, "-m", "ragcl", "models", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "RAGCL_CACHE": str(tmp_path)},
        text=True,
    )

    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_what_the_encoding_of_the_terminal_has_not_is_shown_as_an_escape(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "Zoë 港"
    KnowledgeBase.open(folder).close()
    terminal = CliRunner(charset="latin-1")

    shown = terminal.invoke(app, ["--kb", str(folder), "status"])
    written = terminal.invoke(app, ["--kb", str(folder), "status", "--json"])

    assert shown.stdout.startswith(f"{tmp_path}/Zoë \\u6e2f: 0 documents")
    assert json.loads(written.stdout)["path"] == str(folder)


def test_bytes_that_are_no_text_are_refused_as_a_question(full: Any, kb_folder: Path) -> None:
    typed = b"\xff?\nHow deep is the north berth?\n"

    result = CliRunner().invoke(app, ["--kb", str(kb_folder), "chat", "--json"], input=typed)

    assert "half of a character" in result.stderr
    assert json.loads(result.stdout)["route"] == "context"


def test_no_name_of_a_file_begins_a_line_of_its_own(
    full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "k\nragcl: all lost\x1b[31m"
    told = ConsolidationReport(1, "promoted", f"as {name}", report_path=f"{name}/report.md")
    monkeypatch.setattr(KnowledgeBase, "consolidate", lambda *_, **__: told)

    printed = full("consolidate").stdout

    assert "k\\u000aragcl: all lost\\u001b[31m" in printed
    assert not any(line.startswith("ragcl:") for line in printed.splitlines())
