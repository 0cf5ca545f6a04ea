"""The results of evaluations: figures only, no questions."""

from dataclasses import asdict

from sqlalchemy import insert, select

from ragcl.catalog.database import Database
from ragcl.catalog.schema import adapter_sets, evaluations
from ragcl.results import Evaluation


class Evaluations:
    """Queries on the evaluations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, evaluation: Evaluation) -> None:
        """Store an evaluation, with the round that promoted its set of adapters."""
        made_by = select(adapter_sets.c.round_id).where(adapter_sets.c.id == evaluation.adapter_set)
        values = {**asdict(evaluation), "round_id": made_by.scalar_subquery()}
        with self._database.writing() as connection:
            connection.execute(insert(evaluations).values(values))

    def all(self) -> list[Evaluation]:
        """Every evaluation, oldest first."""
        columns = [column for column in evaluations.c if column.name != "id"]
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).order_by(evaluations.c.id)).all()
        return [Evaluation(**row._mapping) for row in rows]
