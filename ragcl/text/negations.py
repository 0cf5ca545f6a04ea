"""Negation: whether a text says no to what stands at a place in it.

A negating word stands before what it negates or behind it, as the language has it. Knows no
grammar: a negation further away, as of a whole sentence, is not seen.
"""

import re
from collections.abc import Sequence

from ragcl.text.values import Token

NEGATIONS = frozenset(
    "not no never none nor neither without un non nicht kein keine keinen keinem keiner keines "
    "keineswegs nie niemals ohne ne pas jamais sans aucun aucune sin jamás não nunca sem nem nie "
    "bez niet geen nooit zonder inte ikke ikkje aldri ej ei utan uten fără není nejsou nije nisu "
    "değil yok không chưa tidak bukan tanpa "
    "не нет ни без ні немає δεν δε μη μην όχι χωρίς "
    "لا ليس ليست غير بدون لم لن نه نیست نہیں "
    "לא אין בלי "
    "नहीं न बिना না নয় இல்லை 안 못".split()
)
# In Hindi, Turkish, Persian and others it stands behind; in German, Dutch and Scandinavian
# languages if nothing follows.
_BEHIND = frozenset("नहीं değil yok نیست نہیں না নয় இல்லை".split())
_LAST = frozenset("nicht niet inte ikke ikkje".split())
# What is not, or can, may or must not be, in Chinese and Thai; 特别是 is no negation.
_GLYPHS_BEFORE = re.compile(
    "(?:[不没沒未](?:是|有|在|为|為|被|再)"
    "|[不没沒未无無非禁别別勿](?:能|可|可以|准|得|要|会|會|允许|允許|许|許|止)?"
    "|ไม่(?:ใช่)?|ห้าม)$"
)
_GLYPHS_BEHIND = re.compile("[ぁ-ん]{0,5}?(?:ない|ません|なかっ)")  # in Japanese
_BETWEEN = frozenset(  # a negation and what it negates
    "a an the yet always very really be been being longer even fully any currently is are was "
    "were ist sind war waren est sont était é è sono era erano está están es son ser fue eran "
    "estaba são foi estava был была было были есть будет jest był była było".split()
)
_ADVERB = re.compile("[a-z]{3,}ly")  # not "only"


def negated(text: Sequence[Token], start: int, end: int) -> bool:
    """Whether a word before the tokens from `start` to `end`, or behind them, negates them."""
    at = start - 1
    while at >= 0 and (text[at].key in _BETWEEN or _ADVERB.fullmatch(text[at].key)):
        at -= 1
    if at >= 0 and text[at].key in NEGATIONS:
        return True
    after = [token.key for token in text[end : end + 2]]
    if after and (after[0] in _BEHIND or (len(after) == 1 and after[0] in _LAST)):
        return True
    if text[start].kind != "glyph":
        return False
    before = "".join(token.key for token in text[max(0, start - 4) : start])
    behind = "".join(token.key for token in text[end : end + 9])
    return _GLYPHS_BEFORE.search(before) is not None or _GLYPHS_BEHIND.match(behind) is not None
