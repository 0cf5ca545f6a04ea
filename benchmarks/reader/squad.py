"""SQuAD 2.0 as documents: articles that the reader is trained on, and some set aside to choose by.

People wrote the questions (Rajpurkar et al. 2018, arXiv 1806.03822; CC BY-SA 4.0). Knows no model.
"""

import json
from pathlib import Path

from benchmarks.reader.material import Asked, Document, Section

# Nothing is trained on these; whatever is chosen is chosen on them.
SET_ASIDE = ("1973_oil_crisis", "Scottish_Parliament")


def articles(folder: Path) -> dict[str, list[Document]]:
    """Every article as one document a paragraph; a question's accepted forms are in its phrase.

    They stand there one a line, the shortest first.
    """
    found = {}
    for article in json.loads((folder / "train.json").read_text(encoding="utf-8")):
        title = article["title"].replace("_", " ")
        found[article["title"]] = [
            Document(
                title,
                (Section("", paragraph["context"]),),
                tuple(
                    Asked(
                        one["question"].strip(),
                        0 if one["answers"] else -1,
                        phrase="\n".join(one["answers"]),
                    )
                    for one in paragraph["qas"]
                ),
            )
            for paragraph in article["paragraphs"]
        ]
    return found
