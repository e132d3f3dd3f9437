"""Canaries, shadows and watches: which version answers beside the champion, within which limits, and how that ends.

At most one of them stands for a name. Each is known by the revision at which it began, so that a service ends the one that
it judged, once, however many services judge it.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from modelwright.core.errors import RegistryError
from modelwright.core.utc import utc, utc_now
from modelwright.core.words import Words
from modelwright.privacy import ledger
from modelwright.release.registry import tables
from modelwright.release.registry.database import reading
from modelwright.release.registry.limits import DEFAULT, Limits, check_share, percent
from modelwright.release.registry.record import told_differences
from modelwright.release.registry.statements import (
    CHALLENGER,
    CHAMPION,
    Change,
    Release,
    drop_alias,
    enter,
    height,
    holder,
    notes,
    pick,
    read,
    set_alias,
)

CANARY, WATCH = "canary", "watch"
ENDED = ("automatic rollback", "canary end", "rollback")  # what is done to a version that goes back


@dataclass(frozen=True)
class Traffic:
    """The version of a name that is on trial: a canary or shadow, or a champion that is watched."""

    name: str
    kind: str  # canary, watch
    version: int  # the one that is judged
    before: int  # the one that it is compared with: the champion, or the champion before
    share: float  # of units that the version answers, 0 to 1
    shadow: bool  # whether it answers the champion's requests too, unseen
    limits: Limits
    began: int  # revision at which it began
    until: str | None  # UTC, as 2026-03-01T12:00:00Z; when a watch ends
    by: str
    at: str  # UTC; when it began

    @property
    def canary(self) -> bool:
        """Whether it is a canary or a shadow, which a promotion or an end must be told of."""
        return self.kind == CANARY

    @property
    def lasts(self) -> float:
        """Seconds that a watch still lasts; a canary lasts until it is ended."""
        if self.until is None:
            return float("inf")
        return dt.datetime.fromisoformat(self.until).timestamp() - time.time()

    @property
    def words(self) -> Words:
        """What runs, as a list of releases shows it."""
        if not self.canary:
            return Words(f"watched until {self.until}", f"监控至 {self.until}")
        parts = [(f"canary {percent(self.share)}", f"金丝雀 {percent(self.share)}")] if self.share else []
        parts += [("shadow", "影子")] if self.shadow else []
        return Words(", ".join(p[0] for p in parts), "，".join(p[1] for p in parts))

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {**self.__dict__, "limits": self.limits.to_json()}


@dataclass(frozen=True)
class Standing:
    """What a service of a name must know: the champion, what runs beside it, and the other version of that."""

    champion: Release
    traffic: Traffic | None = None
    other: Release | None = None  # the canary, or the champion before


class Trials:
    """The part of a registry that puts versions on trial."""

    url: str
    releases: Callable[..., list[Release]]
    _change: Callable[..., AbstractContextManager[tuple[sa.Connection, int, Callable[..., None]]]]

    def traffic(self, name: str) -> Traffic | None:
        """Return the canary, shadow or watch of a name. Raises RegistryError for an unknown name."""
        self.releases(name)
        with reading(self.url) as connection:
            return _lasting(_row(connection, name))

    def standing(self, name: str) -> Standing:
        """Return the champion of a name and what runs beside it, as of one moment. Raises RegistryError for an unknown name."""
        self.releases(name)
        with reading(self.url) as connection:
            found, row = read(connection, name), _lasting(_row(connection, name))
        champion = pick(found, CHAMPION)
        if row is None or champion.version != (row.before if row.canary else row.version):
            return Standing(champion)
        return Standing(champion, row, pick(found, row.version if row.canary else row.before))

    def canary(
        self,
        name: str,
        version: int | str,
        share: float = 0.0,
        *,
        shadow: bool = False,
        limits: Limits | None = None,
        in_spite: str | None = None,
    ) -> tuple[Change, Traffic]:
        """Let a version become the challenger and answer a share of the units; with `shadow` also what the champion answers, unseen.

        For the version that has a canary already its share, shadow and limits change. Raises OptionError for a share that is
        none, RegistryError for the champion itself, while another version has a canary, and for a version that reads other
        columns or knows other labels than the champion, unless `in_spite` says why it answers all the same.
        """
        if share or not shadow:
            check_share(share)
        reason = (in_spite or "").strip() or None
        self.releases(name)
        with self._change("canary") as (connection, number, entered):
            all_of, row = read(connection, name), running(connection, name)
            release, champion = pick(all_of, version), pick(all_of, CHAMPION)
            if release.version == champion.version:
                raise RegistryError(
                    f"{release.words.en} is the champion and answers everything; a canary must be another version.",
                    f"{release.words.zh} 是 champion，已在全部作答；金丝雀须为其他版本。",
                )
            if row is not None and row.version != release.version:
                raise busy(row)
            told = notes(champion, release)
            _check_alike(champion, release, reason)
            before = holder(all_of, CHALLENGER)
            if before is None or before.version != release.version:
                drop_alias(connection, name, CHALLENGER)
                set_alias(connection, name, CHALLENGER, 1, release.version)
            made = Traffic(
                name, CANARY, release.version, champion.version, share, shadow,
                limits or (row.limits if row else DEFAULT), row.began if row else number, None, ledger.who(), utc_now(),
            )  # fmt: skip
            _put(connection, made)
            kept = reason if told or champion.task != release.task else None
            facts = {"alias": CHALLENGER, "before": champion.version, "reason": _entry_words(made, kept)}
            enter(connection, number, name, "canary", release.version, **facts)
            more = {"share": share, "shadow": shadow, "limits": made.limits.to_json(), "in_spite": kept}
            entered(name=name, version=release.version, model=release.digest[:32], before=champion.version, **more)
            after = pick(read(connection, name), release.version)
        return Change(CHALLENGER, after, before, changed=True, notes=told), made

    def end_canary(self, name: str, reason: str | None = None) -> Change:
        """End the canary or shadow of a name; the champion answers everything. Raises RegistryError where none runs."""
        self.releases(name)
        with self._change("canary end") as (connection, number, entered):
            row = running(connection, name)
            if row is None:
                raise RegistryError(f"`{name}` has no canary and no shadow.", f"`{name}` 没有金丝雀或影子版本。")
            return self._end(connection, number, entered, row, "canary end", reason)

    def take_back(self, judged: Traffic, reason: Words) -> Change | None:
        """End a trial because a limit was exceeded: a canary answers no more, of a watched champion the one before answers again.

        For services. None where another did it already, or the trial is another by now.
        """
        did = "automatic rollback"
        with self._change(did) as (connection, number, entered):
            row = _row(connection, judged.name)
            if row is None or (row.began, row.version) != (judged.began, judged.version):
                return None
            return self._end(connection, number, entered, row, did, reason.en)

    def _end(
        self,
        connection: sa.Connection,
        number: int,
        entered: Callable[..., None],
        row: Traffic,
        did: str,
        reason: str | None,
    ) -> Change:
        """Take a version on trial back. `changes` names the version that answers from then on, and the one that went back."""
        name, all_of = row.name, read(connection, row.name)
        gone, stays = pick(all_of, row.version), pick(all_of, row.before)
        alias = CHALLENGER if row.canary else CHAMPION
        if row.canary:
            if CHALLENGER in gone.aliases:
                drop_alias(connection, name, CHALLENGER)
        else:
            drop_alias(connection, name, CHAMPION, height(connection, name))
        end(connection, name)
        facts = {"alias": alias, "before": gone.version, "reason": reason}
        enter(connection, number, name, did, stays.version, **facts)
        entered(name=name, version=stays.version, model=stays.digest[:32], **facts)
        after = pick(read(connection, name), stays.version)
        return Change(alias, after, gone, changed=True)

    def went_back(self, name: str | None = None) -> dict[tuple[str, int], dict[str, Any]]:
        """Return of each version (name, number) that went back how that was done, when and why; the latest time counts."""
        c = tables.changes
        rows = sa.select(c).where(c.c.did.in_((*ENDED, "promote", "canary"))).order_by(c.c.revision)
        rows = rows if name is None else rows.where(c.c.name == name)
        out: dict[tuple[str, int], dict[str, Any]] = {}
        with reading(self.url) as connection:
            for row in connection.execute(rows).mappings():
                if row["did"] not in ENDED:  # it was put on trial or promoted once more
                    out.pop((row["name"], row["version"]), None)
                elif row["before"] is not None:
                    out[row["name"], row["before"]] = {k: row[k] for k in ("did", "reason", "by", "at")}
        return out


def running(connection: sa.Connection, name: str) -> Traffic | None:
    """Return the canary or shadow of a name."""
    found = _row(connection, name)
    return found if found is not None and found.canary else None


def busy(row: Traffic) -> RegistryError:
    """Return the refusal of what cannot be done while a canary runs."""
    return RegistryError(
        f"Version {row.version} of `{row.name}` is on trial ({row.words.en}). Promote it, or end it first: modelwright rollback {row.name} --canary",
        f"`{row.name}` 的版本 {row.version} 正在试运行（{row.words.zh}）。请提升它，或先结束：modelwright rollback {row.name} --canary",
    )


def watch_champion(
    connection: sa.Connection, number: int, name: str, version: int, before: int | None, limits: Limits
) -> None:
    """Let services watch a new champion from now on, in place of whatever ran beside the one before."""
    end(connection, name)
    if before is None or not limits.watch:
        return
    ends = utc(time.time() + limits.watch)
    _put(connection, Traffic(name, WATCH, version, before, 1.0, False, limits, number, ends, ledger.who(), utc_now()))


def end(connection: sa.Connection, name: str) -> None:
    """Let nothing run beside the champion, and watch it no more."""
    connection.execute(tables.traffic.delete().where(tables.traffic.c.name == name))


def _check_alike(champion: Release, release: Release, in_spite: str | None) -> None:
    found = told_differences(champion.facts, release.facts)
    if champion.task != release.task:
        found.append(Words("it does another task", "任务不同"))
    if not found or in_spite:
        return
    raise RegistryError(
        f"Not begun: {release.words.en} and the champion, {champion.words.en}, cannot stand in for each other: {'; '.join(w.en for w in found)}. "
        'To let it answer all the same, say why with --in-spite "REASON"; the ledger keeps the reason.',
        f"未开始：{release.words.zh} 与 champion {champion.words.zh} 不能互相替代：{'；'.join(w.zh for w in found)}。"
        '如仍要由其作答，请用 --in-spite "理由" 说明，理由会记入账本。',
    )


def _entry_words(made: Traffic, kept: str | None) -> str:
    return made.words.en + (f"; in spite: {kept}" if kept else "")


def _row(connection: sa.Connection, name: str) -> Traffic | None:
    t = tables.traffic
    found = connection.execute(sa.select(t).where(t.c.name == name)).mappings().first()
    return None if found is None else Traffic(**{**found, "limits": Limits.of(found["limits"])})


def _lasting(row: Traffic | None) -> Traffic | None:
    return row if row is not None and row.lasts > 0 else None


def _put(connection: sa.Connection, row: Traffic) -> None:
    end(connection, row.name)
    connection.execute(tables.traffic.insert().values(**row.to_json()))
