"""What is kept of jobs in the database: made, claimed by one process at a time, moved on, ended, removed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from modelwright.core.words import Words
from modelwright.release.registry.database import engine_of, kept_in, up_to_date
from modelwright.release.registry.jobs import jobs
from modelwright.serve.limits import Refused

LEASE = 15.0  # seconds without a sign of life after which another process goes on with a job
KEPT = 24 * 3600.0  # seconds that a job is kept after its end
MOST_OPEN = 20  # jobs of one key that are not done
MOST_BYTES = 4 << 30  # of the files of all jobs of a name
OPEN = ("queued", "running")
_J = jobs.c


class Store:
    """The jobs of one name in the database at a SQLAlchemy URL. Methods raise RegistryAway where it cannot be reached."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self._ready = False

    def add(self, key: str, form: str, size: int, *, tenant: str | None, scores: bool, id_: str) -> None:
        """Keep a new job. Raises Refused 429 where the key has too many that wait, or all files together grow too large."""
        with self._changing() as connection:
            mine = sa.select(sa.func.count()).where(_J.name == self.name, _J.key == key, _J.state.in_(OPEN))
            if connection.execute(mine).scalar_one() >= MOST_OPEN:
                words = Words(f"{MOST_OPEN} jobs of this key wait already.", f"此密钥已有 {MOST_OPEN} 个任务在等待。")
                raise Refused(429, "jobs", words, retry=60)
            held = sa.select(sa.func.coalesce(sa.func.sum(_J.bytes), 0)).where(_J.name == self.name)
            if connection.execute(held).scalar_one() + size > MOST_BYTES:
                en = "The files of jobs take all the room there is for them; delete some: DELETE /jobs/ID."
                raise Refused(429, "room", Words(en, "任务文件已占满空间；请用 DELETE /jobs/ID 删除一些。"), retry=60)
            values: dict[str, Any] = {
                "name": self.name, "id": id_, "key": key, "tenant": tenant, "state": "queued", "form": form, "scores": scores,
                "bytes": size, "done": 0, "charged": 0, "unread": 0, "made_at": time.time(), "beat": 0.0,
            }  # fmt: skip
            connection.execute(jobs.insert().values(**values))

    def of_key(self, key: str) -> list[dict[str, Any]]:
        """Return the jobs of a key, the newest first."""
        asked = sa.select(jobs).where(_J.name == self.name, _J.key == key).order_by(_J.made_at.desc())
        with self._reading() as connection:
            return [dict(row._mapping) for row in connection.execute(asked)]

    def get(self, id_: str, key: str | None = None) -> dict[str, Any] | None:
        """Return a job, None where there is none, or another key made it."""
        asked = sa.select(jobs).where(_J.name == self.name, _J.id == id_)
        with self._reading() as connection:
            row = connection.execute(asked if key is None else asked.where(_J.key == key)).one_or_none()
        return None if row is None else dict(row._mapping)

    def open(self) -> int:
        """Return how many jobs wait or are worked at."""
        asked = sa.select(sa.func.count()).where(_J.name == self.name, _J.state.in_(OPEN))
        with self._reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def claim(self, worker: str) -> dict[str, Any] | None:
        """Take the oldest job that nobody works at; None where there is none."""
        now = time.time()
        free = (_J.beat < now - LEASE) | (_J.worker == worker)
        asked = sa.select(jobs).where(_J.name == self.name, _J.state.in_(OPEN), free).order_by(_J.made_at).limit(1)
        with self._changing() as connection:
            row = connection.execute(asked.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            where = (_J.name == self.name) & (_J.id == row.id)
            connection.execute(jobs.update().where(where).values(state="running", worker=worker, beat=now))
        return {**row._mapping, "state": "running", "worker": worker}

    def move(self, id_: str, worker: str, **values: Any) -> bool:
        """Write how far a job is; False where it was deleted, or another process has it by now."""
        where = (_J.name == self.name) & (_J.id == id_) & (_J.worker == worker) & (_J.state == "running")
        with self._changing() as connection:
            done = connection.execute(jobs.update().where(where).values(beat=time.time(), **values))
            return bool(done.rowcount)

    def release(self, id_: str, worker: str) -> None:
        """Let another process go on with a job at once."""
        where = (_J.name == self.name) & (_J.id == id_) & (_J.worker == worker)
        with self._changing() as connection:
            connection.execute(jobs.update().where(where).values(worker=None, beat=0.0))

    def remove(self, id_: str) -> None:
        """Forget a job."""
        with self._changing() as connection:
            connection.execute(jobs.delete().where(_J.name == self.name, _J.id == id_))

    def expired(self) -> list[str]:
        """Return the jobs whose time is over."""
        asked = sa.select(_J.id).where(_J.name == self.name, _J.ended_at < time.time() - KEPT)
        with self._reading() as connection:
            return list(connection.execute(asked).scalars())

    def known(self) -> set[str]:
        """Return the ids of all jobs, those of other names too: services that share their keys share the folder of files."""
        with self._reading() as connection:
            return set(connection.execute(sa.select(_J.id)).scalars())

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._naming_errors(), engine_of(self.url).begin() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[sa.Connection]:
        with (
            self._naming_errors(),
            engine_of(self.url).connect().execution_options(write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        with kept_in(self.url, "Jobs cannot be kept in {}", "目前无法在 {} 保存任务"):
            if not self._ready:
                up_to_date(self.url)
                self._ready = True
            yield


def new_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_hex(16)
