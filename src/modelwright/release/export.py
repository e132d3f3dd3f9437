"""Export to ONNX: one file per member, the weights of the blend, and the codecs that turn rows into tensors.

    onnx/
      ensemble.json     members, weights, temperature, thresholds, labels, columns
      member-0.onnx     tensors -> scores [N, K]
      member-0/         the member's codecs (JSON and safetensors), as in the bundle
      encode.json .py .mjs   the same codecs for programs without Modelwright, where all columns are of a table or texts
      README.md         how to answer rows with it

The export is only left in place when onnxruntime answers sample rows as the bundle does, within 1e-4.
Legend: N rows, K outputs, S stored features of a row, D features.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.recipe import Model
from modelwright.core.run import read_json, whole_folder, write_json, write_text
from modelwright.core.schema import MEDIA, Table, arrow_type
from modelwright.data.kinds.base import kind_of
from modelwright.recipes.shared.traced import onnx_of
from modelwright.release import _onnx_graphs
from modelwright.release._standalone import write_standalone
from modelwright.release.bundle import Predictor
from modelwright.release.pace import Pace

TOLERANCE = 1e-4
_ENDINGS = {"image": ".png", "audio": ".wav", "video": ".mp4"}  # of files that a README names
_GRAPHS = {
    "constant": _onnx_graphs.constant, "linear": _onnx_graphs.linear, "trees": _onnx_graphs.trees,
    "catboost": _onnx_graphs.catboost, "extratrees": _onnx_graphs.extratrees, "minirocket": _onnx_graphs.minirocket,
}  # fmt: skip


def export_onnx(predictor: Predictor, folder: Path, rows: Table | None = None) -> Path:
    """Write the export and return its folder; `rows` are sample rows to check it on (synthetic ones by default).

    Raises ModelwrightError where a member cannot be exported or answers otherwise, MissingExtra without the extra.
    """
    with whole_folder(folder) as part:
        fill_onnx(predictor, part, folder.name, rows)
    return folder


def fill_onnx(predictor: Predictor, part: Path, name: str, rows: Table | None = None, pace: Pace | None = None) -> None:
    """Write the export into an empty folder that will be called `name`; errors as `export_onnx` raises them.

    Raises OutOfTime before a member for which `pace` leaves less time than the slowest one took.
    """
    objects = not predictor.target.link and all(hasattr(m, "objects_graph") for _, m in predictor.members)
    if not predictor.target.link and not objects:
        held = next(m.recipe for _, m in predictor.members if not hasattr(m, "objects_graph"))
        raise ModelwrightError(
            f"What `{held}` answers ({predictor.task.title.en}) is made step by step or by code, which an ONNX file does not hold. Deploy the "
            "bundle: modelwright serve, or modelwright.load in Python.",
            f"`{held}`（{predictor.task.title.zh}）的答案是逐步生成的或由代码生成，ONNX 文件无法表达。请直接部署模型包：modelwright serve，或在 Python 中 "
            "modelwright.load。",
        )
    try:
        import onnx
    except ImportError as e:
        raise MissingExtra("export", "Exporting to ONNX", "导出 ONNX") from e
    from modelwright.release.onnx_runtime import load_onnx

    sample = rows if rows is not None else sample_rows(predictor)
    members, longest = [], 0.0
    for i, (weight, model) in enumerate(predictor.members):
        began = pace.left if pace is not None else 0.0
        if pace is not None:
            pace.check(longest)
        proto, kind = _member(model, sample)
        onnx.checker.check_model(proto)
        onnx.save_model(proto, str(part / f"member-{i}.onnx"))
        (part / f"member-{i}").mkdir()
        model.save(part / f"member-{i}")
        _drop_weights(part / f"member-{i}", kind)
        entry = {"file": f"member-{i}.onnx", "codecs": f"member-{i}", "weight": weight, "kind": kind}
        members.append(entry | ({"recipe": model.recipe} if objects else {}))
        if pace is not None and pace.bounded:
            longest = max(longest, began - pace.left)
    write_json(
        part / "ensemble.json",
        {
            "name": predictor.name,
            "task": predictor.task.name,
            "schema": predictor.schema.to_json(),
            "target": predictor.target.state(),
            "labels": list(predictor.target.labels),
            "members": members,
            "temperature": predictor.temperature,
            "thresholds": predictor.thresholds,
            "private": predictor.shield.to_json(),
            "shifts": predictor.shifts,
        },
    )
    alone = write_standalone(part, predictor, members)
    write_text(part / "README.md", _readme(predictor, name, sample_rows(predictor, 2), alone))
    wanted, got = predictor.scores(sample), load_onnx(part).scores(sample)
    if isinstance(predictor.target, ObjectsCodec):
        if not predictor.target.alike(wanted, got):
            raise ModelwrightError(
                "The export answers otherwise than the bundle; nothing was written.",
                "导出结果与模型包不一致；未写出任何文件。",
            )
        return
    spread = max(1.0, float(np.abs(wanted).max()))
    apart = float(np.abs(wanted - got).max())
    if apart > TOLERANCE * spread:
        raise ModelwrightError(
            f"The export answers otherwise than the bundle (by up to {apart:.2g}); nothing was written.",
            f"导出结果与模型包不一致（最大相差 {apart:.2g}）；未写出任何文件。",
        )


def exportable(model: type[Model] | Model) -> bool:
    """Return whether models of this kind have a graph at all."""
    return (
        hasattr(model, "answering")
        or hasattr(model, "objects_graph")
        or hasattr(model, "sigma")
        or model.recipe in _GRAPHS
    )


def sample_rows(predictor: Predictor, count: int = 8) -> Table:
    """Return synthetic rows of the predictor's columns, some values missing, to check an export on."""
    rng = np.random.default_rng(0)
    words = ["refund", "parcel late", "please help", "退款", "快递还没到", "hello", "error 404"]
    columns: dict[str, Any] = {}
    for column in predictor.schema.inputs:
        kind = arrow_type(column.modality)
        special = kind_of(column.modality)
        values: list[Any]
        if special is not None:
            cells = special.sample([i % 3 for i in range(count)], 0)
            values = [special.read(cell, column, Path()) for cell in cells]
            values[-1] = None
            columns[column.name] = pa.array(values, kind)
            continue
        if column.modality == "number":
            values = [float(v) for v in rng.normal(0, 100, count)]
        elif column.modality == "boolean":
            values = [bool(v) for v in rng.integers(0, 2, count)]
        elif column.modality == "timestamp":
            values = [int(v) for v in rng.integers(0, 1_800_000_000_000_000, count)]
        else:
            choices = list(column.options.get("choices", ())) or words
            values = [
                " ".join(rng.choice(choices, rng.integers(1, 4))) if choices is words else str(rng.choice(choices))
                for _ in range(count)
            ]
        if column.modality == "labels":
            values = [[v] for v in values]
        values[-1] = None
        columns[column.name] = pa.array(values, kind)
    return Table.of(pa.table(columns), predictor._inputs, "sample")


def _member(model: Model, sample: Table) -> tuple[Any, str]:
    if hasattr(model, "objects_graph"):
        return model.objects_graph(), "objects"
    if hasattr(model, "answering"):
        return _network(model, sample), "frozen" if model.recipe == "frozen" else "network"
    if hasattr(model, "sigma"):  # ranks of ordered labels: the model of the rank, and probabilities around it
        made: Any = model
        proto, kind = _member(made.model, sample)
        return _onnx_graphs.ranked(proto, made.target.outputs, made.sigma), kind
    if model.recipe in _GRAPHS:
        return _GRAPHS[model.recipe](model), model.recipe
    raise ModelwrightError(
        f"A `{model.recipe}` model cannot be exported. Train with recipes that can: --recipe linear --recipe trees, or a network.",
        f"`{model.recipe}` 模型无法导出。请用可导出的方案训练：--recipe linear --recipe trees，或某个网络。",
    )


def _network(model: Any, sample: Table) -> Any:
    """Trace the network with batch and length left open."""
    import torch

    inputs = model.to_inputs(sample.take(np.arange(min(4, len(sample)))))
    axes = model.dynamic_axes()  # several columns of text or series have lengths of their own
    dims = {d: torch.export.Dim(d, min=1) for own in axes.values() for d in own.values()}
    sides = tuple({axis: dims[d] for axis, d in axes[n].items()} for n in inputs)
    return onnx_of(model.answering(tuple(inputs)), tuple(inputs.values()), list(inputs), ["scores"], (sides,))


def _drop_weights(folder: Path, kind: str) -> None:
    """Leave only the codecs of a member beside its ONNX file: the weights are in the file itself."""
    if kind == "frozen":
        write_json(folder / "beside.json", read_json(folder / "model.json")["beside"])
        (folder / "encoders" / "encoders.safetensors").unlink()
    for path in folder.iterdir():
        named = path.name.startswith(("weights", "catboost-", "ranks.", "forest."))
        if (
            named
            or path.suffix == ".txt"
            or (path.name == "model.json" and kind not in ("trees", "extratrees", "objects"))
        ):
            path.unlink()


def _typed(sample: Table, name: str, value: Any) -> Any:
    """Return a value as a person would type it: a time in ISO 8601, a file by its name."""
    if sample.column(name).type == MEDIA:
        return f"{name}{_ENDINGS.get(sample.schema[name].modality, '')}"
    return value.isoformat() if isinstance(value, datetime) else value


def _readme(predictor: Predictor, folder: str, sample: Table, alone: bool) -> str:
    # synthetic values: a README must not hold a training row
    values = {name: v for name, v in sample.data.slice(0, 1).to_pylist()[0].items() if v is not None}
    row = {name: _typed(sample, name, v) for name, v in list(values.items())[:6]}
    out = f"""# {predictor.name}: ONNX export

Each `member-<i>.onnx` takes the tensors that its codecs make of a row and gives scores; `ensemble.json` holds the
members' weights, the temperature, the labels and the columns. With Modelwright and onnxruntime installed:

```python
from modelwright.release.onnx_runtime import load_onnx

model = load_onnx("{folder}")
print(model.predict([{row!r}]))
```
"""
    about = getattr(predictor.members[0][1], "objects_about", "")
    if about:
        return f"{out}\nWithout Modelwright, open a member with onnxruntime. {about}"
    if not alone:
        return f"""{out}
Without Modelwright: open a member with onnxruntime, make the inputs that `session.get_inputs()` names as its
`codecs.json` describes, and average the members' scores by weight.
"""
    hidden = "" if not predictor.shield else _HIDDEN
    return f"""{out}
Without Modelwright, `encode.py` (numpy and onnxruntime) takes rows as they come and gives labels and scores:

```python
import sys

sys.path.insert(0, "{folder}")
from encode import Model

print(Model("{folder}").predict([{row!r}]))
```

In JavaScript, `encode.mjs` does the same with `onnxruntime-node`, or in a browser with `onnxruntime-web`:

```js
import * as ort from "onnxruntime-node";
import {{ readFileSync }} from "node:fs";
import {{ Model }} from "./encode.mjs";

const model = new Model(JSON.parse(readFileSync("encode.json", "utf8")));
const rows = [{json.dumps(row, ensure_ascii=False)}];
const scores = [];
for (const [i, inputs] of model.inputs(rows).entries()) {{
  const session = await ort.InferenceSession.create(model.members[i].file);
  const feeds = Object.fromEntries(
    Object.entries(inputs).filter(([name]) => session.inputNames.includes(name))
      .map(([name, t]) => [name, new ort.Tensor(t.type, t.data, t.dims)]));
  scores.push(Array.from((await session.run(feeds)).scores.data));
}}
console.log(model.answers(scores));
```

Numbers are numbers, truth values true or false, times ISO 8601, all else text; what is missing is null or left out.
{hidden}"""


_HIDDEN = """
In training, personal data in texts was replaced by placeholders such as `[EMAIL]`, and the bundle replaces it before it answers.
`encode.py` and `encode.mjs` do not look for it: a row that holds some may be answered otherwise than by the bundle.
"""
