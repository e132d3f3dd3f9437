"""Tasks for Label Studio and back: its JSON import and export format, with predictions as pre-annotations.

Each kept request becomes one task; the id of its answer stands in `data`, so that what was annotated finds its way back.
Format: labelstud.io/guide/task_format and labelstud.io/guide/export.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelwright.core.answers.corrections import Form
from modelwright.core.errors import DataError, OptionError
from modelwright.data.label_studio import are_tasks, finished, place_of, units_before
from modelwright.release.bundle import Predictor
from modelwright.serve.feedback.shapes import Kept

ID = "modelwright_id"
_NAME = "answer"  # of the control that is annotated
_MEDIA = {"image": "Image", "audio": "Audio", "video": "Video"}
_FORMS = ("label", "labels", "number", "spans", "text")


def _checked(predictor: Predictor) -> Form:
    form = predictor.target.told_as
    if form not in _FORMS:
        raise OptionError(
            f"Answers of the task `{predictor.task.name}` cannot be annotated in Label Studio; use the page /review.",
            f"任务 `{predictor.task.name}` 的回答无法在 Label Studio 中标注；请使用 /review 页面。",
        )
    return form


def _annotated_column(predictor: Predictor) -> tuple[str, str]:
    """Return the column that is annotated and its tag: media first, then the text, else all columns as one text."""
    inputs = predictor.schema.inputs
    media = next((c for c in inputs if c.modality in _MEDIA), None)
    if media is not None:
        return media.name, _MEDIA[media.modality]
    texts = [c.name for c in inputs if c.modality == "text"]
    return ("text" if "text" in texts else texts[0] if texts else inputs[0].name), "Text"


def config(predictor: Predictor) -> str:
    """Return the labelling configuration of a project, as XML. Raises OptionError for answers that cannot be annotated."""
    form = _checked(predictor)
    column, tag = _annotated_column(predictor)
    others = [c.name for c in predictor.schema.inputs if c.name != column and c.modality not in _MEDIA]
    lines = ["<View>", *(f'  <Header value="{_attribute(n)}: ${_attribute(n)}"/>' for n in others)]
    lines.append(f'  <{tag} name="data" value="${_attribute(column)}"/>')
    labels = [_attribute(label) for label in predictor.target.labels]
    if form in ("label", "labels"):
        choice = "single" if form == "label" else "multiple"
        lines.append(f'  <Choices name="{_NAME}" toName="data" choice="{choice}">')
        lines += [*(f'    <Choice value="{label}"/>' for label in labels), "  </Choices>"]
    elif form == "spans":
        lines += [
            f'  <Labels name="{_NAME}" toName="data">',
            *(f'    <Label value="{label}"/>' for label in labels),
            "  </Labels>",
        ]
    else:
        tag = "Number" if form == "number" else "TextArea"
        lines.append(f'  <{tag} name="{_NAME}" toName="data"/>')
    return "\n".join([*lines, "</View>"]) + "\n"


def _attribute(text: str) -> str:
    return html.escape(text, quote=True)


def tasks(kept: Iterable[Kept], predictor: Predictor) -> list[dict[str, Any]]:
    """Return the tasks of kept requests, what was answered as their pre-annotation. Raises OptionError."""
    form = _checked(predictor)
    column, tag = _annotated_column(predictor)
    out = []
    for one in kept:
        text = str(one.row.get(column) or "")
        result = _result(form, one.prediction, text, tag)
        prediction: dict[str, Any] = {"model_version": one.version, "result": result}
        if one.confidence is not None:
            prediction["score"] = one.confidence
        data: dict[str, Any] = {**one.row, ID: one.id}
        out.append({"data": data, "predictions": [prediction]})
    return out


def _result(form: Form, answer: Any, text: str, tag: str) -> list[dict[str, Any]]:
    head = {"from_name": _NAME, "to_name": "data"}
    if answer is None:
        return []
    if form in ("label", "labels"):
        choices = [
            str(v) if not isinstance(v, bool) else str(v).lower() for v in (answer if form == "labels" else [answer])
        ]
        return [{**head, "type": "choices", "value": {"choices": choices}}]
    if form == "number":
        return [{**head, "type": "number", "value": {"number": answer}}]
    if form == "text":
        return [{**head, "type": "textarea", "value": {"text": [answer]}}]
    return [
        {
            **head,
            "id": f"s{i}",
            "type": "labels",
            "value": {
                "start": units_before(text, s["start"]),
                "end": units_before(text, s["end"]),
                "text": text[s["start"] : s["end"]],
                "labels": [s["label"]],
            },
        }
        for i, s in enumerate(answer)
    ]


def answers(exported: str | bytes, predictor: Predictor) -> list[dict[str, Any]]:
    """Return what an export in Label Studio's JSON holds: `{"id", "answer", "by"}` or, for tasks without an id, `{"row", "answer", "by"}`.

    The last annotation that was not cancelled counts for each who annotated. Raises DataError for what is no such export,
    OptionError for answers that cannot be annotated.
    """
    form = _checked(predictor)
    column, _ = _annotated_column(predictor)
    try:
        found = json.loads(exported)
    except (ValueError, RecursionError):
        found = None
    if not are_tasks(found):
        raise DataError(
            "Expected an export of Label Studio in the format JSON: a list of tasks with `data` and `annotations`.",
            "应为 Label Studio 的 JSON 格式导出：任务列表，每项含 `data` 和 `annotations`。",
        )
    names = {c.name for c in predictor.schema.inputs}
    out = []
    for number, task in enumerate(found, 1):
        by_teller: dict[str, Any] = {}
        for annotation in finished(task.get("annotations")):
            text = str(task["data"].get(column) or "")
            by_teller[_who(annotation)] = _answer(form, annotation.get("result"), text, number)
        data = dict(task["data"])
        id_ = data.pop(ID, None)
        whose = {"id": id_} if id_ else {"row": {k: v for k, v in data.items() if k in names}}
        out += [{**whose, "answer": answer, "by": who} for who, answer in by_teller.items() if answer is not None]
    return out


def _who(annotation: Mapping[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, Mapping):
        by = by.get("email") or by.get("id")
    return f"label-studio:{by}"[:64] if by is not None else "label-studio"


def _answer(form: Form, result: Any, text: str, number: int) -> Any:
    """Return the answer of an annotation, None where it says nothing. Raises DataError."""
    try:
        parts: Sequence[Any] = [r for r in result if r.get("from_name") == _NAME]
        if form == "spans":
            return [
                {"start": place_of(text, v["start"]), "end": place_of(text, v["end"]), "label": v["labels"][0]}
                for v in (r["value"] for r in parts)
            ]
        if not parts:
            return None
        value = parts[-1]["value"]
        if form == "label":
            return value["choices"][0]
        if form == "labels":
            return list(value["choices"])
        return value["number"] if form == "number" else "\n".join(value["text"])
    except (KeyError, IndexError, TypeError, AttributeError) as e:
        raise DataError(
            f"Task {number} of the export is not annotated as `config` lays it out ({type(e).__name__}). Export a project with the configuration "
            "that `modelwright review NAME --config` prints.",
            f"导出文件中第 {number} 个任务的标注与配置不符（{type(e).__name__}）。请使用 `modelwright review 名称 --config` 输出的配置创建项目后导出。",
        ) from e
