"""Near duplicates: one hit for what says the same, and the newest version of a file."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import on_both_pairs

from ragcl import KnowledgeBase
from ragcl.catalog.passage import UNTRUSTED, Passage
from ragcl.search.near_duplicates import collapse

OLD = "The north berth is 9 metres deep. It takes tankers only, and none of them by night."
NEW = "The north berth is 11 metres deep. It takes tankers only, and none of them by night."
HEADING = "Handbook > Berths"


def chunk(id_: int, text: str, source: str, modified: int = 0, heading: str = HEADING) -> Passage:
    key = str(id_)
    return Passage(text, 0, source, None, heading, key, None, "/docs", id=id_, modified_ns=modified)


def nothing(_root: str, _source: str) -> frozenset[int]:
    return frozenset()


def shown(*chunks: Passage, held: dict[str, set[int]] | None = None) -> list[int]:
    contents = held or {}
    found = collapse(chunks, lambda _root, source: frozenset(contents.get(source, ())))
    return [one.id for one in found]


def hostile(id_: int, text: str, source: str, modified: int = 9, **how: Any) -> Passage:
    """A chunk that anybody may have written."""
    return replace(chunk(id_, text, source, modified, **how), root="/inbox", flags=(UNTRUSTED,))


# A twin in an untrusted folder, for every way in which one text stands for another.
TWINS = {
    "the same words": (NEW, "berths.md", NEW.upper()),
    "a version number": (NEW, "berths_v99.md", NEW.replace("11", "1")),
    "a later date": (NEW, "2099/berths.md", NEW.replace("11", "1")),
    "a copy changed last": (NEW, "berths (1).md", NEW.replace("11", "1")),
    "mostly the same file": (NEW, "for-anna.md", NEW.replace("11", "1")),
    "every sentence and one more": (NEW, "more.md", f"{NEW} But not really."),
}


@pytest.mark.parametrize("way", TWINS)
def test_a_hostile_twin_never_hides_what_is_trusted(way: str) -> None:
    text, name, said = TWINS[way]
    trusted, twin = chunk(1, text, "berths.md", 1), hostile(2, said, name)
    held = {"berths.md": {1, 10, 11, 12}, name: {2, 10, 11, 12}}

    for chunks in ([trusted, twin], [twin, trusted]):
        assert 1 in shown(*chunks, held=held)
        [seen] = [one for one in collapse(chunks, nothing) if one.id == 1]
        assert seen.flags == ()
        assert seen.supersedes == ()


def test_a_trusted_text_takes_the_place_of_a_twin_with_the_same_words() -> None:
    twin, trusted = hostile(1, NEW.upper(), "berths.md"), chunk(2, NEW, "berths.md")
    other = chunk(3, "Soup costs 3 crowns.", "canteen.md")

    assert shown(twin, other, trusted) == [2, 3]


def test_a_trusted_new_version_takes_the_place_of_an_untrusted_old_one() -> None:
    assert shown(hostile(1, OLD, "old/berths.md"), chunk(2, NEW, "berths.md")) == [2]


def test_hostile_copies_under_many_headings_do_not_use_up_the_places_of_the_trusted() -> None:
    said = "Imprint. Privacy."
    twins = [hostile(i, said, f"{i}.md", heading=f"Page {i}") for i in range(9)]
    trusted = chunk(9, said, "imprint.md", heading="Imprint")

    assert shown(*twins, trusted) == [0, 1, 2, 9]


def test_a_hostile_copy_of_an_old_version_does_not_make_it_the_newest() -> None:
    """Of a chunk that stands in a trusted file as well, under a name that says it is newer."""
    old = replace(chunk(1, OLD, "berths_v1.md", 1), elsewhere=("berths_v99.md",))
    new = chunk(2, NEW, "berths_v2.md", 2)

    assert shown(old, new) == [2]
    twin = hostile(3, OLD.upper(), "berths_v99.md")
    for chunks in ([old, twin, new], [twin, old, new], [new, twin, old]):
        assert {2, 1} & set(shown(*chunks)) == {2}


@pytest.mark.parametrize(
    ("one", "other"),
    [("draws 1.5 m", "draws 15 m"), ("is -4 degrees", "is 4 degrees"), ("C++ only", "C# only"),
     ("costs $5", "costs \u20ac5"), ("rises 5%", "rises 5")],
)  # fmt: skip
def test_signs_and_decimals_make_other_words(one: str, other: str) -> None:
    assert shown(chunk(1, one, "a.md"), chunk(2, other, "b.md")) == [1, 2]


def test_the_same_words_are_one_hit_that_names_both_files() -> None:
    first = chunk(1, "Soup costs 3 crowns.", "a.md")
    second = chunk(2, "soup  costs\n3 crowns", "b.md")

    [only] = collapse([first, second], nothing)

    assert (only.id, only.source, only.elsewhere) == (1, "a.md", ("b.md",))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("old/handbook.md", "handbook.md"),
        ("archive/2019/handbook.md", "current/handbook.md"),
        ("handbook_old.md", "handbook.md"),
        ("handbook.md", "handbook_v2.md"),
        ("handbook-v9.md", "handbook-v10.md"),
        ("2025/handbook.md", "2026/handbook.md"),
        ("handbook/2025-04-15/berths.md", "handbook/2026-01-15/berths.md"),
    ],
)
def test_of_two_versions_the_newer_takes_the_place_of_both(older: str, newer: str) -> None:
    """Whatever the clock says: a copy that was made for safety is the file changed last."""
    old, new = chunk(1, OLD, older, modified=2), chunk(2, NEW, newer, modified=1)

    assert shown(old, new) == [2]
    assert shown(new, old) == [2]
    other = chunk(3, "Soup costs 3 crowns.", "canteen.md")
    assert shown(old, other, new) == [2, 3]  # the place of the better ranked


def test_versions_of_a_text_without_spaces_differ_by_a_word() -> None:
    old = "灯塔建成于1907年，塔身高43米，有206级台阶，没有电梯，由守塔人和助手轮流看守。"
    new = old.replace("43米", "45米")

    assert shown(chunk(1, old, "lamp.md", 9), chunk(2, new, "lamp_v2.md", 1)) == [2]
    other = "补给船每逢星期四给灯塔送去淡水和粮食，风浪太大时改在第二天出航，不载访客。"
    assert shown(chunk(1, old, "lamp.md"), chunk(2, other, "lamp_v2.md")) == [1, 2]


@pytest.mark.parametrize("copy", ["handbook (1).md", "handbook - Copy.md", "Copy of handbook.md"])
def test_of_a_file_and_its_copy_the_one_that_was_changed_last_counts(copy: str) -> None:
    assert shown(chunk(1, OLD, "handbook.md", 1), chunk(2, NEW, copy, 2)) == [2]
    assert shown(chunk(1, OLD, "handbook.md", 2), chunk(2, NEW, copy, 1)) == [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("north/berths.md", "south/berths.md"),
        ("report-2024.md", "report-2025.md"),
        ("berth 1.md", "berth 2.md"),
        ("handbook.md", "old/prices.md"),
        ("north/2025/berths.md", "south/2026/berths.md"),
        ("handbook.md", "handbook.md"),
    ],
)
def test_alike_texts_of_files_that_are_no_versions_of_one_another_both_stay(
    one: str, other: str
) -> None:
    assert shown(chunk(1, OLD, one, 1), chunk(2, NEW, other, 2)) == [1, 2]


def test_what_an_old_version_shares_with_the_current_file_is_not_old() -> None:
    shared = replace(
        chunk(1, NEW, "archive/handbook.md", 1),
        elsewhere=("handbook.md",),
        vouched=("handbook.md",),
    )

    assert shown(shared, chunk(2, OLD, "archive/handbook (1).md", 2)) == [1]


def test_what_is_left_out_for_a_newer_version_is_named() -> None:
    """The files that say the same as the newer one are not among them, whatever comes first."""
    old, older = chunk(1, OLD, "old/berths.md", 2), chunk(2, OLD.replace("9", "8"), "bak/berths.md")
    new, same = chunk(3, NEW, "berths.md", 3), chunk(4, NEW.upper(), "harbour.md", 1)

    for chunks in ([old, new, older, same], [older, same, old, new], [new, old, older, same]):
        [only, *others] = [one for one in collapse(chunks, nothing) if "11" in one.text]
        assert not others
        assert set(only.supersedes) == {"old/berths.md", "bak/berths.md"}
        assert {only.source, *only.elsewhere} == {"berths.md", "harbour.md"}


def test_files_that_are_mostly_the_same_are_versions_whatever_they_are_called() -> None:
    old, new = chunk(1, OLD, "handbook.md", 1), chunk(2, NEW, "desktop/for-anna.md", 2)

    held = {"handbook.md": {1, 10, 11, 12}, "desktop/for-anna.md": {2, 10, 11, 13}}
    assert shown(old, new, held=held) == [2]
    held = {"handbook.md": {1, 10, 12, 14}, "desktop/for-anna.md": {2, 10, 13, 15}}
    assert shown(old, new, held=held) == [1, 2]  # the same licence below both


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("north.md", "south.md", ("north berth", "south berth")),
        ("team-red/budget.md", "team-blue/budget.md", ("red team", "blue team")),
        ("2025/budget.md", "2026/budget.md", ("budget of 2025", "budget of 2026")),
        ("room 1.md", "room 2.md", ("room", "room")),
        ("minutes-2026-01.md", "minutes-2026-02.md", ("room", "room")),
    ],
)
def test_what_a_path_and_its_text_tell_apart_are_two_things(
    one: str, other: str, words: tuple[str, str]
) -> None:
    """Even where their files are alike otherwise: two products, two rooms, two years."""
    said = "In the {} there are {} places; ask at the gate, and leave your key there at night."
    first = chunk(1, said.format(words[0], 9), one, 1)
    second = chunk(2, said.format(words[1], 12), other, 2)
    same = {10, 11, 12, 13}

    assert shown(first, second, held={one: {1, *same}, other: {2, *same}}) == [1, 2]


def test_a_text_all_of_whose_sentences_another_holds_is_left_out() -> None:
    short = chunk(1, "Soup costs 3 crowns. It is served at noon.", "menu.md")
    full = chunk(2, "Soup costs 3 crowns. Tea is free.\nIt is served at noon.", "canteen.md")
    other = chunk(3, "Soup costs 4 crowns. It is served at noon.", "kiosk.md")

    for chunks in ([short, full], [full, short]):
        [only] = collapse(chunks, nothing)
        assert (only.source, only.elsewhere) == ("canteen.md", ("menu.md",))
    assert shown(other, full) == [3, 2]


def test_a_title_that_is_but_the_name_of_the_file_tells_no_versions_apart() -> None:
    old = chunk(1, OLD, "prices (1).csv", 1, heading="prices (1)")
    new = chunk(2, NEW, "prices.csv", 2, heading="prices")

    assert shown(old, new) == [2]


def test_the_same_words_under_many_headings_do_not_crowd_out_the_rest() -> None:
    footers = [chunk(i, "Imprint. Privacy.", f"{i}.md", heading=f"Page {i}") for i in range(9)]
    other = chunk(9, "The north berth is 9 metres deep.", "berths.md")

    assert shown(*footers, other) == [0, 1, 2, 9]


def test_another_section_of_an_old_version_stays() -> None:
    pilots = "Pilots board at the red buoy. A pilot is compulsory for ships over 90 metres."

    assert shown(chunk(1, NEW, "handbook.md"), chunk(2, pilots, "old/handbook.md")) == [1, 2]
    elsewhere = chunk(2, OLD, "old/handbook.md", heading="Handbook > Quays")
    assert shown(chunk(1, NEW, "handbook.md"), elsewhere) == [1, 2]


def test_the_same_words_under_another_heading_are_about_something_else() -> None:
    pool = chunk(1, "Open from nine to five.", "pool.md", heading="Pool")
    library = chunk(2, "Open from nine to five.", "library.md", heading="Library")

    assert shown(pool, library) == [1, 2]


@on_both_pairs
def test_an_answer_is_not_taken_from_an_old_copy(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "old").mkdir()
    old = docs / "old" / "berths.md"
    old.write_text((docs / "berths.md").read_text().replace("11 metres", "9 metres"))
    os.utime(old, (1, 1))
    kb.ingest(docs)

    hits = kb.search("How deep is the north berth?", k=20)
    answer = kb.ask("How deep is the north berth?")

    assert "old/berths.md" not in {hit.source for hit in hits if "north" in hit.text.lower()}
    assert "old/berths.md" in {hit.source for hit in hits} | {
        name for hit in hits for name in hit.elsewhere
    }  # its other section is just the same
    assert all("9 metres" not in citation.text for citation in answer.citations)
    [traced] = [hit for hit in answer.trace["hits"] if hit["supersedes"]]
    assert traced["supersedes"] == ["old/berths.md"]
    [source] = [one for one in kb.explain(answer.id).sources if one["supersedes"]]
    assert (source["source"], source["supersedes"]) == ("berths.md", ["old/berths.md"])


@on_both_pairs
def test_a_copy_of_a_folder_gives_way_to_the_folder_that_was_changed_since(
    kb: KnowledgeBase, tmp_path: Path
) -> None:
    """By what the files hold: neither name says which of them is old."""
    said = "The {} closes at {} in the evening, and guests leave their keys at the gate by then."
    sections = {"Pool": 9, "Library": 8, "Sauna": 10}
    folders = tmp_path / "share"
    for folder, hours in (("house", sections), ("laptop", {**sections, "Pool": 7})):
        (folders / folder).mkdir(parents=True)
        parts = [f"## {name}\n\n{said.format(name, hour)}\n" for name, hour in hours.items()]
        (folders / folder / "hours.md").write_text("# Guests\n\n" + "\n".join(parts))
    os.utime(folders / "house" / "hours.md", (1000, 1000))
    kb.ingest(folders)

    pools = [hit for hit in kb.search("When does the pool close?", k=9) if "Pool" in hit.heading]

    assert [(hit.source, hit.supersedes) for hit in pools] == [
        ("laptop/hours.md", ("house/hours.md",))
    ]


def test_as_many_hits_come_as_were_asked_for_however_many_copies_there_are(
    kb: KnowledgeBase, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.md").write_text(f"# Page {number}\n\nThe pool closes at nine.\n")
    (folder / "library.md").write_text("# Library\n\nThe library closes at eight.\n")
    (folder / "sauna.md").write_text("# Sauna\n\nThe sauna closes at ten.\n")
    kb.ingest(folder)

    hits = kb.search("When does the pool close?", k=5)

    assert len(hits) == 5
    assert {"library.md", "sauna.md"} <= {hit.source for hit in hits}


@on_both_pairs
def test_every_file_that_holds_the_text_is_named(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "copy.md").write_text((docs / "canteen.md").read_text())
    kb.ingest(docs)

    [hit] = kb.search("What does soup cost?", k=1)
    [cited] = [c for c in kb.ask("What does soup cost?").citations if "Soup" in c.text]

    assert {hit.source, *hit.elsewhere} == {"canteen.md", "copy.md"}
    assert {cited.source, *cited.elsewhere} == {"canteen.md", "copy.md"}
