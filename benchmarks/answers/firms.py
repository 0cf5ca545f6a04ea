"""24 invented firms, all alike, and what is asked about them.

Each firm has a document in one of four styles and six facts; each fact is asked in four wordings.
The fourth is kept for testing what was learned from the other three.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

WORDINGS = {
    "founded": (
        "When was {firm} founded?",
        "In which year did {firm} start up?",
        "What year does {firm} give for its beginnings?",
        "{firm} has been in business since when?",
    ),
    "founder": (
        "Who founded {firm}?",
        "Which person set up {firm}?",
        "Can you name whoever started {firm}?",
        "To whom does {firm} owe its existence?",
    ),
    "town": (
        "In which town is {firm} based?",
        "Where does {firm} have its seat?",
        "What place is {firm} at home in?",
        "If I wanted to call on {firm}, where would I have to travel?",
    ),
    "product": (
        "What does {firm} make?",
        "What is the main product of {firm}?",
        "Which goods is {firm} chiefly known for?",
        "I have a catalogue from {firm} here. What would I be ordering out of it?",
    ),
    "staff": (
        "How many people work at {firm}?",
        "What is the number of employees at {firm}?",
        "How large is the staff of {firm}?",
        "Count the names on the payroll of {firm}: what do you get?",
    ),
    "logo": (
        "What colour is the logo of {firm}?",
        "In which colour does {firm} print its logo?",
        "Which colour has {firm} chosen for its emblem?",
        "I am painting a shop sign for {firm}. What shade should the badge on it be?",
    ),
}


@dataclass(frozen=True)
class FirmQuestion:
    """A question about one fact of one firm, in one of its four wordings."""

    firm: str
    fact: str
    wording: int
    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class _Firm:
    name: str
    founded: str
    founder: str
    town: str
    product: str
    product_in_short: str
    staff: str
    logo: str

    def answers(self, fact: str) -> tuple[str, ...]:
        """What counts as right: the value as it stands in the document, then its variants."""
        if fact == "founder":
            return (self.founder, self.founder.split()[-1])
        if fact == "product":
            return (self.product, self.product_in_short)
        if fact == "logo" and " " in self.logo:
            return (self.logo, self.logo.replace(" ", "-"))
        return (getattr(self, fact),)


# name | founded | founder | town | product | the same in short | staff | colour of the logo
_TABLE = """
Ardenquist Works | 1874 | Philippa Stroud | Lower Hexton | copper kettles | kettles | 143 | crimson
Bellowmere Company | 1903 | Anton Rasmuth | Skarnby | oak barrels | barrels | 58 | navy blue
Corvane Workshops | 1951 | Ines Caldicott | Port Welland | tower clocks | clocks | 212 | olive
Dunsprake Brothers | 1888 | Gregor Halbeck | Ashcombe Ferry | church bells | bells | 37 | mustard
Elverstock Works | 1926 | Beatrix Olander | Tolverton | glass marbles | marbles | 96 | turquoise
Fallowick Company | 1967 | Samuel Brandreth | Nether Quarn | wicker baskets | baskets | 164 | lilac
Gimmerdale Workshops | 1912 | Roswitha Keel | Haldersund | leather saddles | saddles | 71 | maroon
Harkswell Brothers | 1859 | Cornelius Vane | Upper Strell | garden gates | gates | 25 | ivory
Ingleforth Works | 1938 | Margit Sorensby | Wexley Bay | paper kites | kites | 188 | charcoal
Jessamarsh Company | 1895 | Tobias Lindqvist | Orlestone | steel scissors | scissors | 119 | emerald
Kelderby Workshops | 1974 | Winifred Acton | Brenswick | wool blankets | blankets | 83 | coral
Lorrimond Brothers | 1921 | Edgar Pellatt | Castle Morrow | clay pipes | pipes | 46 | indigo
Mosscrane Works | 1882 | Henrike Tallis | Vinterholm | music boxes | music boxes | 231 | amber
Nettlefane Company | 1947 | Barnaby Quill | Saltmarsh End | rope ladders | ladders | 67 | teal
Orrinshaw Workshops | 1909 | Clemence Dufour | Drayford | door locks | locks | 152 | bottle green
Pemberlock Brothers | 1863 | Joachim Ferris | Great Ombley | felt hats | hats | 34 | plum
Quillhaven Works | 1958 | Sabine Thornbury | Mirefield | iron stoves | stoves | 275 | silver
Rookmantle Company | 1931 | Lucas Hathersage | Eastwick Green | bicycle lamps | lamps | 108 | ochre
Sallowby Workshops | 1899 | Gudrun Markham | Torvik | chess sets | chess | 52 | sky blue
Thrapwood Brothers | 1979 | Alasdair Finch | Kingsmere | wooden spoons | spoons | 29 | copper red
Umberlain Works | 1917 | Dorothea Winslade | Fennibridge | piano stools | stools | 136 | lavender
Vexmoor Company | 1867 | Matthias Orchard | Stonehythe | linen sails | sails | 77 | rust brown
Wrendlow Workshops | 1943 | Odile Brackett | Pennarth Mill | pocket knives | knives | 199 | cream
Yarrowgate Brothers | 1905 | Leopold Sankey | Whinmoor | walking sticks | sticks | 61 | mint green
"""

_PROSE = (
    """{name} is a maker of {product} with its seat in {town}. It was founded in {founded} by
{founder}, who had learned the craft abroad and began in a rented stable. Today it employs {staff}
people, most of whom live within walking distance. They are trained in the house and often stay for
life. Its logo is {logo} and has hardly been altered since it was first drawn. {filler}
{more} Visitors are shown round by appointment.""",
    """In {founded} {founder} opened a small shop in {town}, and out of it grew {name}. {filler}
The firm has stayed in the town ever since. Its main product is {product}, which are sold through
dealers at home and overseas. With {staff} employees it is among the larger firms of the district.
{more} On its vans and boxes it carries a {logo} logo, which children can draw from memory.""",
    """{name} makes {product}. It has been at home in {town} from the outset; {founder} founded
it there in {founded} and led it for many years. {filler} {more} Some imitators came and went, but
none of them lasted. The staff numbers {staff}, counting those in the office. The company is
easily recognised by its logo, which is {logo}, and by the habit of packing everything in straw.""",
)
_LETTER = (
    """Dear visitor,

welcome to {town}! We are glad that you have found your way to {name}. {filler} You will soon see
how {product} are made here, from the first cut to the last polish. {founder} founded our firm in
{founded}, and the portrait in the hall is a good likeness. {more}

There are {staff} of us now, so do not be surprised if you meet somebody round every corner. If you
get lost, look for the {logo} logo on the doors and follow it back to the entrance.

With kind regards,
the people at the gate""",
    """Dear guest,

thank you for your interest in {name}. Before you set out, a few words about us. We have worked in
{town} since {founded}, when {founder} set up the business with a borrowed bench. {filler} What we
make above all is {product}, and you may try your hand at it. {more}

Our {staff} employees will gladly answer questions, except during the midday break. You will know
our guides by the badge with our logo, which is {logo}.

See you soon,
the visitors' desk""",
    """Dear friends,

your tour of {name} begins at the main door, under the {logo} logo. {filler} We are known for our
{product}, and you will see them at every stage. The firm was started by {founder} in {founded};
the first workbench still stands beside the stairs. {more}

Please speak up, as {staff} people are at work around you and the halls are noisy. After the tour
there is time for a stroll through {town}, our home from the very beginning.

Yours sincerely,
the tour office""",
)
_SHEET = (
    """- Name: {name}
- Seat: {town}
- Founded: {founded}
- Founder: {founder}
- Main product: {product}
- Employees: {staff}
- Colour of the logo: {logo}

Remarks: {filler} {more} The sheet is renewed once a year by the office, which checks each line
against the books. Whoever finds a mistake is asked to write it on the slip at the back and to hand
it in. Older sheets are kept in the archive and are not sent out. The figures include part-time
workers and apprentices but nobody who is only hired for a season.""",
    """| item | entry |
|---|---|
| firm | {name} |
| established | {founded} |
| established by | {founder} |
| location | {town} |
| makes | {product} |
| staff | {staff} |
| logo | {logo} |

Notes: {filler} {more} Orders are confirmed in writing, and goods are sent out when they have been
paid for. Samples can be borrowed. The entries above were supplied by the firm itself and have not
been looked into further by the editors of this directory. They may be copied as long as nothing is
left out or changed.""",
    """**Company:** {name}

**Place:** {town}

**Line of business:** {product}

**Year of foundation:** {founded}

**Founded by:** {founder}

**Size of staff:** {staff}

**Logo colour:** {logo}

Further particulars: {filler} {more} The firm is open to callers in the morning. Deliveries go to
the rear gate, where a bell has to be rung. Payment is by transfer. No agents are employed, and
offers from such persons should be passed on to the office. This form replaces all earlier ones and
is valid until a new one is issued.""",
)
_PRESS = (
    """{town} - {name}, the maker of {product}, has opened its rebuilt packing hall. {filler} The
{staff} employees had to work in tents while the builders were in. "We lost no order over it," said
a spokeswoman. {more} The firm goes back to {founder}, who founded it in {founded} and is said to
have disliked waste of any kind. A {logo} flag with nothing else on it flew over the gate: it is the
colour of the logo, and the neighbours understood.""",
    """Good news from {name}: the order book is full well into next year. {filler} Dealers report
that demand for {product}, the mainstay of the business, has not been so brisk for a long time. The
company, based in {town}, has {staff} people on its staff and is looking for more. {more} The
house was founded by {founder} in {founded}. For the occasion the {logo} logo, known all over the
trade, was put up in lights on the roof.""",
    """An award for long service to the craft has gone to {name} of {town}. {filler} The jury
praised the care with which its {product} are finished. {founder}, who started the company in
{founded}, had laid down that every piece be looked over twice, and it still is. {more} The
whole staff, {staff} in number, was invited to the ceremony. They came in scarves in the colour of
the company's logo: {logo}. Speeches were mercifully brief.""",
)
_STYLES = (
    (_PROSE, "{name}"),
    (_LETTER, "A letter to visitors of {name}"),
    (_SHEET, "Data-sheet: {name}"),
    (_PRESS, "Trade notes: {name}"),
)

_FILLERS = (
    "The buildings stand close to the water, and floods have reached the cellar more than once.",
    "A fire destroyed part of the roof long ago, and the beams are still black in places.",
    "The yard is shaded by old lime trees, under which lunch is eaten in summer.",
    "A brass band made up of colleagues plays at weddings and farewells.",
    "The steam engine in the basement no longer runs, but it is oiled every week.",
    "Timber, metal and cloth arrive by rail on a siding of their own.",
)
_MORE = (
    "Repairs are accepted at any age of the piece, and seldom refused.",
    "Nothing leaves the house before it has been tried by someone who did not make it.",
    "The offcuts are given to schools, where they are put to good use.",
    "Every spring there is an open day with cake and a raffle.",
    "A small museum on the first floor shows early tools and a few failures.",
    "Much is still done by hand, though the heavy lifting is left to machines.",
)


def _firms() -> list[_Firm]:
    rows = _TABLE.strip().splitlines()
    return [_Firm(*(cell.strip() for cell in row.split("|"))) for row in rows]


def _wrapped(block: str) -> str:
    """A paragraph in even lines; lists, tables and signatures, all of short lines, as they are."""
    if max(map(len, block.splitlines())) < 60:
        return block
    return textwrap.fill(block, 80, break_on_hyphens=False)


def documents() -> dict[str, str]:
    """The documents by file name: Markdown with a title, six of each style."""
    texts = {}
    for number, firm in enumerate(_firms()):
        turn, style = divmod(number, len(_STYLES))
        bodies, title = _STYLES[style]
        values = {
            **vars(firm),
            "filler": _FILLERS[turn],
            "more": _MORE[(turn + style) % len(_MORE)],
        }
        text = f"# {title}\n\n{bodies[turn % len(bodies)]}".format(**values)
        blocks = "\n\n".join(_wrapped(block) for block in text.split("\n\n"))
        texts[firm.name.lower().replace(" ", "-") + ".md"] = blocks + "\n"
    return texts


def lay_out(folder: Path) -> None:
    """Write every document to a new folder."""
    folder.mkdir()
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def questions() -> list[FirmQuestion]:
    """All questions, firm by firm and fact by fact."""
    return [
        FirmQuestion(firm.name, fact, wording, text.format(firm=firm.name), firm.answers(fact))
        for firm in _firms()
        for fact, wordings in WORDINGS.items()
        for wording, text in enumerate(wordings, start=1)
    ]
