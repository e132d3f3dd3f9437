"""Make the stored bundles anew: `python tests/bundles/make.py [TASK ...]`.

For each task a short run over its own sample; what stays is the bundle, some rows and what the bundle answers to them. What
lies here is kept as it is, so that later versions are held to it: make only those of a task that is new.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import modelwright
from modelwright.core.task import get_task, task_names

HERE = Path(__file__).resolve().parent
RECIPES = {
    "anomaly-detection": "pca-reconstruction",
    "automatic-speech-recognition": "dtw",
    "classification": "linear",
    "click-through": "click-means",
    "essay-scoring": "rubric-ridge",
    "image-to-image": "median",
    "knowledge-tracing": "bkt",
    "multi-label-classification": "linear",
    "object-detection": "mean-boxes",
    "ordinal": "rankridge",
    "question-answering": "answer-bm25",
    "recommendation": "transitions",
    "regression": "linear",
    "retrieval": "bm25",
    "sentence-similarity": "same-text",
    "speaker-verification": "voice-statistics",
    "style-transfer": "style-colour",
    "summarization": "copy",
    "text-generation": "ngram",
    "text-to-image": "image-mean",
    "text-to-speech": "mean-sounds",
    "text2text-generation": "copy",
    "time-series-forecasting": "seasonal-naive",
    "token-classification": "crf",
    "translation": "copy",
    "unconditional-image-generation": "image-mean",
}  # cheap ones, with small models


def make(name: str, out: Path) -> None:
    """Make a task's bundle with its rows and answers under `out`, in the place of one that is there."""
    rows, target, options = _data(name)
    with tempfile.TemporaryDirectory() as folder:
        data: Any = rows
        if name == "text-generation":
            data = Path(folder) / "story.txt"
            data.write_text("\n".join(row["text"] for row in rows), encoding="utf-8")
        if name == "style-transfer":
            (Path(folder) / "style.png").write_bytes(rows[0]["good"])
            options["style"] = [str(Path(folder) / "style.png")]
        run = modelwright.fit(
            data, target, name=name, out=folder, task=name, budget="15s", recipes=[RECIPES[name]], search="none",
            ensemble=False, progress=False, **options,
        )  # fmt: skip
        place = out / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(run.folder / "bundle", place / "bundle")
    predictor = modelwright.load(place / "bundle")
    inputs = [c.name for c in predictor.schema.inputs]
    numbers = {c.name for c in predictor.schema.inputs if c.modality == "number"}
    asked = [
        {n: row.get(n, None if n in numbers else row.get("text", "")[:9] or None) for n in inputs} for row in rows[:6]
    ] + [dict.fromkeys(inputs)]
    told = {"rows": asked, "answers": predictor.predict(asked, scores=True, allow_missing=True)}
    text = json.dumps(told, ensure_ascii=False, indent=1, default=plain)
    (place / "answers.json").write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a cell that is no JSON value as one: bytes in base64, times as text."""
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else str(value)


def _data(name: str) -> tuple[list[dict[str, Any]], str | None, dict[str, Any]]:
    if name == "question-answering":
        faq = (("How long does a refund take?", "Refunds reach your card within five working days."), ("怎么重置密码？", "在登录页按短信提示重置。"),
               ("Where is my parcel?", "Open Orders and press Track."), ("怎么开发票？", "订单完成后，在订单页申请电子发票。"))  # fmt: skip
        return [{"question": q, "answer": a} for q, a in faq], None, {}
    table, target = get_task(name).sample(150, 0)
    if name == "text-generation":
        return table.to_pylist(), None, {}
    options: dict[str, dict[str, Any]] = {"regression": {"folds": 1}, "text-to-speech": {"voice_consent": "synthetic"}}
    return table.to_pylist(), target, options.get(name, {})


if __name__ == "__main__":
    for task in sys.argv[1:] or task_names():
        make(task, HERE)
