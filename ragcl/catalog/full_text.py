"""The full-text index of the chunks: SQLite FTS5, kept up to date by triggers.

Matches words and ranks by BM25 (Robertson and Zaragoza 2009, with FTS5's k1 = 1.2 and b = 0.75).
The caller chooses which words of a question to match.
"""

import contextlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from ragcl.catalog.recipe import WORDS
from ragcl.text.scripts import as_ascii, simple
from ragcl.text.words import HUMP

TABLE = "full_text"
NOTHING = (np.empty(0, np.int64), np.empty(0, np.float64))

# Scripts that put no spaces between words, or hang endings on them: Han, kana and hangul; Thai,
# Lao, Burmese and Khmer.
_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3]+"
)

# Versions, other numbers with points, and dates: their parts are no numbers of their own. Letters
# may precede them, as in v3.2 or python3.12, or follow, as in 3.2rc1.
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}(?:-\d{2})?(?!\d)")
_VERSION = re.compile(r"(?<![^\W_])((?:[^\W_]*[^\W\d_])?)(\d+(?:\.\d+)+)([^\W_]*)")
_JOINT = "\u02d1"  # replaces the points of a version: a letter to FTS5 that is in no text

# Numbers with grouped digits, as 12,750 and 1,27,500; grouped by spaces or points they are
# ambiguous.
_GROUPED = re.compile(
    r"(?<![\d.,'\u2019])\d{1,3}(?:(?P<sign>[,'\u2019_])\d{3}(?:(?P=sign)\d{3})*|(?:,\d\d)+,\d{3})"
    r"(?![\d_]|[,'\u2019]\d)"
)
_POINTED = re.compile(r"\d{1,3}(?:\.\d{3})+")
# Numbers and identifiers written apart, together, or in camel case: 2031-0049, E-1007, SUP 1203,
# SUP1203, 5kg, getDelay.
_LETTER = "[A-Za-z\u00c0-\u024f\u0370-\u04ff]"
_HYPHEN = "[-/\u2010-\u2013]"
_NAME = re.compile(
    rf"""(?<!\w)(?<!\d[.])(?:
      (?P<apart>(?:{_LETTER}+{_HYPHEN}|[A-Z]{{1,6}}\ (?=\d\d))\d+(?:{_HYPHEN}\d+)*
        |\d+(?:{_HYPHEN}\d+)+|\d{{1,3}}(?:\ \d{{3}})+)
    | (?P<named>{_LETTER}+\d+) | (?P<measure>\d+{_LETTER}+)
    | (?P<camel>{_LETTER}*[a-z][A-Z]{_LETTER}*+)
    )(?!\w|[.]\d)""",
    re.VERBOSE,
)
_YEARS = re.compile(rf"(?:1[5-9]|20|21)\d\d{_HYPHEN}(?:1[5-9]|20|21)\d\d")
_PARTS = re.compile(r"\d+|[^\W\d_]+")

# English words that are in nearly every text: they cost time and add nothing. In other languages
# BM25 gives such words little weight.
STOP_WORDS = frozenset(
    "a about all also am an and any are as at be because been but by can could did do does for "
    "from had has have he her his how i if in into is it its me more most much my no nor not of on "
    "or our s she should so some such t than that the their them then there these they this those "
    "to was we were what when where which who whom whose why will with would you your".split()
)
# In capitals they may be names: IT, US, WHO.
_ACRONYM = re.compile(rf"\b(?:{'|'.join(sorted(w.upper() for w in STOP_WORDS if len(w) > 1))})\b")


class DamagedIndexError(Exception):
    """The full-text index does not match the chunks; it has to be rebuilt."""


def searchable(original: str) -> str:
    """A text as it is indexed: FTS5 splits the result at all but letters and digits.

    - A version `3.12.1` becomes the words 3, 3.12 and 3.12.1, and a date the year, the year with
      the month, and the whole: a question about 12 or 1 finds neither. Letters before a version are
      a word by themselves and with its first number: python, python3.
    - Grouped digits, `12,750`, are joined. A number written apart, `2031-0049` or `E-1007`, is also
      indexed together; one written together, `SUP1203`, `5kg` or `getDelay`, also apart.
    - Full-width letters and the digits of any script become those of ASCII.
    - An acronym that is spelled like a common word, as IT is, becomes another word beside it.
    - Runs of scripts without spaces become their overlapping pairs of characters. Pairs find
      Chinese, Japanese and Korean about as well as words do and need no dictionary (Nie et al., "On
      the use of words and n-grams for Chinese information retrieval", IRAL 2000). Marks above and
      below letters are left out of them, as FTS5 leaves them out of words.

    A change of this function needs a migration with a `rebuild`.
    """
    plain = _plain(original)
    marked = _ACRONYM.sub(lambda found: f"{found[0]} {_mark(found[0])}", plain)
    dated = _DATE.sub(_date_indexed, marked)
    named = _NAME.sub(_name_indexed, _GROUPED.sub(_ungrouped, dated))
    return _UNSPACED.sub(_pairs, _VERSION.sub(_version_indexed, named))


def as_query(question: str) -> str:
    """A question in the words of the index, a subset of its `searchable`.

    A version (with or without a `v`), a date and an identifier written together are looked up only
    as a whole; an acronym that is spelled like a common word not as that word. A longer question
    all in capitals has no acronyms.
    """
    question = _plain(question)
    if any(map(str.islower, question)) or len(question.split()) <= WORDS.shouted_words:
        question = _ACRONYM.sub(lambda found: _mark(found[0]), question)
    dated = _DATE.sub(lambda found: f" {found[0].replace('-', _JOINT)} ", question)
    named = _NAME.sub(_name_in_query, _GROUPED.sub(_ungrouped, dated))
    return _UNSPACED.sub(_pairs, _VERSION.sub(_version_in_query, named))


def _plain(original: str) -> str:
    return original if simple(original) else as_ascii(original)


def _mark(acronym: str) -> str:
    return _JOINT + acronym.lower()


def _date_indexed(found: re.Match[str]) -> str:
    return f" {' '.join(_beginnings(found[0]))} {found[0].replace('-', '')} "


def _beginnings(compound: str) -> list[str]:
    parts = re.split(r"[.-]", compound)
    return [_JOINT.join(parts[:end]) for end in range(1, len(parts) + 1)]


def _ungrouped(found: re.Match[str]) -> str:
    before = found.string[: found.start()][-1:]
    return f"{' ' * before.isalpha()}{re.sub(r'[^0-9]', '', found[0])}"  # EUR12,750


def _name_indexed(found: re.Match[str]) -> str:
    whole = found[0]
    if found["apart"]:
        parts = _PARTS.findall(whole)
        return " ".join(
            [whole, *_together(whole), *(["".join(parts)] if parts[0].isalpha() else [])]
        )
    return " ".join([whole, *(HUMP.split(whole) if found["camel"] else _PARTS.findall(whole))])


def _name_in_query(found: re.Match[str]) -> str:
    if found["apart"]:
        return " ".join([found[0], *_together(found[0])])
    return _name_indexed(found) if found["measure"] else found[0]


def _together(apart: str) -> list[str]:
    """The joined digits of a number written apart; empty for a span of years or a short number."""
    digits = re.findall(r"\d+", apart)
    whole = "".join(digits)
    is_long = len(whole) >= WORDS.joined_digits or " " in apart
    return [whole] if len(digits) > 1 and is_long and not _YEARS.fullmatch(apart) else []


def _version_indexed(found: re.Match[str]) -> str:
    before, version, behind = found.groups()
    first, *others = _beginnings(version)
    words = [before, f"{before}{first}", *others]
    if _POINTED.fullmatch(version):
        words.append(version.replace(".", ""))
    return " ".join([*words, f"{others[-1]}{behind}"] if behind else words).lstrip()


def _version_in_query(found: re.Match[str]) -> str:
    before, version, behind = found.groups()
    is_grouped = _POINTED.fullmatch(version) and not behind
    whole = version.replace(".", "" if is_grouped else _JOINT) + behind
    return whole if before.lower() in ("", "v") else f"{before} {whole}"


def _pairs(run: re.Match[str]) -> str:
    found = "".join(c for c in run[0] if not unicodedata.category(c).startswith("M"))
    pairs = (found[i : i + 2] for i in range(max(1, len(found) - 1)))
    return f" {' '.join(pairs)} "


def best_matches(
    connection: Connection, words: Sequence[str], k: int, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` chunks that match some words best.

    A chunk's share is its BM25 score divided by the score of an average-length chunk with each word
    once, which is the sum of the words' inverse document frequencies; or by the best score, if that
    is greater. So shares are small if the words are in no chunk, or in nearly all.

    Args:
        connection: the snapshot to search.
        words: distinct words without quotation marks.
        k: how many; fewer are returned if fewer chunks have one of the words.
        among: `(m,) int64`, the allowed ids; None: all.

    Returns:
        ids `(k',) int64` and shares `(k',) float64` in (0, 1], best first.

    Raises:
        DamagedIndexError: the index cannot be read.
    """
    if not words:
        return NOTHING
    quoted = [f'"{word}"' for word in words]
    # The plus keeps SQLite from matching id by id.
    only = "" if among is None else "AND +rowid IN (SELECT value FROM json_each(:among))"
    query = text(
        f"SELECT rowid, rank FROM full_text WHERE full_text MATCH :words {only} "
        "ORDER BY rank LIMIT :k"
    )
    values: dict[str, str | int] = {"words": " OR ".join(quoted), "k": k}
    if among is not None:
        values["among"] = json.dumps(among.tolist())
    with _damage_named():
        rows = connection.execute(query, values).all()
        if not rows:
            return NOTHING
        ideal = sum(_inverse_frequencies(connection, quoted))
    ids = np.array([row[0] for row in rows], np.int64)
    scores = -np.array([row[1] for row in rows], np.float64)
    return ids, scores / max(ideal, scores[0])


def _inverse_frequencies(connection: Connection, words: Sequence[str]) -> Iterator[float]:
    """The inverse document frequency of each word, as FTS5 computes it."""
    total = connection.execute(text("SELECT count(*) FROM chunks")).scalar_one()
    holding = text("SELECT count(*) FROM full_text WHERE full_text MATCH :word")
    for word in words:
        held = connection.execute(holding, {"word": word}).scalar_one()
        if not held and word.startswith(f'"{_JOINT}'):
            continue  # no acronym, but a common word in capitals for emphasis
        yield max(1e-6, math.log((total - held + 0.5) / (held + 0.5)))


def has_phrase(connection: Connection, words: str) -> bool:
    """Whether any chunk has these words, of `searchable` and separated by spaces, as a phrase."""
    query = text(f"SELECT 1 FROM {TABLE} WHERE {TABLE} MATCH :words LIMIT 1")
    return connection.execute(query, {"words": f'"{words}"'}).first() is not None


def check(connection: Connection) -> None:
    """Compare the index with the chunks, in a transaction that writes.

    Raises:
        DamagedIndexError: they disagree, or the index cannot be read.
    """
    with _damage_named():
        _command(connection, "integrity-check", rank=1)


def rebuild(connection: Connection) -> None:
    """Build the index again from the chunks, even if it is damaged."""
    _command(connection, "rebuild")


def purge(connection: Connection) -> None:
    """Remove every trace of deleted chunks from the index.

    Deleting only marks a chunk's words as deleted until their segment is merged.
    """
    _command(connection, "optimize")


@contextlib.contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if "malformed" not in str(error.orig):
            raise
        raise DamagedIndexError(f"the full-text index is damaged: {error.orig}") from error


def _command(connection: Connection, name: str, rank: int = 0) -> None:
    """Run an FTS5 command, which is inserted into the column named like the table."""
    connection.exec_driver_sql(f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES (?, ?)", (name, rank))
