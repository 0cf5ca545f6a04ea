"""What the reader is trained on and held to: every answer stands in its document."""

from benchmarks.reader.alike import collections
from benchmarks.reader.material import documents, held_out


def test_written_material_is_word_for_word() -> None:
    found = list(documents())  # which raises where a phrase or a quotation is not there

    assert len(found) > 300
    assert {kind for one in found for kind in map(_kind, one.asked)} == {"phrase", "quote", "none"}


def test_manuals_held_out_are_word_for_word_and_nothing_is_trained_on_them() -> None:
    taught = {section.text for one in documents() for section in one.sections}

    for manual in held_out().values():
        kinds = {kind for one in manual for kind in map(_kind, one.asked)}
        assert kinds == {"phrase", "quote", "none"}
        assert not taught & {section.text for one in manual for section in one.sections}


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
