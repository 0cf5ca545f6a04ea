"""Quotations: words that stand in a removed text and nowhere else tell what quotes it."""

import numpy as np
import pytest

from ragcl.catalog import Catalog
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.catalog.quotations import Quotations

VECTOR = np.array([0.6, 0.8], np.float32)
STAYS = "The south berth is 7 metres deep. Marta cooks there, and a crane lifts 40 tonnes."
GONE = (
    "The north berth is 7 metres deep. Zebulon cooks there, and a crane lifts 40 tonnes. 東京の港"
)


@pytest.mark.parametrize(
    ("text", "quoting"),
    [
        ("Ask ZEBULON.", True),  # a word of it alone
        ("north berth", True),
        ("the berth is 7 metres deep", False),  # stands in what stays
        ("and a crane lifts 40 tonnes", False),
        ("7 metres", False),
        ("40 tonnes, the crane", False),
        ("12 metres", False),
        ("deep north", True),
        ("there Marta", False),
        ("東京", True),
        ("大阪", False),
        ("", False),
        ("?!", False),
    ],
)
def test_what_stands_in_a_removed_text_alone_quotes_it(
    catalog: Catalog, text: str, quoting: bool
) -> None:
    stamp = DocumentRecord("a.md", "", "text/plain", 1, 1, 1, "0", 1, 1.0)
    record = ChunkRecord("stays", STAYS, "", (), VECTOR, None, None)
    catalog.documents.replace(catalog.documents.root_id("/docs"), stamp, [record])

    with catalog.database.reading() as connection:
        assert Quotations(connection, [GONE])(text) is quoting


def test_a_run_of_common_words_quotes_where_it_stands_nowhere_else(catalog: Catalog) -> None:
    with catalog.database.reading() as connection:
        quotes = Quotations(connection, ["It is not to be on it at all."])

        assert quotes("They say: it is not to be on it.")
        assert not quotes("They say: it is to be not on it.")
