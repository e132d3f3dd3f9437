"""Requests that are kept because that was asked for, until they expire: read again for review and training."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import sqlalchemy as sa

from modelwright.release.registry import feedback_tables as tables
from modelwright.serve.feedback._database import Records, parts
from modelwright.serve.feedback.sealing import Sealing
from modelwright.serve.feedback.shapes import Kept

Order = Literal["newest", "uncertain", "contested", "drifted"]
ORDERS: tuple[Order, ...] = ("uncertain", "contested", "newest", "drifted")
_MARKS = 10_000
_SEALED = ("row", "prediction", "scores", "challenger")
_R, _F = tables.requests.c, tables.feedback.c


class Requests(Records):
    """The kept requests of a name. Rows and answers are encrypted with the vault's key where one is open."""

    def __init__(self, url: str, name: str, sealing: Sealing | None = None) -> None:
        super().__init__(url, name)
        self.sealing = sealing or Sealing()
        self._marks: dict[str, float] = {}  # of requests that may not be written yet
        self._others: dict[str, tuple[Any, bool]] = {}  # likewise

    def keep(self, items: Sequence[Kept]) -> None:
        """Keep requests, in one transaction. Raises RegistryAway."""
        records = []
        for item in items:
            other, differs = self._others.pop(item.id, (item.challenger, item.contested))
            drift = self._marks.pop(item.id, item.drift)
            records.append(self._record_kept(replace(item, drift=drift, challenger=other, contested=differs)))
        if records:
            with self.writing() as connection:
                connection.execute(tables.requests.insert(), records)

    def kept(
        self,
        order: Order = "newest",
        limit: int = 100,
        since: float | None = None,
        versions: Iterable[str] | None = None,
        without: str | None = None,
    ) -> list[Kept]:
        """Return kept requests in an order, the first ones: the newest, the least certain, those whose answer is contested (another version
        or two tellers say otherwise), or the least like the training data. `without` leaves out what somebody has answered."""
        asked = sa.select(tables.requests).where(_R.name == self.name)
        asked = asked.where(_R.answered_at >= since) if since is not None else asked
        asked = asked.where(_R.version.in_(list(versions))) if versions is not None else asked
        if without is not None:
            mine = sa.select(_F.id).where(_F.name == self.name, _F.id == _R.id, _F.kind == "answer", _F.by == without)
            asked = asked.where(~mine.exists())
        newest = _R.answered_at.desc()
        if order == "uncertain":
            asked = asked.where(_R.margin.is_not(None)).order_by(_R.margin, newest)
        elif order == "drifted":
            asked = asked.where(_R.drift.is_not(None)).order_by(_R.drift.desc(), newest)
        elif order == "contested":
            # told wrong by somebody, or answered by several: what they told is compared by who asks
            others = sa.select(_F.id).where(_F.name == self.name, _F.id == _R.id, _F.correct.is_(False))
            asked = asked.where(_R.contested | others.exists()).order_by(newest)
        else:
            asked = asked.order_by(newest)
        with self.reading() as connection:
            rows = connection.execute(asked.order_by(_R.id).limit(limit)).all()
        return [self._kept_from_row(row) for row in rows]

    def kept_by_id(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Return those of some requests that are kept, by id."""
        out: dict[str, Kept] = {}
        for part in parts(ids):
            with self.reading() as connection:
                asked = sa.select(tables.requests).where(_R.name == self.name, _R.id.in_(part))
                rows = connection.execute(asked).all()
            out |= {row.id: self._kept_from_row(row) for row in rows}
        return out

    def count_kept(self) -> int:
        """Return how many requests are kept."""
        with self.reading() as connection:
            found = connection.execute(sa.select(sa.func.count()).where(_R.name == self.name)).scalar_one()
        return int(found)

    def mark(self, drift: Mapping[str, float]) -> None:
        """Say of requests, by id, how unlike the training data they are: the larger, the more. They may be kept later."""
        self._marks |= drift
        _trim(self._marks)
        self._update([{"of": id_, "drift": float(value)} for id_, value in drift.items()], "drift")

    def challenge(self, answers: Mapping[str, Any], differs: Mapping[str, bool]) -> None:
        """Say of requests, by id, what another version predicted, and whether that is something else. They may be kept later."""
        if not answers:
            return
        self._others |= {id_: (answer, bool(differs.get(id_))) for id_, answer in answers.items()}
        _trim(self._others)
        with self.writing() as connection:
            for part in parts(answers):
                asked = sa.select(tables.requests).where(_R.name == self.name, _R.id.in_(part))
                for found in map(self._kept_from_row, connection.execute(asked).all()):
                    now = replace(found, challenger=answers[found.id], contested=bool(differs.get(found.id)))
                    where = (_R.name == self.name) & (_R.id == found.id)
                    connection.execute(tables.requests.update().where(where).values(self._record_kept(now)))
                    self._others.pop(found.id, None)

    def _update(self, records: list[dict[str, Any]], column: str) -> None:
        if records:
            change = tables.requests.update().where(_R.name == self.name, _R.id == sa.bindparam("of"))
            with self.writing() as connection:
                connection.execute(change.values({column: sa.bindparam(column)}), records)

    def expire(self, now: float | None = None) -> int:
        """Delete the kept requests whose time is over; return how many."""
        where = (_R.name == self.name) & (_R.expires_at <= (time.time() if now is None else now))
        with self.writing() as connection:
            return connection.execute(tables.requests.delete().where(where)).rowcount

    def _record_kept(self, item: Kept) -> dict[str, Any]:
        plain = {k: v for k, v in item.__dict__.items() if k not in _SEALED}
        values = {"row": dict(item.row), "prediction": [item.prediction], "scores": item.scores}
        values["challenger"] = None if item.challenger is None else [item.challenger]
        sealed = {what: self._seal(value, item.id, what) for what, value in values.items()}
        return plain | sealed | {"name": self.name, "sealed": self.sealing.key_id}

    def _kept_from_row(self, row: Any) -> Kept:
        found = dict(row._mapping)
        del found["name"]
        sealed = found.pop("sealed")
        for what in _SEALED:
            found[what] = self._open(found[what], sealed, row.id, what)
        found["prediction"] = found["prediction"][0]
        found["challenger"] = found["challenger"][0] if found["challenger"] else None
        return Kept(**found)

    def _seal(self, value: Any, id_: str, what: str) -> bytes | None:
        return self.sealing.seal(value, f"{self.name}/{id_}/{what}")

    def _open(self, data: bytes | None, sealed: str | None, id_: str, what: str) -> Any:
        return self.sealing.open(data, sealed, f"{self.name}/{id_}/{what}")


def _trim(held: dict[str, Any]) -> None:
    """Drop the oldest of what waits for requests that may never be kept."""
    for id_ in list(held)[: max(0, len(held) - _MARKS)]:
        held.pop(id_, None)
