"""What services found of a version on trial, host by host: how its requests went, and how its answers compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from modelwright.core.utc import utc_now
from modelwright.core.words import Words, counted
from modelwright.release.registry import tables
from modelwright.release.registry.database import changing, reading
from modelwright.release.registry.limits import percent
from modelwright.release.registry.traffic import Traffic

_LARGEST = ("p95", "p95_before")  # of several hosts the largest counts; of all others the sum


@dataclass
class Findings:
    """Counts since a trial began; several hosts are added up."""

    requests: int = 0  # that the version on trial answered, or failed to
    errors: int = 0  # of them, those that failed because of the model
    p95: float | None = None  # seconds within which 95 % of its latest requests were answered
    p95_before: float | None = None  # the same of the version that it is compared with
    rows: int = 0  # that both answered
    equal: int = 0  # of them, rows with the same prediction
    measured: int = 0  # of them, rows of which a distance is known
    distance: float = 0.0  # sum of distances: of numbers, or half the sum of differences of all scores
    dropped: int = 0  # requests that were not compared, since too many waited
    failed: int = 0  # requests to which the version that answers unseen had no answer

    def add(self, other: Findings) -> None:
        """Add what another host found."""
        for name, value in asdict(other).items():
            mine = getattr(self, name)
            if name in _LARGEST:
                setattr(self, name, max((v for v in (mine, value) if v is not None), default=None))
            else:
                setattr(self, name, mine + value)

    @property
    def words(self) -> Words:
        """What was found, as a list of releases shows it; empty where nothing was."""
        en, zh = [], []
        if self.requests:
            failed = percent(self.errors / self.requests)
            en.append(f"{self.requests:,} requests, {failed} failed{_p95(self, 'en')}")
            zh.append(f"{self.requests:,} 个请求，{failed} 失败{_p95(self, 'zh')}")
        if self.rows:
            equal = percent(self.equal / self.rows)
            apart = self.distance / self.measured if self.measured else None
            en.append(
                f"{counted(self.rows, 'row')} compared, {equal} equal"
                + ("" if apart is None else f", mean distance {apart:.3g}")
            )
            zh.append(f"比较 {self.rows:,} 行，{equal} 相同" + ("" if apart is None else f"，平均距离 {apart:.3g}"))
        return Words("; ".join(en), "；".join(zh))

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return asdict(self)


def _p95(found: Findings, lang: str) -> str:
    unit = "ms" if lang == "en" else "毫秒"
    if found.p95 is None:
        return ""
    own = f", p95 {1e3 * found.p95:.0f} {unit}" if lang == "en" else f"，p95 {1e3 * found.p95:.0f} {unit}"
    if found.p95_before is None:
        return own
    other = f"{1e3 * found.p95_before:.0f} {unit}"
    return own + (f" (the other {other})" if lang == "en" else f"（对照 {other}）")


def tell(url: str, trial: Traffic, host: str, found: Findings) -> None:
    """Keep what a service on `host` has found of a trial so far, in place of what it told before. Raises RegistryAway."""
    t = tables.findings
    own = {"name": trial.name, "began": trial.began, "host": host}
    with changing(url) as (connection, _):  # no change of what answers: the revision stays
        connection.execute(t.delete().where(*(t.c[k] == v for k, v in own.items())))
        connection.execute(
            t.insert().values(**own, version=trial.version, before=trial.before, at=utc_now(), **asdict(found))
        )


def found_of(url: str, name: str | None = None) -> dict[tuple[str, int], Findings]:
    """Return what all hosts found of the latest trial of each version (name, number). Raises RegistryAway."""
    t = tables.findings
    rows = sa.select(t).order_by(t.c.began)
    rows = rows if name is None else rows.where(t.c.name == name)
    out: dict[tuple[str, int], tuple[int, Findings]] = {}
    with reading(url) as connection:
        for row in connection.execute(rows).mappings():
            key = (row["name"], row["version"])
            began, sums = out.get(key, (-1, Findings()))
            if row["began"] != began:
                began, sums = row["began"], Findings()
            sums.add(Findings(**{f.name: row[f.name] for f in fields(Findings)}))
            out[key] = (began, sums)
    return {key: sums for key, (_, sums) in out.items()}
