"""A file is one document however it is reached, and a folder can be forgotten."""

import json
import os
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ragcl import KnowledgeBase
from ragcl.cli import app
from ragcl.errors import FolderUnavailableError, UsageError
from ragcl.files import places

QUESTION = "What does the crane lift?"


@pytest.fixture
def outer(tmp_path: Path) -> Path:
    """A folder with a document, and one within it with another."""
    folder = tmp_path / "port"
    (folder / "yard").mkdir(parents=True)
    (folder / "pilots.md").write_text("# Pilots\n\nPilots board at the red buoy.\n")
    crane(folder / "yard").write_text("# Crane\n\nThe crane lifts 40 t.\n")
    return folder


def crane(folder: Path) -> Path:
    return folder / "crane.md"


def said(kb: KnowledgeBase) -> set[str]:
    return {hit.text for hit in kb.search(QUESTION, k=50)}


def sources(kb: KnowledgeBase) -> set[tuple[str, str]]:
    return {(hit.root, hit.source) for hit in kb.search(QUESTION, k=50)}


# --- one document


@pytest.mark.parametrize("first", ["inner", "outer"])
@pytest.mark.parametrize("then", ["inner", "outer"])
def test_an_edit_through_either_folder_leaves_nothing_of_before(
    kb: KnowledgeBase, outer: Path, first: str, then: str
) -> None:
    folders = {"inner": outer / "yard", "outer": outer}
    other = "outer" if first == "inner" else "inner"
    for name in (first, other):
        kb.ingest(folders[name])
    assert kb.status().documents == 2

    crane(outer / "yard").write_text("# Crane\n\nThe crane lifts 55 t.\n")
    report = kb.ingest(folders[then])

    assert report.updated == [{"inner": "crane.md", "outer": "yard/crane.md"}[then]]
    assert said(kb) == {"Pilots board at the red buoy.", "The crane lifts 55 t."}
    crane(outer / "yard").unlink()
    assert kb.ingest(folders[then]).deleted == report.updated
    assert said(kb) == {"Pilots board at the red buoy."}
    assert kb.status().documents == 1


def test_a_folder_taken_into_a_wider_one_is_not_read_again(kb: KnowledgeBase, outer: Path) -> None:
    kb.ingest(outer / "yard")
    os.utime(crane(outer / "yard"), (1_600_000_000, 1_600_000_000))

    report = kb.ingest(outer)

    assert report.added == ["pilots.md"]
    assert report.unchanged == ["yard/crane.md"]
    assert (report.chunks_added, report.chunks_removed) == (1, 0)
    assert sources(kb) == {(str(outer), "pilots.md"), (str(outer), "yard/crane.md")}


def test_a_folder_that_was_renamed_within_a_wider_one_leaves_no_ghost(
    kb: KnowledgeBase, outer: Path
) -> None:
    kb.ingest(outer / "yard")
    kb.ingest(outer)
    (outer / "yard").rename(outer / "quay")

    report = kb.ingest(outer)

    assert (report.added, report.deleted) == (["quay/crane.md"], ["yard/crane.md"])
    assert {source for _, source in sources(kb)} == {"pilots.md", "quay/crane.md"}


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_and_a_relative_path_lead_to_the_same_documents(
    kb: KnowledgeBase, outer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(outer, target_is_directory=True)
    monkeypatch.chdir(outer)
    for way in (tmp_path / "link", ".", "yard/..", tmp_path / "link" / "yard", "yard", outer):
        kb.ingest(way)

    assert kb.status().documents == 2
    assert kb.status().roots == [str(outer), str(outer / "yard")]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_folder_that_moved_behind_a_link_stays_the_same(
    kb: KnowledgeBase, outer: Path, tmp_path: Path
) -> None:
    kb.ingest(outer)
    kb.ingest(outer / "yard")
    moved = tmp_path / "drive"
    outer.rename(moved)
    outer.symlink_to(moved, target_is_directory=True)
    crane(moved / "yard").write_text("# Crane\n\nThe crane lifts 55 t.\n")

    assert kb.ingest(moved / "yard").updated == ["crane.md"]
    assert kb.ingest(outer).updated == []
    assert kb.status().documents == 2
    assert said(kb) == {"Pilots board at the red buoy.", "The crane lifts 55 t."}


def test_a_hidden_folder_that_was_ingested_for_itself_stays(kb: KnowledgeBase, outer: Path) -> None:
    hidden = outer / ".notes"
    (outer / "yard").rename(hidden)
    kb.ingest(hidden)
    kb.ingest(outer)
    assert len(sources(kb)) == 2

    crane(hidden).write_text("# Crane\n\nThe crane lifts 55 t.\n")
    assert kb.ingest(outer).updated == [".notes/crane.md"]

    shutil.rmtree(hidden)
    assert kb.ingest(outer).deleted == [".notes/crane.md"]
    assert said(kb) == {"Pilots board at the red buoy."}


def test_what_only_the_wider_folder_shows_outlives_an_ingest_of_the_inner_one(
    kb_folder: Path, outer: Path
) -> None:
    """A pattern that is anchored means another place in each folder."""
    with (kb_folder / "ragcl.toml").open("a") as config:
        config.write('\n[ingest]\nexclude = ["/crane.md"]\n')
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(outer)
        report = kb.ingest(outer / "yard")
        assert (report.unchanged, report.deleted) == (["crane.md"], [])
        crane(outer / "yard").unlink()
        assert kb.ingest(outer / "yard").deleted == ["crane.md"]


def test_a_drive_within_a_folder_that_is_not_mounted_keeps_its_documents_where_asked_to(
    kb: KnowledgeBase, outer: Path
) -> None:
    kb.ingest(outer)
    kb.ingest(outer / "yard")
    crane(outer / "yard").unlink()  # an empty mount point

    report = kb.ingest(outer, allow_empty=False)

    assert report.deleted == []
    assert "The crane lifts 40 t." in said(kb)
    assert [one.path for one in (*report.failed, *report.skipped)] == ["yard"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_in_the_place_of_an_inner_folder_is_not_followed(
    kb: KnowledgeBase, outer: Path, tmp_path: Path
) -> None:
    kb.ingest(outer / "yard")
    kb.ingest(outer)
    (outer / "yard").rename(tmp_path / "away")
    (outer / "yard").symlink_to(tmp_path / "away", target_is_directory=True)

    assert kb.ingest(outer).deleted == ["yard/crane.md"]
    assert said(kb) == {"Pilots board at the red buoy."}


# --- trust


@pytest.mark.parametrize("order", ["inner first", "outer first"])
@pytest.mark.parametrize("distrusted", ["inner", "outer"])
def test_the_stricter_trust_wins(
    kb: KnowledgeBase, outer: Path, order: str, distrusted: str
) -> None:
    folders = {"inner": outer / "yard", "outer": outer}
    names = ["inner", "outer"] if order == "inner first" else ["outer", "inner"]
    for name in names:
        kb.ingest(folders[name], trusted=name != distrusted)
    kb.ingest(outer)

    flags = {hit.source: hit.flags for hit in kb.search(QUESTION, k=50)}

    assert flags["yard/crane.md"] == ("untrusted",)
    assert flags["pilots.md"] == (("untrusted",) if distrusted == "outer" else ())
    hashes = [hit.content_hash for hit in kb.search(QUESTION, k=50) if "crane" in hit.text]
    assert kb.catalog.documents.learnable_hashes(hashes) == frozenset()
    assert str(outer / "yard") in kb.status().untrusted
    kb.ingest(folders[distrusted], trusted=True)
    assert kb.catalog.documents.learnable_hashes(hashes) == frozenset(hashes)


def test_an_inner_folder_that_cannot_be_trusted_is_said(
    kb: KnowledgeBase, outer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kb.ingest(outer, trusted=False)
    kb.ingest(outer / "yard", trusted=True)

    assert f"{outer / 'yard'} stays untrusted, as {outer} is" in caplog.text


def test_an_untrusted_folder_that_comes_back_is_still_untrusted(
    kb: KnowledgeBase, outer: Path
) -> None:
    kb.ingest(outer / "yard", trusted=False)
    kb.ingest(outer)
    shutil.move(outer / "yard", outer.parent / "away")
    kb.ingest(outer)
    shutil.move(outer.parent / "away", outer / "yard")
    kb.ingest(outer)

    assert {hit.source: hit.flags for hit in kb.search(QUESTION, k=50)}["yard/crane.md"]


# --- forgetting a folder


@pytest.mark.parametrize("named", ["path", "as citations do"])
def test_a_part_of_a_folder_is_forgotten_with_its_traces(
    kb: KnowledgeBase, outer: Path, named: str
) -> None:
    kb.ingest(outer)
    kb.ask(QUESTION)

    report = kb.forget(outer / "yard" if named == "path" else "yard/")

    assert (report.documents, report.chunks_removed, report.on_disk) == (1, 1, True)
    assert said(kb) == {"Pilots board at the red buoy."}
    assert "crane lifts" not in json.dumps([dict(one.trace) for one in kb.catalog.asks.log()])
    assert kb.status().roots == [str(outer)]


@pytest.mark.parametrize("gone", [False, True])
def test_a_root_is_forgotten_with_all_that_is_in_it(
    kb: KnowledgeBase, outer: Path, gone: bool
) -> None:
    kb.ingest(outer / "yard")
    kb.ask(QUESTION)  # which cites the inner folder
    kb.ingest(outer)
    if gone:
        shutil.rmtree(outer)

    report = kb.forget(outer)

    assert (report.documents, report.on_disk) == (2, not gone)
    status = kb.status()
    assert (status.documents, status.chunks, status.roots, status.asks) == (0, 0, [], 0)
    with pytest.raises(UsageError, match="neither a document nor a folder"):
        kb.forget(outer)


def test_a_folder_that_holds_roots_is_forgotten_with_them(
    kb: KnowledgeBase, outer: Path, docs: Path, tmp_path: Path
) -> None:
    kb.ingest(outer)
    kb.ingest(docs)

    assert kb.forget(tmp_path).documents == 6
    assert kb.status().roots == []


def test_a_file_in_two_roots_is_forgotten_by_either_name(kb: KnowledgeBase, outer: Path) -> None:
    kb.ingest(outer / "yard")
    kb.ask(QUESTION)
    kb.ingest(outer)

    assert kb.forget(crane(outer / "yard")).chunks_removed == 1
    assert kb.status().asks == 0
    assert said(kb) == {"Pilots board at the red buoy."}


def test_forgetting_an_untrusted_part_does_not_make_it_learnable(
    kb: KnowledgeBase, outer: Path
) -> None:
    kb.ingest(outer / "yard", trusted=False)
    kb.ingest(outer)

    kb.forget(outer / "yard")
    kb.ingest(outer)

    assert {hit.source: hit.flags for hit in kb.search(QUESTION, k=50)}["yard/crane.md"]


def test_a_name_that_two_folders_share_asks_for_the_full_path(
    kb: KnowledgeBase, outer: Path, tmp_path: Path
) -> None:
    shutil.copytree(outer, tmp_path / "other")
    kb.ingest(outer)
    kb.ingest(tmp_path / "other")

    with pytest.raises(UsageError, match="names 2 folders: give the full path"):
        kb.forget("yard")


# --- a folder that is gone


@pytest.fixture
def ragcl(kb_folder: Path) -> Any:
    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["--kb", str(kb_folder), *map(str, arguments)])

    return run


def test_a_root_that_is_gone_is_said_with_the_remedy(ragcl: Any, outer: Path) -> None:
    ragcl("ingest", outer)
    outer.rename(outer.with_name("renamed"))
    remedy = f"ragcl forget {outer}"

    assert remedy in ragcl("status").stdout
    assert json.loads(ragcl("status", "--json").stdout)["missing"] == [str(outer)]
    doctor = ragcl("doctor")
    assert (doctor.exit_code, remedy in doctor.stdout) == (1, True)
    again = ragcl("ingest", outer)
    assert (again.exit_code, remedy in again.stderr) == (2, True)

    forgotten = ragcl("forget", outer)
    assert (forgotten.exit_code, "2 documents, 2 chunks forgotten" in forgotten.stdout) == (0, True)
    assert json.loads(ragcl("status", "--json").stdout)["missing"] == []
    assert ragcl("doctor").exit_code == 0


def test_a_drive_that_does_not_answer_is_a_folder_that_is_unavailable(
    kb: KnowledgeBase, outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb.ingest(outer)

    def fail(_path: object) -> object:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(FolderUnavailableError, match=r"Stale file handle.*ragcl forget"):
        kb.ingest(outer)


# --- places


def test_where_a_place_lies_in_another(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)

    assert places.within(tmp_path / "a" / "b", tmp_path) == "a/b"
    assert places.within(tmp_path / "gone" / "b", tmp_path) == "gone/b"
    assert places.within(tmp_path, tmp_path) == ""
    assert places.within(tmp_path, tmp_path / "a") is None
    assert places.within(tmp_path / "ab", tmp_path / "a") is None


def test_a_place_is_spelled_as_its_folder_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that tells neither case nor Unicode forms apart."""
    (tmp_path / "Docs").mkdir()
    look = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: look(str(path).replace("docs", "Docs")))

    assert places.real(tmp_path / "docs") == tmp_path / "Docs"
    assert places.real(tmp_path / "other") == tmp_path / "other"


# --- names in another Unicode form


def in_form(form: str, name: str) -> str:
    return unicodedata.normalize(form, name)


@pytest.fixture(params=[("NFD", "NFC"), ("NFC", "NFD")], ids=["stored NFD", "stored NFC"])
def forms(request: pytest.FixtureRequest, outer: Path) -> tuple[Path, str]:
    """A folder that is on disk in one Unicode form, and its name in the other."""
    stored, typed = request.param
    folder = outer / in_form(stored, "Café")
    folder.mkdir()
    (folder / in_form(stored, "Menü.md")).write_text("# Menu\n\nSoup costs 3 crowns.\n")
    return folder, in_form(typed, "Café/Menü.md")


def test_a_filter_finds_a_name_in_any_form(
    kb: KnowledgeBase, outer: Path, forms: tuple[Path, str]
) -> None:
    folder, typed = forms
    kb.ingest(outer)

    for glob in (typed, f"{typed.partition('/')[0]}*", f"{outer}/{typed}"):
        found = {hit.source for hit in kb.search("soup", source=glob)}
        assert found == {f"{folder.name}/{next(folder.iterdir()).name}"}


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("named", ["path", "as citations do"])
def test_forgetting_finds_a_name_in_any_form(
    kb: KnowledgeBase, outer: Path, forms: tuple[Path, str], gone: bool, whole: bool, named: str
) -> None:
    folder, typed = forms
    kb.ingest(outer)
    if gone:
        shutil.rmtree(folder)
    name = typed.partition("/")[0] if whole else typed

    report = kb.forget(outer / name if named == "path" else name)

    assert (report.documents, report.on_disk) == (1, not gone)
    assert kb.search("soup", source="*Men*") == []


@pytest.mark.parametrize("gone", [False, True])
def test_a_root_is_the_same_in_any_form(
    kb: KnowledgeBase, forms: tuple[Path, str], gone: bool
) -> None:
    folder, typed = forms
    kb.ingest(folder)
    other = folder.with_name(typed.partition("/")[0])
    if gone:
        shutil.rmtree(folder)
    else:
        kb.ingest(other, trusted=False)
        assert [kb.status().roots, kb.status().untrusted] == [[str(folder)]] * 2

    assert kb.forget(other).documents == 1
    assert kb.status().roots == []


def test_a_filter_may_have_the_separators_of_windows(
    kb: KnowledgeBase, outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb.ingest(outer)
    monkeypatch.setattr(places.os, "sep", "\\")

    for glob in ("yard\\*.md", f"{outer}\\yard\\crane.md", "yard/crane.md"):
        assert {hit.source for hit in kb.search(QUESTION, source=glob)} == {"yard/crane.md"}


def test_two_names_that_differ_in_form_alone_are_two_files(kb: KnowledgeBase, outer: Path) -> None:
    for form in ("NFC", "NFD"):
        (outer / in_form(form, "Menü.md")).write_text(f"The {form} soup costs 3 crowns.\n")
    if len(list(outer.glob("M*.md"))) == 1:
        pytest.skip("the file system takes them for one")
    kb.ingest(outer)

    kb.forget(outer / in_form("NFC", "Menü.md"))

    assert {t for t in said(kb) if "soup" in t} == {"The NFD soup costs 3 crowns."}
