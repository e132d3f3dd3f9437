"""Feedback of a name's answers: taken, counted, joined with the rows that it is for, taken back, erased."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from modelwright.core.keyref import Key
from modelwright.privacy.subjects import digest
from modelwright.release.registry import feedback_tables as tables
from modelwright.serve.feedback._database import parts
from modelwright.serve.feedback.requests import Requests
from modelwright.serve.feedback.shapes import Counts, Kept, Kind, Labelled, Told

__all__ = ["Counts", "Feedback", "Kept", "Labelled", "Told"]

Outcome = Literal["taken", "same", "replaced", "differs"]
_PAGE = 2000  # rows that are read at a time
_T = tables.feedback.c


class Feedback(Requests):
    """What is told of the answers of a name, and its requests that are kept, in the database at a SQLAlchemy URL.

    Values and rows are encrypted with the vault's key where one is open. Methods raise RegistryAway where the database
    cannot be reached or the disk is full; nothing is half-written then.
    """

    def add(self, items: Sequence[Told], replace: bool = False) -> list[Outcome]:
        """Keep feedback in one transaction, which is on the disk when this returns; say of each item what became of it.

        Each teller has one word for each answer and kind: told again it is `same`, or `differs` and is not written unless
        `replace` says so.
        """
        with self.writing() as connection:
            return self.add_within(connection, items, [replace] * len(items))

    def add_within(self, connection: sa.Connection, items: Sequence[Told], replace: Sequence[bool]) -> list[Outcome]:
        """Do what `add` does in a transaction that is open."""
        before = self._before(connection, {item.id for item in items})
        out: list[Outcome] = []
        new: dict[tuple[str, str, str], dict[str, Any]] = {}
        changed: dict[tuple[str, str, str], dict[str, Any]] = {}
        for item, may in zip(items, replace, strict=True):
            at = (item.id, item.kind, item.by)
            if at not in before:
                new[at] = self._record(item)
                out.append("taken")
            elif before[at] == item.value:
                out.append("same")
                continue
            elif not may:
                out.append("differs")
                continue
            else:
                (new if at in new else changed)[at] = self._record(item)
                out.append("replaced")
            before[at] = item.value
        if new:
            connection.execute(tables.feedback.insert(), list(new.values()))
        for (id_, kind, by), record in changed.items():
            where = (_T.name == self.name) & (_T.id == id_) & (_T.kind == kind) & (_T.by == by)
            connection.execute(tables.feedback.update().where(where).values(record))
        return out

    def _before(self, connection: sa.Connection, ids: set[str]) -> dict[tuple[str, str, str], Any]:
        """Return what was told of some answers, by id, kind and teller."""
        out = {}
        for part in parts(sorted(ids)):
            asked = sa.select(_T.id, _T.kind, _T.by, _T.value, _T.sealed)
            for row in connection.execute(asked.where(_T.name == self.name, _T.id.in_(part))):
                out[row.id, row.kind, row.by] = self._open(row.value, row.sealed, row.id, "value")
        return out

    def _record(self, item: Told) -> dict[str, Any]:
        own = ("value", "row")
        plain = {k: v for k, v in item.__dict__.items() if k not in own}
        row = None if item.row is None else dict(item.row)
        return plain | {
            "name": self.name,
            "value": self._seal_told(item.value, item.id),
            "row": self._seal(row, item.id, "told row"),
            "sealed": self.sealing.key_id,
        }

    def _seal_told(self, value: Any, id_: str) -> bytes:
        # an answer may be null, which is told as well
        return self._seal([value], id_, "value") or b""

    def _open(self, data: bytes | None, sealed: str | None, id_: str, what: str) -> Any:
        found = super()._open(data, sealed, id_, what)
        return found[0] if what == "value" else found

    def told(
        self,
        since: float | None = None,
        until: float | None = None,
        versions: Iterable[str] | None = None,
        kinds: Iterable[Kind] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Iterator[Told]:
        """Yield feedback, the oldest first: told at `since` or later and before `until`, of some versions, kinds or answers."""
        asked = sa.select(tables.feedback).where(_T.name == self.name).order_by(_T.told_at, _T.id, _T.kind, _T.by)
        for bound, column in ((versions, _T.version), (kinds, _T.kind), (ids, _T.id)):
            if bound is not None:
                asked = asked.where(column.in_(list(bound)))
        asked = asked.where(_T.told_at >= since) if since is not None else asked
        asked = asked.where(_T.told_at < until) if until is not None else asked
        for start in itertools.count(0, _PAGE):
            with self.reading() as connection:
                rows = connection.execute(asked.limit(_PAGE).offset(start)).all()
            for row in rows:
                found = dict(row._mapping)
                del found["name"]
                sealed = found.pop("sealed")
                found["value"] = self._open(found["value"], sealed, row.id, "value")
                found["row"] = self._open(found["row"], sealed, row.id, "told row")
                yield Told(**found)
            if len(rows) < _PAGE:
                return

    def counts(self, since: float | None = None) -> dict[str, Counts]:
        """Return what was told of each version's answers, by version."""
        size = sa.func.abs(_T.error)
        asked = sa.select(
            _T.version, _T.kind, _T.correct, _T.new, sa.func.count(), sa.func.count(_T.error), sa.func.sum(size)
        )
        asked = asked.where(_T.name == self.name)
        asked = asked.where(_T.told_at >= since) if since is not None else asked
        out: dict[str, Counts] = defaultdict(Counts)
        with self.reading() as connection:
            rows = connection.execute(asked.group_by(_T.version, _T.kind, _T.correct, _T.new)).all()
        for version, kind, correct, new, count, numbers, absolute in rows:
            of = out[version]
            if kind == "outcome":
                of.outcomes += count
            elif kind == "thumb":
                of.thumbs_up += count * (correct is True)
                of.thumbs_down += count * (correct is False)
            else:
                of.answers += count
                of.right += count * (correct is True)
                of.wrong += count * (correct is False)
                of.new_labels += count * bool(new)
                of.numbers += numbers
                of.absolute_error += absolute or 0.0
        return dict(out)

    def labelled(
        self, since: float | None = None, until: float | None = None, gist: Callable[[Any], Any] = repr
    ) -> list[Labelled]:
        """Return the rows whose right answer is known, one for each id, in the order in which it was last told.

        The row is the one that came along, else that of the kept request; what has none is left out. A thumb up means
        the answer given, where that was kept and nobody told another. `gist` tells answers apart (`TargetCodec.gist`).
        """
        by_id: dict[str, list[Told]] = defaultdict(list)
        for told in self.told(since, until, kinds=("answer", "thumb")):
            by_id[told.id].append(told)
        kept = self.kept_by_id(list(by_id))
        out = [_labelled(id_, told, kept.get(id_), gist) for id_, told in by_id.items()]
        return sorted((row for row in out if row is not None), key=lambda row: row.told_at)

    def withdraw(self, id_: str, by: str, kind: Kind = "answer") -> bool:
        """Take back what somebody told of an answer; return whether there was anything."""
        where = (_T.name == self.name) & (_T.id == id_) & (_T.by == by) & (_T.kind == kind)
        with self.writing() as connection:
            return connection.execute(tables.feedback.delete().where(where)).rowcount > 0

    def expire(self, now: float | None = None) -> int:
        """Delete the kept requests, and the feedback on them with a row, whose time is over; return how many."""
        now = time.time() if now is None else now
        gone = super().expire(now)
        with self.writing() as connection:
            where = (_T.name == self.name) & (_T.expires_at <= now)
            return gone + connection.execute(tables.feedback.delete().where(where)).rowcount

    def forget(self, subject: str, key: Key, *, look_only: bool = False) -> int:
        """Delete all that is kept of a subject under this name: requests, and feedback on them; return how many rows."""
        mark = digest(key, subject)
        asked = tables.requests.c
        with self.writing() as connection:
            of = (asked.name == self.name) & (asked.subject == mark)
            ids = connection.execute(sa.select(asked.id).where(of)).scalars().all()
            told = connection.execute(
                sa.select(_T.id).where(_T.name == self.name, (_T.subject == mark) | _T.id.in_(ids))
            ).all()
            if not look_only:
                where = (_T.name == self.name) & ((_T.subject == mark) | _T.id.in_(ids))
                connection.execute(tables.feedback.delete().where(where))
                connection.execute(tables.requests.delete().where(of))
            return len(ids) + len(told)


def _labelled(id_: str, told: Sequence[Told], kept: Kept | None, gist: Callable[[Any], Any]) -> Labelled | None:
    """Return a row with the answer that most told; None where its row or its answer is not known."""
    row: Mapping[str, Any] | None = next((t.row for t in reversed(told) if t.row is not None), None)
    row = row if row is not None else kept.row if kept else None
    answers = [t for t in told if t.kind == "answer"]
    if row is None:
        return None
    if not answers:
        up = [t for t in told if t.value is True]
        if kept is None or len(up) * 2 <= len(told):
            return None
        first, votes, agree, answer, new = up[-1], len(told), len(up) / len(told), kept.prediction, False
    else:
        groups: dict[str, list[Told]] = defaultdict(list)
        for t in answers:
            groups[repr(gist(t.value))].append(t)
        best = max(groups.values(), key=lambda g: (len(g), g[-1].told_at))
        first, votes, agree = best[-1], len(answers), len(best) / len(answers)
        answer, new = first.value, first.new
    return Labelled(
        id=id_,
        version=first.version,
        row=row,
        answer=answer,
        new=new,
        told_at=max(t.told_at for t in told),
        answered_at=first.answered_at,
        subject=first.subject or (kept.subject if kept else None),
        votes=votes,
        agree=agree,
        source=first.source,
        prediction=kept.prediction if kept else None,
        correct=first.correct,
    )
