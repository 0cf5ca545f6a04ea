"""What the folder holds and what changed: never opens a file, never loses one."""

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from ingest import KnownFile, Scan, Skipped, SourceFile, plan, scan, sha256, together
from ingest.sources import RACY_NS

LIMIT = 1_000
OLD = 1_000_000_000_000_000_000
LATER = OLD + 100 * RACY_NS


def source(path: str, size: int = 5, mtime_ns: int = OLD, ctime_ns: int = OLD) -> SourceFile:
    return SourceFile(path, Path("/docs") / path, size, mtime_ns, ctime_ns)


def known(size: int = 5, mtime_ns: int = OLD, ctime_ns: int = OLD, checked_ns: int = LATER):
    return KnownFile(size, mtime_ns, ctime_ns, "0" * 64, checked_ns)


def seen(*files: SourceFile, skipped: tuple[Skipped, ...] = ()) -> Scan:
    return Scan(files, skipped, LATER)


def write(path: Path, text: str = "hello") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_scan_lists_readable_files_by_relative_posix_path(tmp_path: Path) -> None:
    write(tmp_path / "z.md")
    write(tmp_path / "a" / "deep" / "B.TXT", "12345678")
    found = scan(tmp_path, max_bytes=LIMIT)
    assert [file.path for file in found.files] == ["a/deep/B.TXT", "z.md"]
    assert found.files[0].size == 8
    assert found.files[0].absolute.read_text() == "12345678"
    assert found.skipped == ()


def test_hidden_files_and_office_locks_are_passed_over_in_silence(tmp_path: Path) -> None:
    write(tmp_path / ".hidden.md")
    write(tmp_path / ".git" / "notes.md")
    write(tmp_path / "~$report.docx")
    write(tmp_path / "sub" / "Desktop.ini")
    write(tmp_path / "Thumbs.db")
    found = scan(tmp_path, max_bytes=LIMIT)
    assert (found.files, found.skipped) == ((), ())


def paths(folder: Path, **patterns: tuple[str, ...]) -> list[str]:
    found = scan(folder, max_bytes=LIMIT, **patterns)
    assert found.skipped == ()
    return [file.path for file in found.files]


def test_gitignore_files_hold_below_them_and_the_nearest_decides(tmp_path: Path) -> None:
    for path in ("a.md", "a.log", "keep.log", "build/a.md", "sub/build/a.md", "sub/x.log"):
        write(tmp_path / path)
    write(tmp_path / "sub" / "deep" / "y.log")
    write(tmp_path / ".gitignore", "# comment\n*.log\n!keep.log\n/build/\n\n")
    write(tmp_path / "sub" / ".gitignore", "!x.log\ndeep/*\n")
    assert paths(tmp_path) == ["a.md", "keep.log", "sub/build/a.md", "sub/x.log"]


@pytest.mark.parametrize(("stored", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_pattern_holds_in_any_unicode_form(tmp_path: Path, stored: str, typed: str) -> None:
    def name(form: str, text: str) -> str:
        return unicodedata.normalize(form, text)

    write(tmp_path / name(stored, "Café") / name(stored, "Menü.md"))
    write(tmp_path / name(stored, "Büro.md"))
    [menu, office] = [f"{name(stored, 'Café')}/{name(stored, 'Menü.md')}", name(stored, "Büro.md")]
    assert paths(tmp_path, exclude=(name(typed, "Büro*"),)) == [menu]
    assert paths(tmp_path, include=(name(typed, "Café/M?nü.md"),)) == [menu]
    write(tmp_path / name(stored, "Café") / ".gitignore", name(typed, "Menü.md\n"))
    assert paths(tmp_path) == [office]


def test_a_file_in_an_ignored_folder_cannot_be_brought_back(tmp_path: Path) -> None:
    write(tmp_path / "out" / "a.md")
    write(tmp_path / "out" / ".gitignore", "!a.md\n")
    write(tmp_path / ".gitignore", "out\n!out/a.md\n")
    assert paths(tmp_path) == []


def test_patterns_of_the_user_include_and_exclude(tmp_path: Path) -> None:
    for path in ("a.md", "a.txt", "old/b.md", "drafts/c.md"):
        write(tmp_path / path)
    write(tmp_path / ".gitignore", "!drafts\n")
    assert paths(tmp_path, include=("*.md",)) == ["a.md", "drafts/c.md", "old/b.md"]
    assert paths(tmp_path, include=("*.md",), exclude=("drafts", "/old/")) == ["a.md"]
    with pytest.raises(ValueError, match="patterns"):
        scan(tmp_path, max_bytes=LIMIT, exclude=("[z-a]",))


def test_what_becomes_ignored_is_deleted() -> None:
    assert plan(seen(), {"now-ignored.md": known()}).deleted == ("now-ignored.md",)


def test_a_hostile_gitignore_costs_nothing(tmp_path: Path) -> None:
    write(tmp_path / ("a" * 200 + ".md"))
    write(tmp_path / ".gitignore", "*a" * 30 + "b\n[z-a]\n" + "x" * 50_000 + "\n")
    write(tmp_path / "large" / "a.md")
    write(tmp_path / "large" / ".gitignore", "a.md\n" * 50_000)
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary" / ".gitignore").write_bytes(b"\xff\xfe\x00*\n")
    write(tmp_path / "binary" / "a.md")
    assert len(paths(tmp_path)) == 3


def test_a_gitignore_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside", "a.md")
    write(tmp_path / "docs" / "a.md")
    try:
        (tmp_path / "docs" / ".gitignore").symlink_to(tmp_path / "outside")
    except OSError:
        pytest.skip("this system does not let us make links")
    assert paths(tmp_path / "docs") == ["a.md"]


def test_what_is_not_read_is_named_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path / "big.md", "x" * (LIMIT + 1))
    write(tmp_path / "photo.xyz")
    write(tmp_path / "LICENSE")
    write(tmp_path / "old.ZIP")
    reasons = {one.path: one.reason for one in scan(tmp_path, max_bytes=LIMIT).skipped}
    assert reasons == {
        "big.md": "too large: 1,001 bytes, the limit is 1,000",
        "photo.xyz": "no reader for .xyz",
        "LICENSE": "no reader for a name without a suffix",
        "old.ZIP": "an archive is not opened: unpack it into the folder",
    }


def test_links_are_not_followed_out_of_the_folder_or_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.md")
    docs = tmp_path / "docs"
    write(docs / "real.md")
    try:
        (docs / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
        (docs / "folder").symlink_to(tmp_path / "outside", target_is_directory=True)
        (docs / "circle").symlink_to(docs, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let us make links")
    found = scan(docs, max_bytes=LIMIT)
    assert [file.path for file in found.files] == ["real.md"]
    assert [one.path for one in found.skipped] == ["circle", "folder", "link.md"]
    assert all(one.gone for one in found.skipped)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_skipped_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert scan(tmp_path, max_bytes=LIMIT).skipped[0].reason == "not a regular file"


def test_a_root_that_is_no_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scan(tmp_path / "nowhere", max_bytes=LIMIT)
    with pytest.raises(NotADirectoryError, match=r"note\.md is a file"):
        scan(write(tmp_path / "note.md"), max_bytes=LIMIT)


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "locked" / "inside.md")
    write(tmp_path / "open.md")
    list_folder = os.scandir

    def refuse(folder: Path):
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan(tmp_path, max_bytes=LIMIT)
    assert [file.path for file in found.files] == ["open.md"]
    assert found.skipped == (Skipped("locked", "folder cannot be listed: permission denied"),)
    assert plan(found, {"locked/inside.md": known(), "gone.md": known()}).deleted == ("gone.md",)


def test_new_files_are_read_and_equal_stamps_are_not() -> None:
    todo = plan(seen(source("new.md"), source("same.md")), {"same.md": known()})
    assert [file.path for file in todo.to_read] == ["new.md"]
    assert todo.unchanged == ("same.md",)


@pytest.mark.parametrize(
    "changed",
    [source("a.md", size=6), source("a.md", mtime_ns=OLD + 1), source("a.md", ctime_ns=OLD + 1)],
)
def test_any_stamp_that_differs_makes_a_file_worth_reading(changed: SourceFile) -> None:
    assert plan(seen(changed), {"a.md": known()}).to_read == (changed,)


@pytest.mark.parametrize("offset", [-RACY_NS, -1, 0, 1, RACY_NS])
@pytest.mark.parametrize("stamp", ["mtime_ns", "ctime_ns"])
def test_stamps_too_near_the_last_look_are_not_trusted(stamp: str, offset: int) -> None:
    fresh = {stamp: LATER + offset}
    todo = plan(seen(source("a.md", **fresh)), {"a.md": known(**fresh)})
    assert [file.path for file in todo.to_read] == ["a.md"]


def test_a_second_look_makes_a_racy_file_trusted_again() -> None:
    fresh = {"mtime_ns": LATER, "ctime_ns": LATER}
    again = known(**fresh, checked_ns=LATER + RACY_NS + 1)
    assert plan(seen(source("a.md", **fresh)), {"a.md": again}).unchanged == ("a.md",)


def test_only_what_is_certainly_gone_is_deleted() -> None:
    skipped = (
        Skipped("grown.md", "too large"),
        Skipped("locked", "folder cannot be listed"),
        Skipped("now-a-link.md", "a symbolic link", gone=True),
    )
    before = ["grown.md", "locked/a/b.md", "locked.md", "now-a-link.md", "removed.md"]
    todo = plan(seen(skipped=skipped), {path: known() for path in before})
    assert todo.deleted == ("locked.md", "now-a-link.md", "removed.md")
    assert todo.kept == skipped[:2]


@pytest.mark.parametrize("year", [1, 1700, 2262, 2400])
def test_a_stamp_that_no_catalog_could_hold_is_the_last_that_it_can(
    tmp_path: Path, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.md")
    looked = os.stat(path)
    ns = (year - 1970) * 365 * 86_400 * 10**9

    class Stamped:
        st_mode, st_size, st_ctime_ns = looked.st_mode, looked.st_size, ns
        st_mtime_ns = ns

    look = os.stat
    monkeypatch.setattr(
        os, "stat", lambda one, **how: Stamped if str(one) == str(path) else look(one, **how)
    )
    [file] = scan(tmp_path, max_bytes=LIMIT).files
    assert -(2**63) < file.mtime_ns < 2**63 - 1
    assert file.mtime_ns == ns or abs(ns) > abs(file.mtime_ns)


def test_scans_of_folders_within_add_what_they_show(tmp_path: Path) -> None:
    hidden = Scan((source("x.md"),), (Skipped("y", "no reader"),), LATER)
    whole = seen(source("a.md"), source("sub/b.md"))
    found = together(
        whole,
        {".in": hidden, "sub": seen(source("b.md")), "locked": Skipped("locked", "not listed")},
    )
    assert [file.path for file in found.files] == [".in/x.md", "a.md", "sub/b.md"]
    assert [one.path for one in found.skipped] == [".in/y", "locked"]


def test_a_scanned_folder_is_unchanged_once_time_has_passed(tmp_path: Path) -> None:
    write(tmp_path / "a.md")
    first = scan(tmp_path, max_bytes=LIMIT)
    file = first.files[0]
    digest = sha256(file.absolute)
    assert digest == hashlib.sha256(b"hello").hexdigest()
    much_later = first.started_ns + 10 * RACY_NS
    last = KnownFile(file.size, file.mtime_ns, file.ctime_ns, digest, much_later)
    assert plan(scan(tmp_path, max_bytes=LIMIT), {"a.md": last}).unchanged == ("a.md",)
