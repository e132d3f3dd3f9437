"""The run folder: where a run keeps what it made, written so that a crash never leaves a half-made part in place."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from modelwright.core import plain_json
from modelwright.core.errors import BundleError, CannotWrite, alike, nearest
from modelwright.core.facts.run import Facts
from modelwright.core.saved import LIBRARY_ERRORS
from modelwright.core.unwritable import cannot_write
from modelwright.core.words import Words

FAILURES = "failures"  # the folder of tracebacks, in the run's


def write_json(path: Path, data: Any) -> None:
    """Write JSON through a temporary file, so that readers see the old or the new file, never half of one."""
    write_text(path, plain_json.dumps(data, indent=1))


def write_text(path: Path, text: str) -> None:
    """Write text through a temporary file in the same folder."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise refused(e, path) or e from e


def read_json(path: Path) -> Any:
    """Read JSON. Raises BundleError where the file is absent, damaged, nested too deeply, or no ordinary file."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("no ordinary file")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise BundleError(
            f"Cannot read {path} ({type(e).__name__}). Is this the right folder?",
            f"无法读取 {path}（{type(e).__name__}）。请确认文件夹是否正确。",
        ) from e


def read_facts(run: RunFolder) -> Facts:
    """Return the facts that a run left in `report.json`. Raises BundleError where there are none."""
    facts: Facts = read_json(run.facts)
    return facts


def refused(error: BaseException, path: Path | str) -> CannotWrite | None:
    """Return the error for a disk that refused to be written: full, read-only, over a limit; None for other errors."""
    if isinstance(error, OSError):
        return cannot_write(CannotWrite, error, path)
    if type(error).__name__ not in LIBRARY_ERRORS:
        return None
    first = str(error).splitlines()[0][:160]
    return CannotWrite(f"Cannot write {path}: {first}.", f"无法写入 {path}：{first}。")


def recover(final: Path) -> bool:
    """Put back what a save that was cut off had moved aside; return whether there was such a thing."""
    if not final.name:  # the working folder itself, which no save moves
        return False
    old = final.with_name(f".{final.name}.old")
    if final.exists() or not old.is_dir():
        return False
    try:
        os.replace(old, final)
    except OSError:
        return False
    logging.getLogger("modelwright").warning(
        "A save was cut off; the last complete %s is used. 保存曾中断；使用上一个完整版本。", final
    )
    return True


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `final` only when the block ends well.

    A crash at any point leaves the folder before, or the new one, whole; `recover` puts the former back where the crash
    fell between the two. Raises DataError where the disk refuses.
    """
    recover(final)
    part = final.with_name(f".{final.name}.part")
    old = final.with_name(f".{final.name}.old")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            os.replace(final, old)
        try:
            os.replace(part, final)
        except OSError:
            recover(final)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except Exception as e:
        error = refused(e, final)
        if error is None:
            raise
        raise error from e
    finally:
        shutil.rmtree(part, ignore_errors=True)


def slug(text: str) -> str:
    """Return a name fit for a folder: letters (Han too), digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "run"


class RunFolder:
    """Paths inside one run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stem: str | None = None
        self._made: list[Path] = []

    @classmethod
    def choose(cls, root: Path, name: str) -> RunFolder:
        """Return a folder that does not exist yet: `name`, else `name-2`, `name-3` ... It is made by `claim`."""
        folder = cls(root)
        folder._stem = slug(name)
        folder.path = next(p for p in folder._names(root) if not p.exists())
        return folder

    def _names(self, root: Path) -> Iterator[Path]:
        yield root / str(self._stem)
        for n in count(2):
            yield root / f"{self._stem}-{n}"

    def claim(self) -> None:
        """Make a chosen folder for this run alone: of two that begin at once, one goes on under the next name.

        Raises CannotWrite.
        """
        if self._stem is None or self._made:
            return
        root = self.path.parent
        above = [p for p in (root, *root.parents) if not p.exists()]
        try:
            root.mkdir(parents=True, exist_ok=True)
            for path in self._names(root):
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                self.path, self._made = path, [path, *above]
                return
        except OSError as e:
            raise cannot_write(CannotWrite, e, self.path) from e

    def taken(self) -> Path | None:
        """Return the folder of the name that was wanted, where an earlier run has it; None where this run got that name."""
        wanted = None if self._stem is None else self.path.parent / self._stem
        return wanted if wanted != self.path else None

    def clear(self) -> None:
        """Remove what a run writes before its bundle stands, tracebacks of failures aside."""
        for place in (self.data, self.candidates):
            shutil.rmtree(place, ignore_errors=True)
        for path in (self.config, self.events, self.leaderboard):
            path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Take back what `claim` made, as far as it is empty."""
        for path in self._made:
            try:
                path.rmdir()
            except OSError:
                return
        self._made = []

    @classmethod
    def find(cls, path: str | Path) -> RunFolder:
        """Return the run folder at `path`, the only one in it (`run --out PATH`), or of that name in `runs/`. Raises BundleError where there is
        none, or several."""
        inside = runs_in(path)
        for place in (Path(path), *(inside if len(inside) == 1 else ()), Path("runs") / str(path)):
            if (place / "config.yaml").is_file():
                return cls(place)
        if inside:
            shown = ", ".join(map(str, inside[-8:])) + (" ..." if len(inside) > 8 else "")
            raise BundleError(
                f"{path} holds {len(inside)} runs; name the one that is meant: {shown}.",
                f"{path} 中有 {len(inside)} 个运行，请指定其中一个：{shown}。",
            )
        beside = {p.name: p for p in (*runs_in("runs"), *runs_in(Path(path).parent))}
        known = nearest(Path(path).name, sorted(beside))
        like = alike(Path(path).name, known)
        meant = Words(f" Did you mean `{beside[like[0]]}`?", f"是否指 `{beside[like[0]]}`？") if like else Words("", "")
        shown = (", ".join(known[:8]) or "-") + (" ..." if len(known) > 8 else "")
        raise BundleError(
            f"There is no run at `{path}`.{meant.en} Runs here: {shown}. Make one with: modelwright run DATA --target COLUMN",
            f"`{path}` 处没有运行记录。{meant.zh}现有：{shown}。可用以下命令创建：modelwright run DATA --target COLUMN",
        )

    def __getattr__(self, name: str) -> Path:
        places = {
            "config": "config.yaml",
            "events": "events.jsonl",
            "data": "data",
            "candidates": "candidates",
            "leaderboard": "leaderboard.csv",
            "report": "report.html",
            "facts": "report.json",
            "bundle": "bundle",
        }
        if name not in places:
            raise AttributeError(name)
        return self.path / places[name]


def runs_in(path: str | Path) -> list[Path]:
    """Return the runs in a folder, as `run --out FOLDER` leaves them, by name."""
    return sorted(p.parent for p in Path(path).glob("*/config.yaml")) if Path(path).is_dir() else []


def bundle_of_run(path: str | Path) -> Path:
    """Return the bundle folder at `path` itself, in the run at `path`, in the only run in that folder, or in the run of that name.

    Raises BundleError where there is none. Where a release may be named too: release/registry/find.py.
    """
    inside = runs_in(path)
    only = [inside[0] / "bundle"] if len(inside) == 1 else []
    for place in (Path(path), Path(path) / "bundle", *only, Path("runs") / str(path) / "bundle"):
        recover(place)
        if (place / "manifest.json").is_file():
            return place
    run = RunFolder.find(path)
    raise BundleError(
        f"The run {run.path} has no bundle: it was stopped before one was written. Go on with: modelwright run --resume {run.path}",
        f"运行 {run.path} 还没有模型包（可能被提前终止）。可继续：modelwright run --resume {run.path}",
    )


def state_folder(bundle: Path) -> Path:
    """Return where a service keeps what belongs to a bundle (keys, quotas): beside the bundle, never in it.

    For `RUN/bundle` that is `RUN/serve`; for a bundle of another name, NAME.serve, so that two side by side share nothing.
    Links are not followed: what a link is moved to goes on with the same keys.
    """
    place = Path(os.path.abspath(bundle))
    return place.with_name("serve" if place.name == "bundle" else f"{place.name}.serve")
