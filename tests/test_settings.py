"""Settings: the environment over the file over the defaults, and mistakes are named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ragcl import settings
from ragcl.errors import SettingsError
from ragcl.settings import FILE_NAME, Settings


def write(folder: Path, text: str) -> None:
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert settings.load(tmp_path) == Settings()
    assert settings.load(tmp_path).models.language_model == "default"
    assert settings.load(tmp_path).consolidation.agreement == 0.95


def test_the_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "[answering]\npassages = 7\n")

    loaded = settings.load(tmp_path)

    assert loaded.answering.passages == 7
    assert loaded.answering.false_answers == Settings().answering.false_answers
    assert loaded.consolidation == Settings().consolidation


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "[answering]\npassages = 7\nmax_new_tokens = 5\n")
    monkeypatch.setenv("RAGCL_ANSWERING__PASSAGES", "3")
    monkeypatch.setenv("RAGCL_MODELS__DTYPE", "float32")

    loaded = settings.load(tmp_path)

    assert (loaded.answering.passages, loaded.answering.max_new_tokens) == (3, 5)
    assert loaded.models.dtype == "float32"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[answering]\npassage = 7\n", r"unknown setting 'answering\.passage'"),
        ("[ask]\n", r"unknown setting 'ask'"),
        ("[answering]\npassages = 0\n", r"'answering\.passages' = 0: .*greater than or equal to 1"),
        ("[answering]\npassages = 'x'\n", r"'answering\.passages' = 'x'"),
        ("[models]\ndtype = 'int4'\n", r"'models\.dtype' = 'int4'.*'bfloat16'"),
        ("[consolidation]\nagreement = 1.5\n", r"'consolidation\.agreement' = 1\.5"),
        ("answering = 3\n", r"'answering' = 3"),
        ("[answering\n", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_value(
    tmp_path: Path, text: str, complaint: str
) -> None:
    write(tmp_path, text)

    with pytest.raises(SettingsError, match=complaint) as caught:
        settings.load(tmp_path)

    assert FILE_NAME in str(caught.value)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "[answering]\npassages = 0\nfalse_answers = 9\n")

    with pytest.raises(SettingsError, match=r"passages.*false_answers"):
        settings.load(tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SettingsError, match="is not valid TOML"):
        settings.load(tmp_path)


def test_a_wrong_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGCL_ANSWERING__PASSAGES", "many")
    with pytest.raises(SettingsError, match=r"'answering\.passages' = 'many'"):
        settings.load(tmp_path)

    monkeypatch.setenv("RAGCL_ANSWERING", "{")
    with pytest.raises(SettingsError, match="environment"):
        settings.load(tmp_path)


def test_settings_do_not_change_once_they_are_loaded(tmp_path: Path) -> None:
    loaded = settings.load(tmp_path)

    with pytest.raises(ValidationError, match="frozen"):
        loaded.answering.passages = 9  # type: ignore[misc]


def test_models_are_written_and_all_else_stays_as_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        """\
# Mine.
[answering]
passages = 7   # enough

[models]
embedder = "old"   # for Chinese
query_prompt = "query: "
dtype = "float32"
""",
    )

    settings.write_models(
        tmp_path, {"embedder": "new", "query_prompt": None, "language_model": "default"}
    )

    assert (
        (tmp_path / settings.FILE_NAME).read_text()
        == """\
# Mine.
[answering]
passages = 7   # enough

[models]
embedder = "new"   # for Chinese
dtype = "float32"
"""
    )
    settings.write_models(tmp_path, {"embedder": "default", "language_model": "m"})
    loaded = settings.load(tmp_path).models
    assert (loaded.embedder, loaded.language_model, loaded.dtype) == ("default", "m", "float32")
    assert [path.name for path in tmp_path.iterdir()] == [settings.FILE_NAME]


def test_models_are_written_where_there_is_no_file(tmp_path: Path) -> None:
    settings.write_models(tmp_path, {"language_model": 'odd "name"', "embedder": "default"})

    assert settings.load(tmp_path).models.language_model == 'odd "name"'
    assert "embedder" not in (tmp_path / settings.FILE_NAME).read_text()


def test_a_linked_file_is_written_where_it_is(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    real.write_text("[models]\n")
    real.chmod(0o640)
    (tmp_path / settings.FILE_NAME).symlink_to(real)

    settings.write_models(tmp_path, {"language_model": "m"})

    assert (tmp_path / settings.FILE_NAME).is_symlink()
    assert 'language_model = "m"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
