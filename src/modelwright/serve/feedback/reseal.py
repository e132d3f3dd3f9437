"""What services keep put under another key of the vault: after a rotation nothing needs the old one any more."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from modelwright.core.keyref import Key
from modelwright.release.registry import feedback_tables
from modelwright.serve.feedback._database import Records
from modelwright.serve.feedback.sealing import Sealing

_TOGETHER = 500  # rows of one transaction
_CELLS = {  # of each table: the cells that are sealed, and what the place of each is called
    feedback_tables.feedback: {"value": "value", "row": "told row"},
    feedback_tables.requests: {what: what for what in ("row", "prediction", "scores", "challenger")},
}


def reseal(url: str, keys: Sequence[Key], new: Key) -> int:
    """Encrypt anew, under `new`, all that a database keeps under other keys; return how many rows.

    `keys` are those that open it. Rows that are plain stay so. Raises VaultError where a row does not open: it and those
    after it stay as they are. Raises RegistryAway where the database cannot be reached.
    """
    records, sealing, done = Records(url, ""), Sealing([new, *keys]), 0
    for table, cells in _CELLS.items():
        key = list(table.primary_key.columns)
        due = sa.select(table).where(table.c.sealed.is_not(None), table.c.sealed != new.id).limit(_TOGETHER)
        while True:
            with records.writing() as connection:
                rows = connection.execute(due).all()
                for row in rows:
                    now = {}
                    for cell, what in cells.items():
                        place = f"{row.name}/{row.id}/{what}"
                        now[cell] = sealing.seal(sealing.open(getattr(row, cell), row.sealed, place), place)
                    where = sa.and_(*(c == getattr(row, c.name) for c in key))
                    connection.execute(table.update().where(where).values(sealed=new.id, **now))
            done += len(rows)
            if len(rows) < _TOGETHER:
                break
    return done
