"""What a run reads from this machine, put into the folder of a job: data, test rows, tables beside them, models.

Options that name a path are told by their metavar, so that those of tasks to come are carried too. Where cells of a table name files,
those go along, under the same name beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.errors import OptionError
from modelwright.core.option_groups.declared import options
from modelwright.core.reading import Reading
from modelwright.data.sources import batches

PLACE = "data"  # the folder of what was carried
NAMED = frozenset(
    {"DATA", "FILE", "FOLDER", "PATH", "NAME", "FILE_OR_FOLDER"}
)  # metavars of options that may name a path
_DATABASE = "sqlite:///"
_LOCAL = ("file://", _DATABASE)  # URLs of what lies on this machine
_TABLES = ("data", "test")  # options whose cells may name files
_LOOK = 200  # rows in which a column of paths is looked for


def local_paths(config: RunConfig) -> Iterator[tuple[str, str]]:
    """Yield the options that name something on this machine, with what they name; one that may be repeated comes as often."""
    for name, found in options().items():
        value = getattr(config, name)
        for text in value if isinstance(value, list) else [value]:
            if (
                found.option.metavar in NAMED
                and isinstance(text, str)
                and (path := on_disk(text))
                and Path(path).exists()
            ):
                yield name, text


def on_disk(text: str) -> str:
    """Return the path that a source names on this machine, by itself or as a URL; empty for what lies elsewhere."""
    for head in _LOCAL:
        if text.lower().startswith(head):
            return text[len(head) :]
    return "" if "://" in text else text


def _as_named(text: str, path: str) -> str:
    """Return a path as this source names it: a database by its URL, all else by the path alone."""
    return f"{_DATABASE}{path}" if text.lower().startswith(_DATABASE) else path


def made_absolute(config: RunConfig) -> RunConfig:
    """Return the options with whole paths, for machines that see the same files as this one."""
    return _renamed(config, {(n, t): _as_named(t, str(Path(on_disk(t)).absolute())) for n, t in local_paths(config)})


def carried(config: RunConfig, folder: Path) -> RunConfig:
    """Copy what the options name on this machine into `folder/data`; return the options as they read from inside `folder`.

    Raises OptionError where cells name files that would not be found there.
    """
    new: dict[tuple[str, str], str] = {}
    for name, text in local_paths(config):
        path = Path(on_disk(text)).absolute()
        inside = Path(PLACE) / (path.name if name == "data" else f"{name.replace('_', '-')}-{path.name}")
        new[name, text] = _as_named(text, str(inside))
        if path.is_dir():
            shutil.copytree(path, folder / inside, dirs_exist_ok=True)
            continue
        (folder / PLACE).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / inside)
        if name in _TABLES and not text.lower().startswith(_DATABASE):
            _carry_named(path, Reading.of(config), folder / PLACE)
    return _renamed(config, new)


def _carry_named(path: Path, reading: Reading, place: Path) -> None:
    """Copy the files that cells of a table name beside it. Raises OptionError where a path leads elsewhere."""
    columns: list[str] | None = None
    for part in batches(path, reading=reading):
        if columns is None:
            columns = [n for n in part.column_names if _names_files(part.column(n).slice(0, _LOOK), path.parent)]
        for column in columns:
            for cell in part.column(column).unique().to_pylist():
                found = path.parent / str(cell)
                if not cell or not found.is_file():
                    continue
                if Path(cell).is_absolute() or not found.resolve().is_relative_to(path.parent.resolve()):
                    raise OptionError(
                        f"Cells of `{column}` name files that lie elsewhere ({cell}), which other machines would not find: put them "
                        f"beside {path.name} and write their paths from there, or give a URL.",
                        f"列 `{column}` 中的单元格指向别处的文件（{cell}），其他机器无法找到：请把文件放在 {path.name} 旁并写相对路径，或给出 URL。",
                    )
                (place / cell).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, place / cell)


def _names_files(values: Any, folder: Path) -> bool:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return False
    first = next((v for v in values.to_pylist() if v), None)
    try:
        return first is not None and len(first) < 1000 and (folder / first).is_file()
    except (OSError, ValueError):
        return False


def _renamed(config: RunConfig, new: dict[tuple[str, str], str]) -> RunConfig:
    changes: dict[str, Any] = {}
    for name, _ in new:
        value = getattr(config, name)
        changes[name] = [new.get((name, v), v) for v in value] if isinstance(value, list) else new[name, value]
    return config.model_copy(update=changes)
