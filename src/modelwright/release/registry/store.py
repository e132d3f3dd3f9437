"""The registry of releases: which bundles have a name and a version, and which of them answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from modelwright.core.errors import BundleError, RegistryAway, RegistryError, unknown
from modelwright.core.run import bundle_of_run
from modelwright.core.utc import utc_now
from modelwright.core.words import Words
from modelwright.privacy import ledger
from modelwright.release.registry import blobs, places, tables, traffic
from modelwright.release.registry.database import changing, reading
from modelwright.release.registry.database import revision as current_revision
from modelwright.release.registry.limits import DEFAULT, Limits
from modelwright.release.registry.record import check_objections, record_of
from modelwright.release.registry.statements import (
    ALIASES,
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Change,
    Release,
    drop_alias,
    enter,
    height,
    holder,
    next_version,
    notes,
    pick,
    read,
    set_alias,
)
from modelwright.release.registry.traffic import Trials

if TYPE_CHECKING:
    from modelwright.release.bundle import Predictor

__all__ = ["ALIASES", "CHALLENGER", "CHAMPION", "PREVIOUS", "Change", "Registry", "Release"]


class Registry(Trials):
    """Releases under a name: put in, listed, promoted, rolled back, found again; shared by all hosts that name the same database.

        registry = mw.Registry()
        registry.release("runs/tickets", "tickets")
        registry.promote("tickets", 2)
        registry.load("tickets").predict(rows)

    `db` is a SQLite file or a PostgreSQL URL; if not given MODELWRIGHT_DB, else `runs/releases/registry.db`. `blobs` is a
    folder or an fsspec URL for bundles; if not given MODELWRIGHT_BLOBS, else `bundles/` beside the SQLite file. Nothing is
    made before the first release. Every method raises RegistryAway, having changed nothing, where the database or the place of
    bundles cannot be reached, and RegistryError for a registry of a newer version.
    """

    def __init__(self, db: str | Path | None = None, blobs: str | Path | None = None) -> None:
        self.url = places.database_url(db)
        self._root = places.blobs_root(self.url, blobs)

    @property
    def root(self) -> str:
        """Where bundles are put: a folder or an fsspec URL; "" for the folder beside the SQLite file."""
        return self._root

    def release(
        self,
        run: str | Path,
        name: str,
        *,
        in_spite: str | None = None,
        engine: str = "auto",
        say: Callable[[Words], None] | None = None,
    ) -> Release:
        """Put the bundle of a run (or a bundle folder, or another release) into the registry as the next version of a name.

        The first version of a name becomes its champion, later ones wait to be promoted. Raises RegistryError where its gate was
        not met or personal data was kept without consent, unless `in_spite` says why it is released all the same (the
        ledger keeps it); `engine` says what answers, as in release/engines.py, and `say` hears of the steps while that is measured.
        BundleError for a damaged bundle, OptionError for a name that cannot be one, LedgerError where
        the ledger cannot be written.
        """
        name, reason = places.check_name(name), (in_spite or "").strip() or None
        bundle = self._bundle(run)
        record, digest = record_of(bundle), blobs.digest_of(bundle)
        check_objections(record, reason)
        ledger.ready(bundle)
        # long work first: the registry is held for moments only, and a bundle that no release names harms nothing
        root = self._root or places.beside(self.url)
        blobs.put(root, bundle, digest)
        from modelwright.release import engines

        with engines.chosen(bundle, engine, say or (lambda words: None)) as choice:
            record.facts["engine"] = dict(choice.facts)
            record.facts["card"]["engine"] = choice.engine
            if choice.folder is not None:
                record.facts["engine"]["digest"] = blobs.digest_of(choice.folder)
                blobs.put(root, choice.folder, record.facts["engine"]["digest"])
        with self._change("release", bundle) as (connection, number, entered):
            version = next_version(connection, name)
            values: dict[str, Any] = {
                "name": name, "version": version, "digest": digest, "blobs": self._root, "bytes": blobs.size_of(bundle),
                "task": record.task, "target": record.target, "gate_met": record.gate_met, "data": record.data,
                "facts": record.facts, "in_spite": reason if record.objections else None,
                "released_by": ledger.who(), "released_at": utc_now(),
            }  # fmt: skip
            connection.execute(tables.releases.insert().values(**values))
            alias = CHAMPION if version == 1 else None
            if alias is not None:
                set_alias(connection, name, CHAMPION, 1, version)
            enter(connection, number, name, "release", version, alias=alias, reason=values["in_spite"])
            codes = [o.code for o in record.objections] or None
            told = {"met": record.gate_met, "in_spite": values["in_spite"], "objections": codes}
            entered(name=name, version=version, model=digest[:32], **told)
        return Release(**values, aliases=(alias,) if alias else ())

    def releases(self, name: str | None = None) -> list[Release]:
        """Return the releases of a name, or of all names, the newest first. Raises RegistryError for an unknown name."""
        found: list[Release] = []
        if self.exists:
            with reading(self.url) as connection:
                found = read(connection, name)
        if name is not None and not found:
            raise unknown(Words("release", "发布"), name, self.names(), RegistryError)
        return found

    def names(self) -> list[str]:
        """Return the names that have a release, in alphabetical order."""
        if not self.exists:
            return []
        with reading(self.url) as connection:
            return list(connection.execute(sa.select(tables.names.c.name).order_by(tables.names.c.name)).scalars())

    def get(self, name: str, which: int | str = CHAMPION) -> Release:
        """Return one release: `which` is a version, or `champion`, `challenger` or `previous`.

        Raises RegistryError where there is none, OptionError where `which` is neither.
        """
        return pick(self.releases(name), which)

    def promote(self, name: str, version: int | str, alias: str = CHAMPION, *, limits: Limits | None = None) -> Change:
        """Let an alias, `champion` or `challenger`, mean a version (or what another alias means) from now on.

        The champion until then becomes `previous`; a challenger that is promoted is no challenger any more, and its canary
        ends. The service watches a new champion by `limits`: by those of its canary if not given, else by the usual ones.
        `Change.notes` says where the new one reads other columns or knows other labels. Raises RegistryError where there is
        no such version, or while another version has a canary.
        """
        if alias not in (CHAMPION, CHALLENGER):
            raise unknown(Words("alias", "别名"), alias, (CHAMPION, CHALLENGER))
        self.releases(name)
        with self._change("promote") as (connection, number, entered):
            all_of = read(connection, name)
            release, champion = pick(all_of, version), holder(all_of, CHAMPION)
            before, running = holder(all_of, alias), traffic.running(connection, name)
            if running is not None and running.version != release.version:
                raise traffic.busy(running)
            if before is not None and before.version == release.version:
                return Change(alias, release, before, changed=False)
            if alias == CHALLENGER and champion is not None and champion.version == release.version:
                raise RegistryError(
                    f"{release.words.en} is the champion; a challenger must be another version.",
                    f"{release.words.zh} 已是 champion；challenger 须为其他版本。",
                )
            if alias == CHALLENGER or CHALLENGER in release.aliases:
                drop_alias(connection, name, CHALLENGER)
            place = height(connection, name) + 1 if alias == CHAMPION else 1
            set_alias(connection, name, alias, place, release.version)
            old = before.version if before else None
            if alias == CHAMPION:
                watched = limits or (running.limits if running else DEFAULT)
                traffic.watch_champion(connection, number, name, release.version, old, watched)
            enter(connection, number, name, "promote", release.version, alias=alias, before=old)
            entered(name=name, version=release.version, model=release.digest[:32], alias=alias, before=old)
            after = pick(read(connection, name), release.version)
        return Change(alias, after, before, changed=True, notes=notes(champion, release))

    def rollback(self, name: str, reason: str | None = None) -> Change:
        """Let the champion before answer again; a further rollback goes one further back.

        A canary, which was compared with the champion, ends. Raises RegistryError where there is no champion before.
        """
        self.releases(name)
        with self._change("rollback") as (connection, number, entered):
            all_of = read(connection, name)
            champion, previous = holder(all_of, CHAMPION), holder(all_of, PREVIOUS)
            if champion is None or previous is None:
                raise RegistryError(
                    f"There is no earlier champion of `{name}` to go back to.",
                    f"`{name}` 没有更早的 champion 可以回退。",
                )
            drop_alias(connection, name, CHAMPION, height(connection, name))
            traffic.end(connection, name)
            facts = {"alias": CHAMPION, "before": champion.version, "reason": reason}
            enter(connection, number, name, "rollback", previous.version, **facts)
            entered(name=name, version=previous.version, model=previous.digest[:32], **facts)
            after = pick(read(connection, name), previous.version)
        return Change(CHAMPION, after, champion, changed=True, notes=notes(champion, previous))

    @contextmanager
    def _change(self, did: str, bundle: Path | None = None) -> Iterator[tuple[sa.Connection, int, Callable[..., None]]]:
        """Give a connection that alone changes the registry, the revision to come, and what enters the change into the ledger.

        The ledger comes before the change stands: one that was not confirmed is told there by a second entry.
        """
        told: dict[str, Any] = {}

        def entered(**facts: Any) -> None:
            ledger.record(bundle, did, **facts)
            told.update(facts)

        try:
            with changing(self.url) as (connection, number):
                yield connection, number, entered
        except RegistryAway:
            if told:
                ledger.record(bundle, f"{did} not confirmed", **told)
            raise

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return what was done with a name, the latest first: `did`, `version`, `alias`, `before`, `reason`, `by`, `at`."""
        self.releases(name)
        with reading(self.url) as connection:
            rows = (
                sa.select(tables.changes)
                .where(tables.changes.c.name == name)
                .order_by(tables.changes.c.revision.desc())
            )
            return [dict(r) for r in connection.execute(rows).mappings()]

    def folder(self, release: Release) -> Path:
        """Return a folder with the bundle of a release, fetched once where it is kept at a URL.

        Raises RegistryError where the bundle is gone or is not the one that was released.
        """
        return self._fetched(release, release.digest)

    def _bundle(self, run: str | Path) -> Path:
        """Return the bundle of a run, the bundle folder itself, or that of a release here (`NAME` or `NAME/WHICH`)."""
        name, _, which = str(run).partition("/")
        try:
            return bundle_of_run(run)
        except BundleError:
            if not places.is_name(name) or name not in self.names():
                raise
        return self.folder(self.get(name, which or CHAMPION))

    def _fetched(self, release: Release, digest: str) -> Path:
        """Return a folder with the files of that digest, which belong to a release."""
        roots = list(dict.fromkeys((release.blobs or places.beside(self.url), self._root or places.beside(self.url))))
        for root in roots[:-1]:
            try:
                return blobs.fetch(root, digest, release.words)
            except RegistryError:
                continue  # moved, or reached from here by another address: the digest says whether it is the same
        return blobs.fetch(roots[-1], digest, release.words)

    def load(self, name: str, which: int | str = CHAMPION) -> Predictor:
        """Load the model of a release. Raises RegistryError as `get` and `folder` do, BundleError where it is damaged."""
        return self.loaded(self.get(name, which))

    def loaded(self, release: Release) -> Predictor:
        """Load a release, with the engine that answers for it; without the extra `export` the model itself does. Errors as of `load`."""
        from modelwright.release import engines
        from modelwright.release.bundle import load

        predictor = load(self.folder(release))
        digest = (release.facts.get("engine") or {}).get("digest")
        if digest is not None and engines.installed():
            return engines.with_engine(predictor, self._fetched(release, str(digest)))
        return predictor

    @property
    def exists(self) -> bool:
        """Whether anything was ever released here; a registry on a server counts as existing."""
        place = places.file_of(self.url)
        return place is None or place.is_file()

    def revision(self) -> int:
        """Return a number that grows with every change; asking for it is cheap."""
        return current_revision(self.url) if self.exists else 0

    def watch(
        self, stop: Event, *, seconds: float = 0.5, away: Callable[[RegistryError], None] | None = None
    ) -> Iterator[int]:
        """Yield the revision at once and then after every change, within `seconds`, until `stop` is set.

        PostgreSQL tells of changes by itself (LISTEN/NOTIFY). Where the registry is away this goes on by itself once it is back;
        `away` hears of it, once each time.
        """
        from modelwright.release.registry.watch import watch

        return watch(self.url, self.revision, stop, seconds, away)
