"""Answering rows with an ONNX export: the bundle's own codecs, onnxruntime for the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec, target_from_state
from modelwright.core.device import cores
from modelwright.core.errors import BundleError, MissingExtra
from modelwright.core.recipe import Model, get_recipe
from modelwright.core.run import read_json
from modelwright.core.schema import Schema, Table
from modelwright.core.task import get_task
from modelwright.features.base import load_codecs
from modelwright.privacy.shield import Shield
from modelwright.release.bundle import Predictor
from modelwright.release.check import number
from modelwright.release.onnx_check import check_onnx

Feed = Callable[[Table], dict[str, np.ndarray]]


class OnnxModel(Model):
    """One exported member: `feed` turns rows into the session's inputs."""

    recipe = "onnx"

    def __init__(self, session: Any, feed: Feed) -> None:
        self._session, self._feed = session, feed
        self._names = {i.name for i in session.get_inputs()}
        self.extent, self.history = {}, []

    def scores(self, table: Table) -> np.ndarray:
        inputs = {k: v for k, v in self._feed(table).items() if k in self._names}
        return np.asarray(self._session.run(["scores"], inputs)[0], np.float64)

    def save(self, folder: Path) -> None:
        raise BundleError("An ONNX export is copied as a folder.", "ONNX 导出请以文件夹形式复制。")

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> OnnxModel:
        raise BundleError("An ONNX export is opened with load_onnx.", "ONNX 导出请用 load_onnx 打开。")


def load_onnx(folder: Path | str) -> Predictor:
    """Open an export; it answers as the bundle it was made from. Raises BundleError where it is damaged."""
    try:
        import onnx  # noqa: F401 - what checks the graphs
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as said
    except ImportError as e:
        raise MissingExtra("export", "Answering with ONNX", "使用 ONNX 预测") from e
    folder = Path(folder)
    data = read_json(folder / "ensemble.json")
    members: list[tuple[float, Model]] = []
    try:
        target = target_from_state(data["target"])
        for entry in data["members"]:
            file, codecs = ((folder / entry[k]).resolve() for k in ("file", "codecs"))
            if not (file.is_relative_to(folder.resolve()) and codecs.is_relative_to(folder.resolve())):
                raise ValueError(entry["file"])
            check_onnx(file)
            session = onnxruntime.InferenceSession(str(file), _options(), providers=["CPUExecutionProvider"])
            if entry["kind"] == "objects":
                made: Any = get_recipe(str(entry["recipe"])).model
                members.append((number(entry, "weight"), made.from_session(session, codecs, target)))
            else:
                members.append((number(entry, "weight"), OnnxModel(session, _feed(entry["kind"], codecs))))
        return Predictor(
            task=get_task(data["task"]),
            schema=Schema.from_json(data["schema"]),
            target=target,
            members=members,
            temperature=number(data, "temperature", above=True),
            thresholds=tuple(data["thresholds"]) if data["thresholds"] else None,
            shifts=data.get("shifts"),
            name=data["name"],
            shield=Shield.from_json(data.get("private")),
        )
    except (KeyError, TypeError, ValueError, said.InvalidProtobuf, said.InvalidGraph, said.NoSuchFile, said.Fail) as e:
        raise BundleError(
            f"The export in {folder} cannot be read ({e}).", f"无法读取 {folder} 中的导出（{e}）。"
        ) from e


def _options() -> Any:
    """Return how sessions run: on the cores that are given, whose threads do not wait by spinning."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = cores(), 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _feed(kind: str, folder: Path) -> Feed:
    if kind == "constant":
        return lambda table: {"rows": np.zeros(len(table), np.float32)}
    if kind == "frozen":
        from modelwright.recipes.shared.columns import ColumnCodecs

        codecs, told = load_codecs(folder / "encoders"), read_json(folder / "beside.json")
        beside = None if told["widths"] is None else ColumnCodecs.load(folder, told["widths"])
        return lambda table: _frozen(table, codecs, beside, float(told["size"]))
    codecs = load_codecs(folder)
    if kind == "network":
        return lambda table: _padded(table, codecs)
    if kind == "linear":
        return lambda table: _stored(table, codecs)
    crosses = None
    if kind in ("catboost", "minirocket"):
        return lambda table: _dense(table, codecs, None)
    told = folder / "model.json"  # exports of extremely randomised trees made before these saw pairs have none
    state = read_json(told) if told.exists() else {}
    if state.get("crosses"):
        from safetensors.numpy import load_file

        from modelwright.recipes.shared.crosses import Crosses

        crosses = Crosses.restore(state["crosses"], load_file(str(folder / "crosses.safetensors")))
    return lambda table: _dense(table, codecs, crosses)


def _padded(table: Table, codecs: Any) -> dict[str, np.ndarray]:
    """Return the flat tensors of a network, ragged ones padded with 0."""
    from modelwright.features.base import Ragged

    out = {}
    for i, (name, (_, codec)) in enumerate(codecs.items()):
        for key, value in codec.encode(table.column(name)).items():
            if isinstance(value, Ragged):
                wide = np.zeros((len(value), int(value.lengths.max()), *value.values.shape[1:]), value.values.dtype)
                wide[np.arange(wide.shape[1])[None] < value.lengths[:, None]] = value.values
                value = wide
            out[f"{i}.{key}"] = value
    return out


def _stored(table: Table, codecs: Any) -> dict[str, np.ndarray]:
    """Return the stored features of each row, padded: `index` [N, S] and `value` [N, S]."""
    from modelwright.recipes.shared.columns import ColumnCodecs

    index, value = ColumnCodecs(codecs, dict.fromkeys(codecs, 0)).stored(table)
    return {"index": index, "value": value}


def _frozen(table: Table, codecs: Any, beside: Any, size: float) -> dict[str, np.ndarray]:
    """Return the flat tensors of pretrained encoders, and the other columns' stored features `size` times as large."""
    out = _padded(table, codecs)
    if beside is not None:
        index, value = beside.stored(table)
        out |= {"beside.index": index, "beside.value": value * np.float32(size)}
    return out


def _dense(table: Table, codecs: Any, crosses: Any) -> dict[str, np.ndarray]:
    from modelwright.recipes.shared.columns import ColumnCodecs

    matrix = ColumnCodecs(codecs, dict.fromkeys(codecs, 0)).encode(table)
    if not isinstance(matrix, np.ndarray):
        matrix = matrix.toarray()
    if crosses is not None:
        matrix = np.concatenate([matrix, crosses.encode(matrix)], axis=1)
    return {"features": np.ascontiguousarray(matrix, np.float32)}
