"""The errors, one class for each thing that a caller can do about them.

Every message says what was wrong, the value seen and what to do. The exit codes are those of the
command line: 2 for wrong usage, 3 for a knowledge base that is busy or unusable.
"""


class RagclError(Exception):
    """Any error that ragcl raises on purpose; its text is meant for the user."""

    exit_code = 3


class UsageError(RagclError):
    """The call itself is wrong (no such folder, an empty question): correct it and call again."""

    exit_code = 2


class FolderUnavailableError(UsageError):
    """A folder that was ingested before is missing or empty: its drive may not be mounted."""


class SettingsError(RagclError):
    """The settings file or an environment variable has an unknown key or an invalid value."""


class ModelNotFoundError(RagclError):
    """The weights of a model are not on this machine, or are damaged."""


class TeacherUnavailableError(RagclError):
    """The teacher's server does not answer: readings are kept, and a later round continues."""


class ModelMismatchError(RagclError):
    """The knowledge base was built with another embedder; mixing vectors would ruin search."""


class KnowledgeBaseBusyError(RagclError):
    """Another process is writing to this knowledge base: wait for it and try again."""


class CatalogError(RagclError):
    """The catalog cannot be opened or written (damaged, from a newer version, disk full)."""


def check_text(text: str, name: str) -> None:
    """Refuse what no file and no database holds.

    Raises:
        UsageError: `name` holds half of a character, as bytes that are no UTF-8 become.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"character {error.start + 1} of {name} is {text[error.start]!a}, half of a "
            "character: give it as UTF-8."
        ) from error


def check_path(path: str) -> None:
    """Refuse what is no path; an empty one would be the current folder.

    Raises:
        UsageError: it is empty, or holds half of a character or a NUL.
    """
    check_text(path, "the path")
    if not path or "\0" in path:
        raise UsageError(f"{path!r} is no path.")
