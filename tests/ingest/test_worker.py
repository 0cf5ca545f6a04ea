"""The child process: the same documents as reading directly, and every bomb is one line."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import FileReader, ReadError, read

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory limits are enforced on Linux")


@pytest.fixture(scope="module")
def reader() -> Iterator[FileReader]:
    with FileReader() as shared:
        yield shared


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def word_bomb(path: Path, megabytes: int) -> Path:
    """A Word document whose one paragraph is far larger than the file."""
    opening = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body>"
    )
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    piece = "<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 30_000  # about a megabyte
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("[Content_Types].xml", types)
        made.writestr("_rels/.rels", relations)
        with made.open("word/document.xml", "w", force_zip64=True) as member:
            text = io.TextIOWrapper(member, encoding="utf-8", write_through=True)
            text.write(opening)
            for _ in range(megabytes):
                text.write(piece)
            text.write("</w:body></w:document>")
            text.detach()
    return path


def test_a_document_is_what_reading_directly_gives(reader: FileReader, tmp_path: Path) -> None:
    text = "# Höhe\n\nText \u2028 here.\n\n| a | b |\n|-|-|\n| 1 | 2 |"
    path = write(tmp_path / "ä note.md", f"---\ntags: [ä, b]\n---\n\n{text}")
    assert reader.read(path) == read(path)


def test_a_read_error_is_the_same_line(reader: FileReader, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(ReadError, match="not a PDF: it looks like a PNG image"):
        reader.read(path)


def test_the_child_is_started_late_kept_and_ended(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "text")
    with FileReader() as reader:
        assert reader._child is None
        reader.read(path)
        child = reader._child
        assert child is not None
        reader.read(path)
        assert reader._child is child
    assert child.returncode is not None


def test_a_relative_path_is_that_of_the_caller(
    reader: FileReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.md", "text")
    monkeypatch.chdir(tmp_path)
    assert reader.read(Path("a.md")).sections[0].text == "text"


def test_modules_in_the_current_folder_are_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("csv", "docx", "ingest", "json"):
        write(tmp_path / f"{module}.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    with FileReader() as reader:
        assert reader.read(write(tmp_path / "a.csv", "a,b\n1,2\n")).sections
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.md")  # opening it waits for a writer that never comes
    with FileReader(seconds=0.5) as reader:
        with pytest.raises(ReadError, match=r"took longer than 0\.5 s"):
            reader.read(tmp_path / "endless.md")
        reader.seconds = 60
        assert reader.read(write(tmp_path / "a.md", "text")).sections[0].text == "text"


@LINUX
def test_a_file_that_needs_too_much_memory_is_one_line(tmp_path: Path) -> None:
    bomb = word_bomb(tmp_path / "bomb.docx", megabytes=40)
    assert bomb.stat().st_size < 4_000_000
    with FileReader(memory_mb=200) as reader:
        with pytest.raises(ReadError, match="needs more than 200 MB to read"):
            reader.read(bomb)
        assert reader.read(write(tmp_path / "a.md", "text")).sections[0].text == "text"


def test_a_file_with_too_much_text_is_refused(tmp_path: Path) -> None:
    with (
        FileReader(max_chars=100) as reader,
        pytest.raises(ReadError, match="holds 101 characters of text, the limit is 100"),
    ):
        reader.read(write(tmp_path / "a.txt", "x" * 101))


def test_a_child_that_is_killed_is_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "text")
    with FileReader() as reader:
        reader.read(path)
        assert reader._child is not None
        reader._child.kill()
        reader._child.wait()
        assert reader.read(path).sections[0].text == "text"


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    with FileReader() as reader:
        reader.memory_mb = "none"  # type: ignore[assignment]
        with pytest.raises(ReadError, match=r"died on it .*invalid literal for int"):
            reader.read(write(tmp_path / "a.md", "text"))


def test_a_system_that_starts_no_child_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.txt", "Fine.")
    with FileReader() as reader, monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "no-python"))
        with pytest.raises(ReadError, match="no process could be started to read it in"):
            reader.read(path)
        patch.undo()
        assert reader.read(path).sections


def test_the_child_ends_when_its_input_ends() -> None:
    command = [sys.executable, "-m", "ingest.worker", "60", "1024", "1000"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=True)
    assert done.stdout == b""


def test_importing_the_package_loads_no_parser() -> None:
    code = (
        "import sys, ingest; heavy = {'docx', 'pypdf', 'lxml', 'markdown_it', 'charset_normalizer',"
        " 'defusedxml', 'docutils', 'email', 'openpyxl', 'oxmsg', 'pptx', 'xlrd', 'yaml',"
        " 'langchain_text_splitters', 'torch', 'ragcl'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
