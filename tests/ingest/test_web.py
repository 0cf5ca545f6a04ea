"""HTML: what a reader can open, sections named like what is dropped, links and pictures."""

import re
from pathlib import Path

import pytest

from ingest import read


def sections(folder: Path, page: str) -> list[tuple[tuple[str, ...], str]]:
    path = folder / "a.html"
    path.write_text(page, encoding="utf-8")
    return [(one.heading, one.text) for one in read(path).sections]


@pytest.mark.parametrize(
    "page",
    [
        "<h3><button aria-expanded=false aria-controls=p>How deep?</button></h3>"
        "<div id=p hidden>12 m</div>",
        "<button class=accordion>How deep?</button><div style='display:none'>12 m</div>",
        "<h2 class=accordion-header><button data-bs-target='#p'>How deep?</button></h2>"
        "<div id=p class='accordion-collapse collapse'><p>12 m</p></div>",
        "<div><button aria-expanded=false>How deep?</button></div><div hidden>12 m</div>",
    ],
)
def test_the_question_of_an_accordion_heads_its_answer(tmp_path: Path, page: str) -> None:
    assert sections(tmp_path, f"<body>{page}</body>") == [(("How deep?",), "12 m")]


def test_what_follows_an_accordion_is_not_under_its_last_question(tmp_path: Path) -> None:
    page = "<h1>Port</h1><button>Why?</button><p>So.</p><p>After all.</p>"
    assert sections(tmp_path, page) == [(("Port", "Why?"), "So."), (("Port",), "After all.")]


def test_tabs_are_opened_and_menus_are_not(tmp_path: Path) -> None:
    page = (
        "<button aria-expanded=false aria-controls=m>Menu</button>"
        "<div id=m hidden><a href=/>Home</a> <a href=/b>Berths</a></div><p>Text.</p>"
        "<button>Send</button><div role=tabpanel hidden>Second tab.</div><p hidden>Not this.</p>"
    )
    assert sections(tmp_path, page) == [((), "Text.\n\nSecond tab.")]


def test_sections_named_after_their_heading_stay(tmp_path: Path) -> None:
    page = (
        "<section id=gdpr-notice><h2>GDPR notice</h2><p>Six years.</p></section>"
        "<div class=section id=breadcrumb><h2>Breadcrumb</h2><p>Three levels.</p></div>"
        "<article><div id=cookie-notice-1><h2>Cookie notice</h2><p>25 minutes.</p></div></article>"
        "<h2 id=cookie-bar>Cookie bar</h2><p>Biscuits.</p>"
        "<div id=cookie-banner><h2>Cookies</h2><p>We use them.</p></div>"
        "<ol class=breadcrumb><li>Home</ol>"
    )
    assert sections(tmp_path, page) == [
        (("GDPR notice",), "Six years."),
        (("Breadcrumb",), "Three levels."),
        (("Cookie notice",), "25 minutes."),
        (("Cookie bar",), "Biscuits."),
    ]


def test_links_say_where_they_lead_and_pictures_what_they_show(tmp_path: Path) -> None:
    page = (
        "<p>Ask <a href='mailto:a@b.test?subject=x'>Anna</a>, see <a href='https://o.test/fees'>"
        "<b>fees</b></a>, the <a href='f/claim.pdf'>form</a> or <a href='/berths'>berths</a>;"
        " <a href='https://o.test'>o.test</a>.</p>"
        "<p><img src=a.png alt='Map of the quay'><img alt=icon><img alt='IMG_1.jpg'></p>"
        "<h2><a href='https://o.test/h'>Head</a></h2>"
        "<table><tr><th>Who<th>Mail<tr><td>Bo<td><a href='mailto:bo@b.test'>write</a></table>"
    )
    assert sections(tmp_path, page) == [
        (
            (),
            "Ask Anna (a@b.test), see fees (https://o.test/fees), the form (f/claim.pdf) or berths;"
            " o.test.\n\nMap of the quay",
        ),
        (("Head",), "Who: Bo; Mail: write (bo@b.test)"),
    ]


def test_links_of_a_site_to_itself_are_not_written_out(tmp_path: Path) -> None:
    links = "".join(f"<a href='https://w.test/{n}'>word{n}</a> " for n in range(12))
    page = f"<link rel=canonical href='https://v.test/p'><p>{links}<a href='https://v.test/q'>v</a>"
    assert "http" not in sections(tmp_path, page)[0][1]


def test_what_is_struck_out_is_left_out(tmp_path: Path) -> None:
    page = (
        "<h2>Prices <s>2025</s> 2026</h2><p>Ticket: <del>140 crowns</del><ins>165 crowns</ins></p>"
    )
    assert sections(tmp_path, page) == [(("Prices 2026",), "Ticket: 165 crowns")]


def test_a_power_is_no_digit(tmp_path: Path) -> None:
    page = "<p>3 &times; 10<sup>6</sup> cells on 40 m<sup>2</sup>, the 1<sup>st</sup> of May.</p>"
    assert sections(tmp_path, page) == [((), "3 \u00d7 10^6 cells on 40 m^2, the 1st of May.")]
    assert "10^6" in sections(tmp_path, "<table><tr><td>10<sup>6</sup></td></tr></table>")[0][1]


def test_control_characters_in_references_and_addresses_cost_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        "<title>Bell&#27;[31m</title><h1>Bell&#7;</h1><p>Rings&#27;[2J at <b>nine&#1;</b>"
        '<a href="tel:%1b%00112">the porter&#8;</a>&#11; daily 10<sup>3&#2;</sup>'
        '<img alt="Brass&#27;[31m bell">&#0;</p><!-- &#27; -->',
        encoding="utf-8",
    )

    document = read(path)

    said = f"{document.title} {document.sections}"
    assert not re.search(r"[\x00-\x08\x0e-\x1f]|\\x1b", said)
    for words in ("Rings at nine", "the porter (112)", "daily 10^3", "Brass bell"):
        assert words in said


def table(*rows: str) -> str:
    """A table; a cell that begins with # is a header."""
    lines = ([f"<th>{c[1:]}" if c[:1] == "#" else f"<td>{c}" for c in r.split("|")] for r in rows)
    return "<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in lines) + "</table>"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["Berth 3 is closed.", "Use berth 4."], ["Berth 3 is closed.", "Use berth 4."]),
        (
            ["Depth|11 m", "Length|30 m", "Owner|Port Authority"],
            ["Depth: 11 m", "Length: 30 m", "Owner: Port Authority"],
        ),
        (["Berth|Keeper", "North|Ida"], ["Berth: North; Keeper: Ida"]),
        (["#Min depth|#Max depth", "5 m|5 m"], ["Min depth: 5 m; Max depth: 5 m"]),
        (["#Depth|5 m|5 m"], ["Depth: 5 m; 5 m"]),
        (["|#2024|#2025", "#Oak|31|33"], ["column 1: Oak; 2024: 31; 2025: 33"]),
        # what no row says is said once
        (["#Berth|#Fee"], ["Berth; Fee"]),
        (["Welcome|News of the berth", "Hello|"], ["News of the berth", "Welcome: Hello"]),
        (["#Boat|#Fee|#Notes", "Kite|1|"], ["Notes", "Boat: Kite; Fee: 1"]),
    ],
)
def test_no_text_of_a_table_is_lost(tmp_path: Path, rows: list[str], expected: list[str]) -> None:
    assert sections(tmp_path, table(*rows))[0][1].split("\n") == expected


def test_headers_of_groups_and_cells_across_a_table(tmp_path: Path) -> None:
    page = (
        "<table><tr><th rowspan=2>Ward<th colspan=2>Day<tr><th>Beds<th>Staff"
        "<tr><td colspan=3>North house<tr><td>East<td>9<td>Moss</table>"
    )
    assert sections(tmp_path, page)[0][1].split("\n") == [
        "North house",
        "Ward: East; Day Beds: 9; Day Staff: Moss",
    ]
    page = "<table><tr><td colspan=2>Fees<tr><td>Boat<td>Fee<tr><td>Kite<td>5</table>"
    assert sections(tmp_path, page)[0][1] == "Fees\nBoat: Kite; Fee: 5"


@pytest.mark.parametrize("hidden", ["hidden", "style='display:none'", "style='visibility:hidden'"])
def test_hidden_parts_of_a_table_are_left_out(tmp_path: Path, hidden: str) -> None:
    page = (
        f"<table><caption {hidden}>Secret</caption><tr><th>Boat<th>Fee</tr>"
        f"<tr {hidden}><td>Secret<td>1</tr><tbody {hidden}><tr><td>Secret<td>2</tr></tbody>"
        f"<tr><td>Kite<td>5<td {hidden}>Secret</tr></table>"
    )
    assert sections(tmp_path, page) == [((), "Boat: Kite; Fee: 5")]


def test_a_cell_that_is_not_there_moves_the_next_ones_and_an_invisible_one_does_not(
    tmp_path: Path,
) -> None:
    head = "<table><tr><th>Boat<th>Fee</tr><tr><td>Kite"
    for style, fee in (("display:none", "Fee: 5"), ("visibility:hidden", "column 3: 5")):
        [(_, text), *_] = sections(tmp_path, f"{head}<td style='{style}'>x<td>5</tr></table>")
        assert fee in text
        assert "x" not in text


@pytest.mark.parametrize(
    "page",
    [
        "<body class='page has-cookie-banner'><p>The fee is 12.</p>{}</body>",
        "<article class='post tag-cookie-consent'><p>The fee is 12.</p></article>{}",
        "<main id=gdpr-notice><p>The fee is 12.</p>{}</main>",
        "<div class=cookie-consent-wall><p>The fee is 12, or 14 in summer, for boats.</p>{}</div>",
        "<p>All boats.</p><p class=has-cookie-banner>The fee is 12.</p><p>Ask Ida.</p>{}",
    ],
)
def test_a_page_is_no_consent_dialogue(tmp_path: Path, page: str) -> None:
    script = f"<script>{'x = 1;' * 100}</script>"
    found = sections(tmp_path, page.format(f"<div id=cookie-banner>Cookies</div>{script}"))
    text = " ".join(text for _, text in found)
    assert "The fee is 12" in text
    assert "Cookies" not in text
