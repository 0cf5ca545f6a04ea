"""What the reader is trained on: every phrase and quotation stands in its document."""

from benchmarks.reader.alike import collections
from benchmarks.reader.material import documents


def test_written_material_is_word_for_word() -> None:
    found = list(documents())  # which raises where a phrase or a quotation is not there

    assert len(found) > 300
    assert {kind for one in found for kind in map(_kind, one.asked)} == {"phrase", "quote", "none"}


def test_made_material_is_word_for_word_and_the_same_for_a_seed() -> None:
    made = collections(0)

    assert made == collections(0) != collections(1)
    for collection in made:
        answers: dict[str, object] = {}
        for document in collection.documents:
            for one in document.asked:
                text = "\n".join(section.text for section in document.sections)
                assert one.phrase in document.sections[one.section].text
                assert all(quote in text for quote in one.quotes)
                assert answers.setdefault(one.question, one) == one


def _kind(asked: object) -> str:
    phrase, quotes = getattr(asked, "phrase", ""), getattr(asked, "quotes", ())
    return "phrase" if phrase else "quote" if quotes else "none"
