"""Which pretrained encoders a run may use: those the user named, and the packaged one where the texts are English."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import MINILM, find, find_causal, minilm_installed, mostly_english
from modelwright.core.schema import Table
from modelwright.models.hosted import check_endpoint
from modelwright.recipes.shared.labeller import CAUSAL, ENDPOINT, PUBLIC

__all__ = ["CAUSAL", "ENDPOINT", "PUBLIC", "Bases", "bases_for", "large_models"]
Bases = Mapping[str, tuple[str, ...]]
_LOOK = 500  # texts looked at
_WRITING = ("translation", "summarization", "text2text-generation")
_LEAST = 120.0  # seconds of budget below which the packaged encoder is not worth its start


def bases_for(config: RunConfig, table: Table) -> dict[str, tuple[str, ...]]:
    """Return the encoders' names by the modality that they read.

    Raises OptionError where one was named that no column of the data needs.
    """
    found: dict[str, list[str]] = large_models(config)
    present = {c.modality for c in table.schema.inputs}
    for name in sorted(config.pretrained, key=lambda n: find(n).modality == "image"):  # those made for clips first
        modality, reads = find(name).modality, find(name).reads
        if modality == "text2text":
            _must_write(name, config)
        elif not present & set(reads):
            shown = ", ".join(sorted(present))
            raise OptionError(
                f"`{name}` reads {modality} columns, and the data has only {shown}. Leave it out, or say what a column "
                f"is with --column NAME={modality}.",
                f"`{name}` 用于 {modality} 列，而数据只有 {shown}。请去掉它，或用 --column 列名={modality} 指定列的模态。",
            )
        for read in [modality] if modality == "text2text" else present.intersection(reads):
            found.setdefault(read, []).append(name)
    offered = "text" not in found and "text" in present and parse_duration(config.budget) >= _LEAST
    if offered and minilm_installed() and _english(table):
        found["text"] = [MINILM]
    return {m: tuple(dict.fromkeys(names)) for m, names in found.items()}


def large_models(config: RunConfig) -> dict[str, list[str]]:
    """Return the large models that were named: an endpoint, for public data only; folders of causal models.

    Raises OptionError where what was said of them does not fit together.
    """
    out: dict[str, list[str]] = {}
    if config.teacher == ENDPOINT and not config.endpoint:
        raise OptionError(
            "--teacher endpoint needs --endpoint URL and --endpoint-model NAME.",
            "--teacher endpoint 需要同时给出 --endpoint 地址与 --endpoint-model 名称。",
        )
    if config.endpoint:
        if not config.public:
            raise OptionError(
                "An endpoint sees the rows, so it is used for public data only. If this data is, say --public; "
                "otherwise name a local model with --base FOLDER.",
                "接口会看到数据行，因此仅用于公开数据。若数据确为公开，请加 --public；否则请用 --base 文件夹 指定本地模型。",
            )
        if not config.endpoint_model:
            raise OptionError(
                "Say which model the endpoint should use: --endpoint-model NAME.",
                "请指定接口使用的模型：--endpoint-model 名称。",
            )
        check_endpoint(config.endpoint)
        told = {"url": config.endpoint, "model": config.endpoint_model, "price_in": config.price_in,
                "price_out": config.price_out}  # fmt: skip
        out[ENDPOINT] = [json.dumps(told)]
    folders = [f for f in (config.base, config.teacher) if f and f != ENDPOINT]
    for folder in folders:
        find_causal(folder)
    if folders:
        out[CAUSAL] = list(dict.fromkeys(folders))
    if config.public:
        out[PUBLIC] = ["yes"]
    return out


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
