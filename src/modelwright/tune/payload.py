"""What a process of a crew, or a worker of a cluster, needs of a climb: rows, splits, answers and options, as files in one folder.

Rows are an Arrow file, which processes on one machine map into memory together; nothing in the folder can hold code.
"""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import target_from_state
from modelwright.core.config import RunConfig, make_config
from modelwright.core.errors import DataError
from modelwright.core.option_groups.declared import options
from modelwright.core.run import write_json
from modelwright.core.schema import MEDIA, Related, Schema, Table
from modelwright.core.task import Task, get_task
from modelwright.core.version import VERSION
from modelwright.tune.bases import bases_for
from modelwright.tune.candidate import Validation
from modelwright.tune.climb import Climb

_KINDS = (".arrow", ".json", ".npy", ".npz")
_LOOK = 100  # rows in which a path is looked for


@dataclass(frozen=True)
class Shipped:
    """A climb as another process sees it."""

    task: Task
    validation: Validation
    config: RunConfig
    bases: Any


def ship(climb: Climb, folder: Path) -> None:
    """Write what `unship` reads into an existing folder."""
    v = climb.validation
    _write_table(v.table, folder, "rows")
    for i, related in enumerate(v.table.related.values()):
        _write_table(related.table, folder, f"related-{i}")
    arrays: dict[str, Any] = {f"{i}.{k}": part for i, pair in enumerate(v.splits) for k, part in enumerate(pair)}
    np.savez(folder / "splits.npz", **arrays)
    dumped = climb.config.model_dump()
    write_json(
        folder / "climb.json",
        {
            "version": VERSION,
            "task": climb.task.name,
            "metric": v.metric.name,
            "target": v.target.state(),
            "splits": len(v.splits),
            "config": {name: dumped[name] for name in options()},
            "related": [[name, found.key] for name, found in v.table.related.items()],
        },
    )


def files_of(folder: Path) -> dict[str, Any]:
    """Return the bytes of every file that `ship` wrote, by name, mapped into memory [bytes]."""
    return {
        p.name: np.memmap(p, np.uint8, "r") for p in sorted(folder.iterdir()) if p.suffix in _KINDS and p.stat().st_size
    }


def unship(files: Path | Mapping[str, Any]) -> Shipped:
    """Read what `ship` wrote, from its folder or from the bytes of its files. Raises DataError where another version wrote it."""

    def buffer(name: str) -> pa.Buffer:
        if isinstance(files, Path):
            return pa.memory_map(str(files / name)).read_buffer()
        return pa.py_buffer(files[name])

    about = json.loads(buffer("climb.json").to_pybytes())
    if about["version"] != VERSION:
        where = platform.node()
        raise DataError(
            f"{where} has Modelwright {VERSION}, and the run is of {about['version']}: install the same one there.",
            f"{where} 上为 Modelwright {VERSION}，而本次运行使用 {about['version']}：请在该节点安装相同版本。",
        )
    table = _read_table(buffer, "rows")
    kept = {n: Related(_read_table(buffer, f"related-{i}"), key) for i, (n, key) in enumerate(about["related"])}
    table = table.beside(kept)
    arrays = np.load(io.BytesIO(buffer("splits.npz")))
    splits = [(arrays[f"{i}.0"], arrays[f"{i}.1"]) for i in range(about["splits"])]
    task = get_task(about["task"])
    known = {m.name: m for m in task.metrics}
    config = make_config(**about["config"])
    metric = known.get(about["metric"], task.metrics[0])
    target = target_from_state(about["target"])
    return Shipped(task, Validation(table, target, metric, splits), config, bases_for(config, table))


def check_paths(table: Table) -> None:
    """Raise DataError where the files that cells name are not on this machine: those of the first row that names one are looked at."""
    for column in table.schema.inputs:
        values = table.column(column.name)
        if values.type != MEDIA:
            continue
        path = next((p for c in values[:_LOOK].to_pylist() if c and (p := c.get("path")) and not c.get("bytes")), None)
        if path and not Path(path).exists():
            where = platform.node()
            raise DataError(
                f"{where} does not see {path} of column `{column.name}`: put the files where all nodes see them, under the same path.",
                f"{where} 看不到列 `{column.name}` 中的 {path}：请把文件放在所有节点都能以相同路径访问的地方。",
            )


def _write_table(table: Table, folder: Path, name: str) -> None:
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.data.schema) as out:
        out.write_table(table.data)
    np.save(folder / f"{name}.npy", table.rows)
    write_json(folder / f"{name}.json", {"schema": table.schema.to_json(), "source": table.source})


def _read_table(buffer: Callable[[str], pa.Buffer], name: str) -> Table:
    data = pa.ipc.open_file(buffer(f"{name}.arrow")).read_all()
    about: Any = json.loads(buffer(f"{name}.json").to_pybytes())
    rows = np.load(io.BytesIO(buffer(f"{name}.npy")))
    return replace(Table.of(data, Schema.from_json(about["schema"]), about["source"]), rows=rows)
