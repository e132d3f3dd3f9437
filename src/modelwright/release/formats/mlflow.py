"""`--to mlflow`: a pyfunc model, which MLflow loads and serves; written without a tracking server and without pickle."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.core.quiet import errors_alone
from modelwright.core.run import write_text
from modelwright.release.formats.base import Packed, copy_modelwright
from modelwright.release.formats.shared.requirements import direct, extras_of, pins

_MODEL = '''\
"""A Modelwright bundle as MLflow calls it."""

import modelwright
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Bundle(PythonModel):
    """Answers rows of a data frame with a data frame: `prediction`, `confidence`, and `error` where a row cannot be read."""

    def load_context(self, context):
        self.model = modelwright.load(context.artifacts["bundle"])

    def predict(self, context, model_input, params=None):
        import pandas as pd

        rows = model_input.to_dict("records") if isinstance(model_input, pd.DataFrame) else list(model_input)
        given = [{k: v for k, v in row.items() if not _missing(v)} for row in rows]
        asked = params or {}
        answers = self.model.predict(given, scores=bool(asked.get("scores")), allow_missing=bool(asked.get("allow_missing")))
        return pd.DataFrame(answers)


def _missing(value):
    return value is None or (isinstance(value, float) and value != value) or str(value) in ("NaT", "<NA>")


set_model(Bundle())
'''

_README = """\
# {name} for MLflow

```python
import mlflow

model = mlflow.pyfunc.load_model(".")
print(model.predict(frame))  # with scores of each label: model.predict(frame, params={{"scores": True}})
```

`mlflow models serve -m .` serves it; `mlflow.register_model` puts it into a registry of yours. The bundle lies in `artifacts/`, as it was released, and is checked
against its manifest when it is loaded; `code/` holds Modelwright. MLflow tells its makers how it is used unless MLFLOW_DISABLE_TELEMETRY=true is set.
"""

_TYPES = {"number": "double", "boolean": "boolean", "timestamp": "datetime", "category": "string", "text": "string"}


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with the model."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else importing it tells that it was used
    listed = sorted(direct(extras_of(packed.predictor)), key=str.lower)
    pinned = [f"{name}=={version}" for name, version in pins(listed).items()]
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        packed.copy_bundle(place / "bundle")
        write_text(place / "model.py", _MODEL)
        copy_modelwright(place)
        with _quiet():
            from mlflow.pyfunc import save_model

            save_model(
                path=str(folder),
                python_model=str(place / "model.py"),  # code is read again, not unpickled
                artifacts={"bundle": str(place / "bundle")},
                code_paths=[str(place / "modelwright")],
                pip_requirements=pinned,
                signature=_signature(packed),
                metadata={"name": packed.name, "task": packed.predictor.task.name},
            )
    write_text(folder / "README.md", _README.format(name=packed.name))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's own talk, and its warnings of its own code, out of the terminal."""
    # its bars of progress and coloured warnings go past filters; what fails is raised
    with errors_alone("mlflow"), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _signature(packed: Packed) -> Any:
    """Return the columns that the model reads, none of them required; None where a column is no plain value."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    inputs = packed.predictor.schema.inputs
    if any(c.modality not in _TYPES for c in inputs):
        return None
    columns: list[Any] = [ColSpec(_TYPES[c.modality], c.name, required=False) for c in inputs]
    params = [ParamSpec("scores", "boolean", False), ParamSpec("allow_missing", "boolean", False)]
    return ModelSignature(inputs=Schema(columns), params=ParamSchema(params))
