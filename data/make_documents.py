"""Write the PDF and the DOCX of the sample handbook, for every revision.

The text lives here; a passage that changes is a named field, filled in from
`VALUES` for each revision. Nothing of the day or the machine goes into the
files, so running this again with the same libraries gives the same bytes:

    python data/make_documents.py
"""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF, XPos, YPos

HANDBOOK = Path(__file__).parent / "handbook"
FIRM = "Pellingsund Harbour Works"
WRITTEN = datetime(2026, 1, 15, tzinfo=UTC)  # the date in the metadata of every file
ZIP_DATE = (2026, 1, 15, 0, 0, 0)  # and of every entry in a DOCX archive

Section = tuple[str, list[str]]  # heading, paragraphs

VALUES: dict[str, dict[str, str]] = {
    "2026-01-15": {"assembly_point": "Lantern Yard", "leave": "29 days"},
    "2026-04-15": {"assembly_point": "Cooper's Green", "leave": "29 days"},
    "2026-07-15": {"assembly_point": "Cooper's Green", "leave": "33 days"},
}

SAFETY_TITLE = "Safety rules"
SAFETY: list[Section] = [
    (
        "Alarm and assembly",
        [
            "The general alarm is a rising tone from the roof of the fish hall. When you hear "
            "it, stop what you are doing, make your machine safe and walk to the assembly "
            "point. The assembly point for everyone on the quays is {assembly_point}. Foremen "
            "count their people there and report to the safety officer; nobody goes back for "
            "tools or clothing.",
            "The alarm is tested every Tuesday, with one short tone. If the tone does not stop "
            "after a few breaths, it is not a test.",
        ],
    ),
    (
        "Helmets and clothing",
        [
            "Helmets are worn everywhere outdoors except on the road to the ferry. The colour "
            "shows who is who. Crane drivers wear amber helmets, so that the people on the "
            "ground know whom to look at. Visitors wear lilac helmets and are never left "
            "without company. Everybody else wears white.",
            "A helmet that has taken a knock is thrown away, even if no crack can be seen. "
            "Boots have steel caps, jackets have reflecting bands, and loose scarves stay in "
            "the locker. New clothing is given out at the yard office against the old piece.",
        ],
    ),
    (
        "First aid",
        [
            "The first aid room is behind the rope store and is never locked. The nurse of the "
            "Works is Hedda Varrow, and on her days off one of the trained helpers stands in "
            "for her. Small cuts are cleaned and covered at once, because harbour water is not "
            "clean.",
            "In an emergency, dial 6114 from any telephone on the quays. Say where you are, "
            "what has happened and how many people are hurt, and stay on the line until you "
            "are told to hang up. Send someone to the gate to show the ambulance the way.",
        ],
    ),
    (
        "Spills and near misses",
        [
            "Oil on the quay is covered with Quellmoss, the brown granules in the striped "
            "chests, and swept up when it has turned dark. Oil on the water is a matter for "
            "the harbour master, who is called before anything is done about it. Never wash "
            "a spill over the edge, however small it seems.",
            "A near miss is an accident that was lucky. It is reported to the safety officer, "
            "Ruben Askerdale, in a few plain words. Nobody is blamed for a report, and every "
            "report is answered. The lessons are read out when the shift begins.",
        ],
    ),
]

TERMS_TITLE = "Terms of work"
TERMS: list[Section] = [
    (
        "Shifts",
        [
            "Work on the quays is done in shifts, and the list for the coming month hangs in "
            "the yard office. The early shift begins at 05:45, in time to meet the first "
            "boats. Those who work at night receive a supplement of 31 crowns for each night. "
            "Shifts may be exchanged between colleagues of the same trade if both foremen "
            "agree and the list is corrected. Nobody works two shifts in a row. If a ship is "
            "late and the gang is asked to stay, the extra time is written down by the foreman "
            "and given back within the season.",
        ],
    ),
    (
        "Leave",
        [
            "Everyone with a full contract has {leave} of paid leave a year. People who began "
            "during the year have a share of it. Leave is requested from Pia Dunmarrow at the "
            "head office, best by the end of winter if it is for the summer, when everyone "
            "wants to be away at once. Families with children at school are considered first, "
            "then those who gave way the year before. Leave that was spoiled by illness is "
            "given back on showing a note from the doctor. Unused leave goes over into the "
            "next year until Easter.",
        ],
    ),
    (
        "Pay and pension",
        [
            "Wages are paid on the 23rd of each month, into a bank account or, for the summer "
            "hands, in an envelope at the head office. The slip shows the hours, the "
            "supplements and what was taken off for tax. Ask about a mistake as soon as you "
            "see it; it will be put right with the next payment.",
            "All staff belong to the pension scheme, which is called the Kedge Fund. The Works "
            "pays in as much as you do. A statement is sent out once a year, and the trustees "
            "explain it to anyone who would like that.",
        ],
    ),
    (
        "Leaving the Works",
        [
            "Either side may end a contract with notice of seven weeks, given in writing. "
            "During that time you are free to visit another employer for a day without losing "
            "pay. Keys, clothing and the crane ticket are handed in at the yard office on the "
            "last day, and a letter of reference is ready by then. Those who leave to go to "
            "sea or to study are welcome to return: their years of service are kept on the "
            "books and counted again. A farewell is the business of the gang, and the board "
            "gives something towards it.",
        ],
    ),
]


class HandbookPdf(FPDF):
    """An A4 document that carries the firm's name and the page number on each page."""

    def header(self) -> None:
        """Print the running head."""
        self.set_font("Helvetica", "I", 9)
        self.cell(0, 8, f"{FIRM} - {SAFETY_TITLE}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def footer(self) -> None:
        """Print the page number."""
        self.set_y(-15)
        self.set_font("Helvetica", "I", 9)
        self.cell(0, 8, f"Page {self.page_no()}", align="C")


def pdf_bytes(title: str, sections: list[Section], values: dict[str, str]) -> bytes:
    """Return the PDF of `sections`, with the fields in their text filled from `values`."""
    pdf = HandbookPdf(format="A4")
    pdf.set_creation_date(WRITTEN)
    pdf.set_title(title)
    pdf.set_author(FIRM)
    pdf.set_producer(FIRM)
    pdf.set_margin(25)
    pdf.set_auto_page_break(auto=True, margin=25)
    pdf.add_page()
    pdf.set_font("Helvetica", "B", 18)
    pdf.cell(0, 14, title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for heading, paragraphs in sections:
        pdf.set_font("Helvetica", "B", 13)
        pdf.cell(0, 12, heading, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_font("Helvetica", "", 12)
        for paragraph in paragraphs:
            pdf.multi_cell(0, 7, paragraph.format(**values), align="L", new_x=XPos.LMARGIN)
            pdf.ln(3)
    return bytes(pdf.output())


def docx_bytes(title: str, sections: list[Section], values: dict[str, str]) -> bytes:
    """Return the DOCX of `sections`, with the fields in their text filled from `values`."""
    document = Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, FIRM, ""
    properties.created = properties.modified = WRITTEN
    document.add_heading(title, level=0)
    for heading, paragraphs in sections:
        document.add_heading(heading, level=1)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph.format(**values))
    archive = io.BytesIO()
    document.save(archive)
    return with_fixed_dates(archive)


def with_fixed_dates(archive: io.BytesIO) -> bytes:
    """Return the ZIP `archive` again with `ZIP_DATE` on every entry, which python-docx stamps."""
    rewritten = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, date_time=ZIP_DATE)
            new.writestr(entry, old.read(name), compress_type=zipfile.ZIP_DEFLATED)
    return rewritten.getvalue()


def main() -> None:
    """Write both documents into the folder of every revision."""
    for revision, values in VALUES.items():
        folder = HANDBOOK / revision
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "safety-rules.pdf").write_bytes(pdf_bytes(SAFETY_TITLE, SAFETY, values))
        (folder / "terms-of-work.docx").write_bytes(docx_bytes(TERMS_TITLE, TERMS, values))


if __name__ == "__main__":
    main()
