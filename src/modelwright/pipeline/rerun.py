"""A run once more: its source read again and compared with what it was made from, and a next run from more rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.budget import Deadline, parse_duration
from modelwright.core.config import RunConfig, make_config, stored_config
from modelwright.core.encrypted_files import unlocked
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.run import RunFolder, read_json
from modelwright.core.schema import Schema
from modelwright.core.words import Words, counted
from modelwright.data.series import gathered, layouts_of
from modelwright.improve.source import Source
from modelwright.pipeline.choose import named_task
from modelwright.pipeline.intake import get_data, read_rows
from modelwright.pipeline.state import Data
from modelwright.pipeline.walk import run

_SPREAD = ("series", "series_id", "series_time")  # options by which one row of the model is several of the source


def read_again(folder: Path, place: str | None = None) -> Source:
    """Return what a run was made from, read again from its source (or from `place`, where that was moved to).

    Raises DataError where the run folder is gone, or its rows are series spread over several of the source.
    """
    found = RunFolder(folder)
    if not found.config.is_file():
        raise DataError(
            f"The run folder {folder} is gone, so nobody knows which rows the model was made from. Put it back.",
            f"运行文件夹 {folder} 已不存在，无从得知模型由哪些数据得到。请恢复该文件夹。",
        )
    config = make_config(**stored_config(found.config))
    if any(getattr(config, name, None) for name in _SPREAD):
        raise DataError(
            "Feedback is joined to rows, and here one row of the model is several of its source: make a new run instead.",
            "反馈按行合并，而此模型的一行由来源中的多行组成：请重新运行。",
        )
    about = read_json(found.bundle / "bundle.json")
    schema = Schema.from_json(read_json(found.data / "schema.json"))
    target = schema.target
    if target is None:
        raise DataError(
            "This model learns from texts without a target column: feedback cannot become rows for it.",
            "此模型不使用目标列：反馈无法成为其训练数据。",
        )
    told: dict[str, Any] = {
        "run": folder,
        "target": target.name,
        "modalities": {c.name: c.modality for c in schema.inputs},
        "separator": "" if "form" in target.options else str(target.options.get("separator", "|")),
        "group": config.group,
        "time": config.time,
        "subject": config.subject,
        "weight": config.weight,
        "sensitive": tuple(config.sensitive),
        "epsilon": config.epsilon,
        "budget": config.budget,
        "recipes": tuple(dict.fromkeys(m["recipe"] for m in about["members"])),
    }
    splits = read_json(found.data / "splits.json")
    source = place or config.data
    if config.data == "memory" and place is None:
        why = Words(
            "its rows came from memory and were not kept; name a file with the same rows with --source",
            "其数据来自内存，未曾保存；请用 --source 指定含相同数据的文件",
        )
        return Source(state="gone", why=why, **told)
    events = EventStream()
    try:
        with unlocked(config.vault):
            data = get_data(config, source, events)
            raw, _ = read_rows(named_task(config), source, _reading(config), events)
            test = (
                None if not config.test else read_rows(data.task, config.test, _reading(config), events, test=True)[0]
            )
    except ModelwrightError as e:
        return Source(state="gone", why=e.words, **told)
    raw, test = gathered(raw, layouts_of(schema)), None if test is None else gathered(test, layouts_of(schema))
    if data.seen.whole != splits["fingerprint"]:
        return _changed(data, raw, test, splits, told, source)
    kept = splits["develop"] if splits["develop"] is not None else np.setdiff1d(data.table.rows, splits["test"])
    rows = raw.take(np.asarray(kept, np.int64) - 1)
    test = raw.take(np.asarray(splits["test"], np.int64) - 1) if test is None else test
    return Source(state="same", rows=rows, test=test, **told)


def _reading(config: RunConfig) -> Any:
    from modelwright.core.reading import Reading

    return Reading.of(config)


def _changed(
    data: Data, raw: pa.Table, test: pa.Table | None, splits: Any, told: dict[str, Any], source: str
) -> Source:
    """Return rows that are not those of the run: which of them it was tested on cannot be told, an official test file aside."""
    was, now = splits["rows"], data.seen.rows
    why = Words(
        f"{source} has changed since: {counted(was, 'row')} then, {now:,} now{', other values' if was == now else ''}",
        f"{source} 此后已改变：当时 {was:,} 行，现在 {now:,} 行{'，内容不同' if was == now else ''}",
    )
    return Source(state="changed", why=why, rows=raw.take(data.table.rows - 1), test=test, **told)


def trainer(
    out: Path | None = None, listen: Callable[[EventStream], None] | None = None, lang: str = "en"
) -> Callable[..., Path]:
    """Return what makes a next run (see `improve.source.Trains`), in `out` or beside the run that it follows."""

    def train(
        source: Source, rows: pa.Table, test: pa.Table | None, *, budget: str, recipes: Sequence[str], name: str,
        weight: str | None,
    ) -> Path:  # fmt: skip
        config = _next_config(source, budget, recipes, weight)
        events = EventStream()
        if listen is not None:
            listen(events)
        folder = RunFolder.choose(out or source.run.parent, name)
        deadline = Deadline.after(parse_duration(budget))
        return run(config, rows, events, folder=folder, deadline=deadline, lang=lang, held=test).folder.path

    return train


def _next_config(source: Source, budget: str, recipes: Sequence[str], weight: str | None) -> RunConfig:
    """Return the options of a next run: those of the one before, with its columns read as they were read then."""
    before = stored_config(RunFolder(source.run).config)
    values = {**before, "data": "memory", "test": None, "target": source.target, "budget": budget}
    values["weight"] = weight
    values["column"] = {**source.modalities, **(before.get("column") or {})}
    values["recipes"] = list(recipes) or before.get("recipes") or []
    for gone in ("query", "table", "sheet", "header", "delimiter", "encoding"):  # of a source that is read already
        values[gone] = None
    return make_config(**values)
