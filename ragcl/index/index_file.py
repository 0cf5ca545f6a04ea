"""A binary file with a checksum for every block and a header.

    payload | header (JSON) | length of the header (8 bytes) | SHA-256 of the header | magic

The payload comes first, so that a library can map it into memory. The header has a checksum of each
block, so that a reader of only a part can check just that part. Knows nothing of vectors.
"""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

MAGIC = b"RAGCLIX2"
DIGEST = hashlib.sha256().digest_size
BLOCK = 2**20
LOCK_SECONDS = 60  # another process may be writing the same file


class DamagedIndexError(Exception):
    """The index file is damaged; it has to be built again."""


@dataclass(frozen=True)
class Header:
    """A file's header: the `size` of its payload in bytes, and the SHA-256 of each block."""

    about: dict[str, Any]
    size: int
    blocks: Sequence[str]


def write(path: Path, dump: Callable[["Payload"], dict[str, Any]]) -> None:
    """Write a file atomically.

    The temporary file has a fixed name and a lock, so that the next writer overwrites what a killed
    one left.

    Args:
        path: the file.
        dump: writes the payload, in pieces, and returns `Header.about`.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    with _lock(path):
        try:
            with temporary.open("wb") as file:
                payload = Payload(file)
                about = dump(payload)
                header = json.dumps(asdict(Header(about, payload.size, payload.blocks()))).encode()
                file.write(header + struct.pack("<Q", len(header)))
                file.write(hashlib.sha256(header).digest() + MAGIC)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_unfinished(path: Path) -> None:
    """Remove the temporary file of a process that was killed while writing."""
    if _temporary(path).exists():
        with _lock(path):
            _temporary(path).unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp")


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS)


class Payload:
    """The payload of a file that is being written; computes the checksums of its blocks."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self._file = file
        self._digests: list[str] = []
        self._block = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Append bytes; returns their number."""
        rest = memoryview(data)
        while rest:
            part = rest[: BLOCK - self.size % BLOCK]
            self._block.update(part)
            self._file.write(part)
            self.size += len(part)
            rest = rest[len(part) :]
            if self.size % BLOCK == 0:
                self._end_block()
        return len(data)

    def blocks(self) -> list[str]:
        """The checksums of all blocks, after the last byte."""
        if self.size % BLOCK:
            self._end_block()
        return self._digests

    def _end_block(self) -> None:
        self._digests.append(self._block.hexdigest())
        self._block = hashlib.sha256()


def read_header(file: BinaryIO) -> Header:
    """The header of an open file, checked against its own checksum and the length of the file.

    Raises:
        DamagedIndexError: the file is truncated, no index file, or its header is damaged.
    """
    tail = struct.calcsize("<Q") + DIGEST + len(MAGIC)
    end = file.seek(0, os.SEEK_END)
    if end < tail:
        raise DamagedIndexError(f"{file.name} is not an index file")
    file.seek(end - tail)
    last = file.read(tail)
    (length,) = struct.unpack_from("<Q", last)
    if last[-len(MAGIC) :] != MAGIC or length > end - tail:
        raise DamagedIndexError(f"{file.name} is not an index file")
    file.seek(end - tail - length)
    text = file.read(length)
    if hashlib.sha256(text).digest() != last[-len(MAGIC) - DIGEST : -len(MAGIC)]:
        raise DamagedIndexError(f"{file.name} does not match its checksum")
    header = Header(**json.loads(text))
    if header.size != end - tail - length:
        raise DamagedIndexError(f"{file.name} does not have the length in its header")
    return header


def check_blocks(file: BinaryIO, header: Header, start: int, stop: int) -> None:
    """Compare the blocks that hold the bytes from `start` up to `stop` with their checksums.

    Raises:
        DamagedIndexError: one of them is damaged.
    """
    first = start // BLOCK
    file.seek(first * BLOCK)
    for number in range(first, -(-stop // BLOCK)):
        data = file.read(min(BLOCK, header.size - number * BLOCK))
        if hashlib.sha256(data).hexdigest() != header.blocks[number]:
            raise DamagedIndexError(f"{file.name} does not match its checksum")
