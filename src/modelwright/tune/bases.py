"""Which pretrained encoders a run may use: those the user named, and the packaged one where the texts are English."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import MINILM, find, minilm_installed, mostly_english
from modelwright.core.schema import Table

_LOOK = 500  # texts looked at
_WRITING = ("translation", "summarization", "text2text-generation")
_LEAST = 120.0  # seconds of budget below which the packaged encoder is not worth its start


def bases_for(config: RunConfig, table: Table) -> dict[str, tuple[str, ...]]:
    """Return the encoders' names by the modality that they read.

    Raises OptionError where one was named that no column of the data needs.
    """
    found: dict[str, list[str]] = {}
    present = {c.modality for c in table.schema.inputs}
    for name in config.pretrained:
        modality = find(name).modality
        if modality == "text2text":
            _must_write(name, config)
        elif modality not in present:
            shown = ", ".join(sorted(present))
            raise OptionError(
                f"`{name}` reads {modality} columns, and the data has only {shown}. Leave it out, or say what a column "
                f"is with --column NAME={modality}.",
                f"`{name}` 用于 {modality} 列，而数据只有 {shown}。请去掉它，或用 --column 列名={modality} 指定列的模态。",
            )
        found.setdefault(modality, []).append(name)
    offered = "text" not in found and "text" in present and parse_duration(config.budget) >= _LEAST
    if offered and minilm_installed() and _english(table):
        found["text"] = [MINILM]
    return {m: tuple(dict.fromkeys(names)) for m, names in found.items()}


def _must_write(name: str, config: RunConfig) -> None:
    """Refuse a model that writes texts where the task wants none. Raises OptionError."""
    if config.task not in _WRITING:
        shown = ", ".join(_WRITING)
        raise OptionError(
            f"`{name}` reads a text and writes another; it is for the tasks {shown}. Say which with --task.",
            f"`{name}` 读入文本并写出文本，用于任务 {shown}。请用 --task 指定。",
        )


def _english(table: Table) -> bool:
    """Return whether every text column looks English, from some rows."""
    index = pa.array(np.sort(np.random.default_rng(0).permutation(len(table))[:_LOOK]))
    texts = [table.column(c.name).take(index).to_pylist() for c in table.schema.inputs if c.modality == "text"]
    return all(mostly_english(t) for t in texts)
