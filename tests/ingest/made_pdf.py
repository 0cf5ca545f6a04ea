"""PDF files made for tests."""

from fpdf import FPDF


def pdf(*pages: str) -> bytes:
    """A file with a page for each text."""
    made = FPDF()
    made.set_font("Helvetica", size=12)
    for page in pages:
        made.add_page()
        made.multi_cell(0, 8, page)
    return bytes(made.output())
