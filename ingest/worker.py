"""Reads files in a child process under limits, so that a decompression bomb is one failed file.

`python -m ingest.worker` is the child: for each path, a line of JSON on standard input, it writes a
document or an error, a line of JSON on standard output. Nothing is pickled, and the user's main
module is never imported. Knows no format: see `readers`.
"""

import dataclasses
import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ingest.cleaning import one_line
from ingest.errors import ReadError
from ingest.readers import Document, Section, read

_GRACE_SECONDS = 5
_HALF = re.compile("[\ud800-\udfff]")


class FileReader:
    """Reads files in a child process, which is restarted if a file kills it.

    The child starts with the first read and then costs about a millisecond for each file. May be
    used from several threads, one at a time.

    Args:
        seconds: The maximum time for one file.
        memory_mb: The address space of the child, of which Python and the parsers need about
            150 MB (not enforced on Windows and macOS).
        max_chars: The maximum number of characters of a file's text.
    """

    def __init__(
        self, seconds: float = 60, memory_mb: int = 1024, max_chars: int = 5_000_000
    ) -> None:
        """Set the limits; the child is not started yet."""
        self.seconds = seconds
        self.memory_mb = memory_mb
        self.max_chars = max_chars
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Nothing to do: the child starts with the first read."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

    def read(self, path: Path) -> Document:
        """Read one file as `readers.read` does.

        Raises:
            ReadError: For the reasons of `readers.read`, or a limit was reached.
        """
        with self._lock:
            reply = self._ask(path)
        if "error" in reply:
            raise ReadError(one_line(reply["error"]))
        sections = tuple(
            Section(
                **{
                    **section,
                    "heading": tuple(section["heading"]),
                    "ends": tuple(map(tuple, section["ends"])),
                }
            )
            for section in reply["sections"]
        )
        metadata = {key: tuple(values) for key, values in reply["metadata"].items()}
        return Document(
            reply["title"],
            reply["media_type"],
            sections,
            metadata,
            tuple(reply["notes"]),
            reply["sha256"],
        )

    def close(self) -> None:
        """End the child; the next read starts another."""
        with self._lock:
            self._end()

    def _ask(self, path: Path) -> dict[str, Any]:
        """The child's reply about one file."""
        child = self._running()
        to_child, from_child = child.stdin, child.stdout
        if to_child is None or from_child is None:
            raise RuntimeError("the child was started without pipes")
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self.seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            to_child.write(json.dumps(os.fspath(path.absolute())).encode() + b"\n")
            to_child.flush()
            line = from_child.readline()
        except OSError:  # the child is gone
            line = b""
        except BaseException:  # interrupted: the child's late reply would answer the next read
            self._end()
            raise
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            reply: dict[str, Any] = json.loads(line)
            if reply.get("spent"):
                self._end()
            return reply
        reason = self._last_words()
        self._end()
        if late.is_set():
            raise ReadError(f"took longer than {self.seconds:g} s to read")
        raise ReadError(f"the reading process died on it{reason}")

    def _running(self) -> subprocess.Popen[bytes]:
        """The child, started if there is none."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _end
        home = str(Path(__file__).resolve().parent.parent)
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        search = os.pathsep.join([home, *(entry for entry in inherited if entry)])
        limits = [str(self.seconds), str(self.memory_mb), str(self.max_chars)]
        try:
            self._child = subprocess.Popen(
                # -P: no module is ever taken from the current folder, which may be the documents'.
                # -W ignore: what a child leaves on standard error is to say how it died.
                [sys.executable, "-P", "-W", "ignore", "-m", "ingest.worker", *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env={**os.environ, "PYTHONPATH": search},
            )
        except OSError as error:  # which says nothing of the file
            raise ReadError(f"no process could be started to read it in: {error}") from error
        return self._child

    def _end(self) -> None:
        """Kill the child, if there is one, and let go of its pipes."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:  # unsent bytes to a child that is gone
                        continue
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def _last_words(self) -> str:
        """How the child ended, and the last line of its standard error."""
        if self._child is None or self._complaints is None:
            return ""
        code = self._child.wait()
        self._complaints.seek(0)
        lines = self._complaints.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f" ({ended}: {lines[-1]})" if lines else f" ({ended})"


def main(arguments: list[str]) -> None:
    """The child: answer each line of standard input until it ends."""
    seconds, memory_mb, max_chars = float(arguments[0]), int(arguments[1]), int(arguments[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act on
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    _limit(memory_mb)
    # The replies keep the pipe for themselves: whatever a parser prints goes nowhere.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        if hasattr(signal, "alarm"):  # for a child whose parent was killed in the middle
            signal.alarm(math.ceil(seconds) + _GRACE_SECONDS)
        replies.write(_answer(Path(json.loads(line)), memory_mb, max_chars) + b"\n")
        replies.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _answer(path: Path, memory_mb: int, max_chars: int) -> bytes:
    """The document, or why there is none, as JSON."""
    try:
        document = read(path)
        chars = sum(len(section.text) for section in document.sections)
        if chars > max_chars:
            raise ReadError(f"holds {chars:,} characters of text, the limit is {max_chars:,}")
        # A lone surrogate, as an escape in JSON may leave, cannot be encoded.
        reply = json.dumps(dataclasses.asdict(document), ensure_ascii=False)
        return _HALF.sub("\ufffd", reply).encode()
    except ReadError as error:
        return json.dumps({"error": str(error)}).encode()
    except MemoryError:
        # The memory left may be fragmented: this process must not read another file.
        error_text = f"needs more than {memory_mb:,} MB to read"
        return json.dumps({"error": error_text, "spent": True}).encode()


def _limit(memory_mb: int) -> None:
    """Cap the memory of this process, and leave no core files, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    size = memory_mb * 1024 * 1024
    for what, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, size)):
        try:
            resource.setrlimit(what, (value, value))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS; or the hard limit is lower already
            continue


if __name__ == "__main__":
    main(sys.argv[1:])
