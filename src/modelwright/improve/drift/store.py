"""Where drift is kept: the running test of each version of a name, its alarms, and references that were made later."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelwright.evaluate.drift.reference import Reference
from modelwright.evaluate.drift.verdicts import Verdict
from modelwright.improve.drift.state import DriftState, digest
from modelwright.release.registry.drift_tables import alarms, drift, references
from modelwright.serve.feedback.records import Records


@dataclass(frozen=True)
class Alarm:
    """One alarm. `facts` are those of the verdict: shares by bin, no value of a row. `ended` None: it stands."""

    version: str
    number: int
    column: str
    role: str
    began: float
    ended: float | None
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the alarm as JSON values."""
        return dict(self.__dict__)


class DriftStore(Records):
    """One name's drift in the database. Methods raise RegistryAway where it cannot be reached; nothing is half-written then."""

    def update(self, version: str, reference: Reference, change: Callable[[DriftState], None], tell: bool = False) -> tuple[DriftState, list[Alarm]]:  # fmt: skip
        """Change the state of a version in one transaction, which processes enter one after the other.

        Returns the state, and the alarms that began by it. With `tell` these are due for a webhook.
        """
        mine = digest(reference)
        where = (drift.c.name == self.name) & (drift.c.version == version)
        with self.writing() as connection:
            row = connection.execute(sa.select(drift).where(where)).one_or_none()
            state = self._state(reference, mine, row)
            change(state)
            about, counts = state.to_bytes()
            values = {"reference": mine, "about": about, "counts": counts, "at": time.time()}
            if row is None:
                connection.execute(drift.insert().values(name=self.name, version=version, **values))
            else:
                connection.execute(drift.update().where(where).values(**values))
            began = self._settle(connection, version, state.verdicts(), tell)
        return state, began

    def _state(self, reference: Reference, mine: str, row: Any) -> DriftState:
        if row is None or row.reference != mine:
            return DriftState.new(reference)
        try:
            return DriftState.from_bytes(reference, row.about, row.counts)
        except (KeyError, ValueError, TypeError):  # of another version of Modelwright: counted anew
            return DriftState.new(reference)

    def _settle(self, connection: sa.Connection, version: str, verdicts: list[Verdict], tell: bool) -> list[Alarm]:
        """Begin alarms of columns that have drifted, and end those of columns that are as before."""
        where = (alarms.c.name == self.name) & (alarms.c.version == version)
        rows = connection.execute(
            sa.select(alarms.c.number, alarms.c.column, alarms.c.role, alarms.c.ended).where(where)
        ).all()
        standing = {(r.role, r.column): r.number for r in rows if r.ended is None}
        number, now = max((r.number for r in rows), default=0), time.time()
        out = []
        for verdict in verdicts:
            at = standing.get((verdict.role, verdict.name))
            if verdict.state == "drifted" and at is None:
                number += 1
                alarm = Alarm(version, number, verdict.name, verdict.role, now, None, verdict.to_json())
                connection.execute(
                    alarms.insert().values(name=self.name, tries=0, due=now if tell else None, **alarm.to_json())
                )
                out.append(alarm)
            elif verdict.state != "drifted" and at is not None:
                connection.execute(alarms.update().where(where, alarms.c.number == at).values(ended=now))
        return out

    def state(self, version: str, reference: Reference) -> DriftState:
        """Return the state of a version as it stands; before the first row a new one."""
        with self.reading() as connection:
            where = (drift.c.name == self.name) & (drift.c.version == version)
            row = connection.execute(sa.select(drift).where(where)).one_or_none()
        return self._state(reference, digest(reference), row)

    def alarms(self, version: str | None = None, most: int = 50) -> list[Alarm]:
        """Return alarms, the newest first."""
        asked = sa.select(alarms).where(alarms.c.name == self.name).order_by(alarms.c.began.desc()).limit(most)
        if version is not None:
            asked = asked.where(alarms.c.version == version)
        with self.reading() as connection:
            rows = connection.execute(asked).all()
        return [Alarm(r.version, r.number, r.column, r.role, r.began, r.ended, r.facts) for r in rows]

    # -- webhooks ----------------------------------------------------------------------------------------------------

    def claim(self, seconds: float) -> tuple[Alarm, int] | None:
        """Return an alarm that is due to be told and how often that was tried; for some seconds no other process gets it."""
        now = time.time()
        asked = sa.select(alarms).where(alarms.c.name == self.name, alarms.c.due <= now).order_by(alarms.c.due).limit(1)
        with self.reading() as connection:
            if connection.execute(asked).one_or_none() is None:
                return None
        with self.writing() as connection:
            row = connection.execute(asked).one_or_none()
            if row is None:
                return None
            connection.execute(alarms.update().where(self._at(row)).values(due=now + seconds, tries=row.tries + 1))
        return Alarm(row.version, row.number, row.column, row.role, row.began, row.ended, row.facts), row.tries + 1

    def told(self, alarm: Alarm, again: float | None) -> None:
        """Note that the webhook was told of an alarm, or is to be tried again at a time."""
        with self.writing() as connection:
            connection.execute(alarms.update().where(self._at(alarm)).values(due=again))

    def _at(self, alarm: Any) -> Any:
        return (alarms.c.name == self.name) & (alarms.c.version == alarm.version) & (alarms.c.number == alarm.number)

    # -- references --------------------------------------------------------------------------------------------------

    def reference(self, version: str) -> Reference | None:
        """Return the reference that was made for a version; None where there is none."""
        where = (references.c.name == self.name) & (references.c.version == version)
        with self.reading() as connection:
            found = connection.execute(sa.select(references.c.reference).where(where)).scalar()
        return Reference.from_json(found) if found is not None else None

    def keep_reference(self, version: str, reference: Reference) -> None:
        """Keep the reference of a version in place of the one before."""
        where = (references.c.name == self.name) & (references.c.version == version)
        with self.writing() as connection:
            connection.execute(references.delete().where(where))
            connection.execute(
                references.insert().values(
                    name=self.name, version=version, reference=reference.to_json(), by=getpass.getuser(), at=time.time()
                )
            )
