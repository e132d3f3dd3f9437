"""What a process of a crew, or a worker of a cluster, needs of a climb: rows, splits, answers and options, as files in one folder.

Rows are an Arrow file, which processes on one machine map into memory together; nothing in the folder can hold code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import target_from_state
from modelwright.core.config import RunConfig, make_config
from modelwright.core.errors import DataError
from modelwright.core.option_groups.declared import options
from modelwright.core.run import read_json, write_json
from modelwright.core.schema import Related, Schema, Table
from modelwright.core.task import Task, get_task
from modelwright.core.version import VERSION
from modelwright.tune.bases import bases_for
from modelwright.tune.candidate import Validation
from modelwright.tune.climb import Climb


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


def unship(folder: Path) -> Shipped:
    """Read what `ship` wrote. Raises DataError where another version of Modelwright wrote it."""
    about = read_json(folder / "climb.json")
    if about["version"] != VERSION:
        raise DataError(
            f"The run is of Modelwright {about['version']}, and this process has {VERSION}: install the same one.",
            f"本次运行使用 Modelwright {about['version']}，而此进程为 {VERSION}：请安装相同版本。",
        )
    table = _read_table(folder, "rows")
    kept = {n: Related(_read_table(folder, f"related-{i}"), key) for i, (n, key) in enumerate(about["related"])}
    table = table.beside(kept)
    arrays = np.load(folder / "splits.npz")
    splits = [(arrays[f"{i}.0"], arrays[f"{i}.1"]) for i in range(about["splits"])]
    task = get_task(about["task"])
    known = {m.name: m for m in task.metrics}
    config = make_config(**about["config"])
    metric = known.get(about["metric"], task.metrics[0])
    return Shipped(
        task, Validation(table, target_from_state(about["target"]), metric, splits), config, bases_for(config, table)
    )


def _write_table(table: Table, folder: Path, name: str) -> None:
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.data.schema) as out:
        out.write_table(table.data)
    np.save(folder / f"{name}.npy", table.rows)
    write_json(folder / f"{name}.json", {"schema": table.schema.to_json(), "source": table.source})


def _read_table(folder: Path, name: str) -> Table:
    data = pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
    about: Any = read_json(folder / f"{name}.json")
    rows = np.load(folder / f"{name}.npy", mmap_mode="r")
    return replace(Table.of(data, Schema.from_json(about["schema"]), about["source"]), rows=np.asarray(rows))
