"""From a subject to the jobs of services whose file holds it: such a job is deleted whole, its file and its answers.

A cell holds a subject where it equals it, in any column, or inside an object or list (also one that stands as JSON text). Rows
are not taken out one by one: answers stand by the number of their row, and whoever sent the file can send the rest again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.core.encrypted_files import open_plain
from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.words import Words
from modelwright.privacy.rowfiles import Wanted, of_subject
from modelwright.privacy.subjects import plain_subject
from modelwright.release.registry import places
from modelwright.serve.feedback.erase import Reached, databases
from modelwright.serve.jobs import files
from modelwright.serve.jobs.lazy import read_in_parts

_ROWS = 500  # read at a time
_STALE = 3600.0  # seconds after which a folder that belongs to no job was left behind: no file is sent so long


def forget(root: Path, subject: str, *, erase: bool, db: str | None = None) -> Reached:
    """Count rows of a subject in the files of jobs, and with `erase` delete these jobs. What cannot be looked into is named."""
    out = Reached()
    wanted = of_subject(subject)
    for url in databases(root, db):
        try:
            kept = _jobs(url)
        except (ModelwrightError, ImportError) as e:
            words = e.words if isinstance(e, ModelwrightError) else MissingExtra("live", "Jobs", "任务").words
            out.unread.append((places.shown(url), words))
            continue
        for name, id_, form in kept:
            _look(out, url, name, _folder(url, name) / id_, form, subject, wanted, erase)
        known = {id_ for _, id_, _ in kept}
        for folder in {_folder(url, name) for name, _, _ in kept} | _beside(url):
            _sweep(out, folder, known, erase)
    return out


def _jobs(url: str) -> list[tuple[str, str, str]]:
    """Return the jobs of all names in a database: name, id, form of the file."""
    import sqlalchemy as sa

    from modelwright.release.registry.jobs import jobs
    from modelwright.serve.feedback.records import Records

    with Records(url, "").reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(jobs.c.name, jobs.c.id, jobs.c.form))]


def _folder(url: str, name: str) -> Path:
    """Return where a service of a name keeps the files of its jobs."""
    file = places.file_of(url)
    return (places.state_of(url, name) if file is None else file.parent) / "jobs"


def _beside(url: str) -> set[Path]:
    """Return where files of jobs may have been left though the database knows none."""
    file = places.file_of(url)
    if file is not None:
        return {file.parent / "jobs"}
    return set(Path(places.beside(url)).with_name("serve").glob("*/jobs"))


def _look(
    out: Reached, url: str, name: str, folder: Path, form: str, subject: str, wanted: Wanted, erase: bool
) -> None:
    path = files.sent(folder, form)
    if not path.is_file():
        if places.file_of(url) is None:
            words = Words(
                f"the files of this job of `{name}` lie on the machine that serves it; erase there",
                f"`{name}` 的此任务文件位于提供服务的机器上；请在那里删除",
            )
            out.unread.append((str(folder), words))
        return
    try:
        rows = _count_rows(path, subject, wanted)
        if rows and erase:
            from modelwright.serve.jobs.store import Store

            Store(url, name).remove(folder.name)  # first, so that who works at it stops
            files.remove(folder)
    except FileNotFoundError:
        return  # its time was over just now
    except ModelwrightError as e:
        out.unread.append((str(folder), e.words))
        return
    except Exception as e:  # of a library: its message may quote a row
        words = Words(f"its file could not be read ({type(e).__name__})", f"无法读取其文件（{type(e).__name__}）")
        out.unread.append((str(folder), words))
        return
    if not rows:
        return
    out.rows[str(folder)] = rows
    if erase and folder.exists():
        out.unread.append((str(folder), Words("its files could not be removed", "无法删除其文件")))


def _sweep(out: Reached, folder: Path, known: set[str], erase: bool) -> None:
    """Remove what a process that was killed left of files being sent: nobody knows what is in it."""
    for left in sorted(folder.iterdir()) if folder.is_dir() and erase else ():
        if left.name not in known and time.time() - left.stat().st_mtime > _STALE:
            files.remove(left)
            if not left.exists():
                out.swept.append(left)


def _count_rows(path: Path, subject: str, wanted: Wanted) -> int:
    """Return how many rows of a file hold the subject."""
    found = unread = 0
    for table, misfits in read_in_parts(path, _ROWS):
        unread += len(misfits)
        columns = [column.to_pylist() for column in table.columns]
        found += sum(any(_holds(cell, wanted) for cell in row) for row in zip(*columns, strict=True))
    if not found and unread and _in_text(path, subject):
        return 1  # in a row that could not be read as one
    return found


def _holds(cell: Any, wanted: Wanted) -> bool:
    return any(wanted(value) for value in _leaves(cell))


def _leaves(cell: Any) -> Iterator[Any]:
    stack = [cell]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            stack += here.values()
        elif isinstance(here, (list, tuple)):
            stack += here
        else:
            yield here
            if isinstance(here, str) and here[:1] in ("{", "["):
                try:
                    inner = json.loads(here)
                except (ValueError, RecursionError):
                    continue
                if isinstance(inner, (dict, list)):
                    stack.append(inner)


def _in_text(path: Path, subject: str) -> bool:
    plain = plain_subject(subject)
    with open_plain(path) as file:
        return any(plain in plain_subject(line.decode("utf-8", "replace")) for line in file)
