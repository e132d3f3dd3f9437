"""The run folder: where a run keeps what it made, written so that a crash never leaves a half-made part in place."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelwright.core.errors import BundleError, DataError


def write_json(path: Path, data: Any) -> None:
    """Write JSON through a temporary file, so that readers see the old or the new file, never half of one."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1, default=str))


def write_text(path: Path, text: str) -> None:
    """Write text through a temporary file in the same folder."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise DataError(f"Cannot write {path}: {e.strerror}.", f"无法写入 {path}：{e.strerror}。") from e


def read_json(path: Path) -> Any:
    """Read JSON. Raises BundleError where the file is absent or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise BundleError(
            f"Cannot read {path} ({type(e).__name__}). Is this the right folder?",
            f"无法读取 {path}（{type(e).__name__}）。请确认文件夹是否正确。",
        ) from e


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `final` only when the block ends well."""
    part = final.with_name(f".{final.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        old = final.with_name(f".{final.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            os.replace(final, old)
        os.replace(part, final)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as e:
        raise DataError(f"Cannot write {final}: {e.strerror}.", f"无法写入 {final}：{e.strerror}。") from e
    finally:
        shutil.rmtree(part, ignore_errors=True)


def slug(text: str) -> str:
    """Return a name fit for a folder: letters (Han too), digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "run"


class RunFolder:
    """Paths inside one run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def choose(cls, root: Path, name: str) -> RunFolder:
        """Return a folder that does not exist yet: `name`, else `name-2`, `name-3` ..."""
        base = slug(name)
        n = 1
        while (root / (base if n == 1 else f"{base}-{n}")).exists():
            n += 1
        return cls(root / (base if n == 1 else f"{base}-{n}"))

    @classmethod
    def find(cls, path: str | Path) -> RunFolder:
        """Return the run folder at `path`, or of that name in `runs/`. Raises BundleError where there is none."""
        for place in (Path(path), Path("runs") / str(path)):
            if (place / "config.yaml").is_file():
                return cls(place)
        known = sorted(p.parent.name for p in Path("runs").glob("*/config.yaml"))
        shown = ", ".join(known[:8]) or "-"
        raise BundleError(
            f"There is no run at `{path}`. Runs here: {shown}. Make one with: modelwright run DATA --target COLUMN",
            f"`{path}` 处没有运行记录。现有：{shown}。可用以下命令创建：modelwright run DATA --target COLUMN",
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


def find_bundle(path: str | Path) -> Path:
    """Return the bundle folder at `path` itself, in the run at `path`, or in the run of that name.

    Raises BundleError where there is none.
    """
    for place in (Path(path), Path(path) / "bundle", Path("runs") / str(path) / "bundle"):
        if (place / "manifest.json").is_file():
            return place
    run = RunFolder.find(path)
    raise BundleError(
        f"The run {run.path} has no bundle: it was stopped before one was written. Go on with: modelwright run --resume {run.path}",
        f"运行 {run.path} 还没有模型包（可能被提前终止）。可继续：modelwright run --resume {run.path}",
    )
