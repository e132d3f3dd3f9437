"""The bundle: the folder that is deployed. Data only: JSON, safetensors, LightGBM's text format, ONNX.
manifest.json   SHA-256 of every other file, format version, version of Modelwright
bundle.json     task, schema, target codec, members with weights, temperature, thresholds
card.md         the model card (card.zh-CN.md in Chinese)
drift.json      counts of the training data by column, to notice other data by; bundles made earlier have none
members/<i>/    one fitted model each; model.json names its recipe
related/<name>/ a table of what answers name, such as the items of a shop; only where a task keeps one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from modelwright.core.answers.base import TargetCodec, target_from_state
from modelwright.core.errors import DataError, OptionError
from modelwright.core.facts.run import CardFacts
from modelwright.core.reading import Reading
from modelwright.core.recipe import Model, get_recipe
from modelwright.core.related import load_tables, save_tables, with_lines
from modelwright.core.run import read_json, whole_folder, write_json
from modelwright.core.schema import Related, Schema, Table, arrow_type
from modelwright.core.task import Task, get_task
from modelwright.core.version import VERSION
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue, coerce, coerce_rows, without
from modelwright.data.frames import as_table
from modelwright.data.nested import not_objects, row_with_fields, with_dots, with_fields
from modelwright.data.series import gathered, gathered_rows, layouts_of
from modelwright.privacy.protect import safe_values
from modelwright.privacy.shield import Shield, filled
from modelwright.recipes.shared.together import Together
from modelwright.release.capabilities import Able
from modelwright.release.check import FORMAT, number, one_answer, refuse_nan, sha256_of, verify
from modelwright.release.extras import needed, refuse_missing
from modelwright.release.needs import Needs
from modelwright.release.unanswered import left_out, limits_of_task, strange_cells, without_input
from modelwright.tune.timing import VERY_SLOW, AnswerTime, as_sent, measure

_CHUNK = 2048
DRIFT = "drift.json"


@dataclass
class Predictor(Able):
    """The one inference path: evaluation, `predict`, the service and the ONNX check all answer through it.

    Scores [N, K] as `core.recipe.Model` gives them: the weighted mean over members, then the temperature.
    """

    task: Task
    schema: Schema
    target: TargetCodec
    members: list[tuple[float, Model]]
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    shifts: dict[str, Any] | None = None  # what groups of a column are moved by; see evaluate/group_thresholds.py
    name: str = "model"
    version: str = "1"
    card: CardFacts = field(default_factory=CardFacts)
    shield: Shield = field(default_factory=Shield)
    reading: dict[str, Any] = field(default_factory=dict)  # how the training data was spelt; see data/reading.py
    foreign: bool = False  # read from a bundle: what it answers is looked at
    needs: Needs = field(default_factory=Needs)  # what rows must hold; see release/needs.py
    engine: list[Model] | None = None  # what scores rows in the members' place, in their order; see release/engines.py
    adjust: Callable[[Table, np.ndarray], np.ndarray] | None = None  # what a service learnt since; never in the bundle
    reference: dict[str, Any] | None = None  # what drift is noticed by, as JSON; see evaluate/drift/reference.py
    related: dict[str, Related] = field(default_factory=dict)  # tables of what answers name: items, say
    _made: Together | None = field(default=None, repr=False, compare=False)

    @cached_property
    def request(self) -> type[BaseModel]:
        """The model of one row."""
        return self.task.request(self.schema)

    @cached_property
    def response(self) -> type[BaseModel]:
        """The model of one answer."""
        return self.task.response(self.target)

    def table(self, rows: Any, folder: Path | None = None) -> tuple[Table, list[BadValue]]:
        """Return rows (mappings, or anything with the Arrow C-stream interface) as a typed table, and bad values.

        Paths of media are taken from `folder`; without one, as for requests from outside, only data URLs and bytes are.
        Personal data is replaced as it was before training; tables of tasks that restore say by what (`hidden`).
        """
        if isinstance(rows, Mapping):
            rows = [rows]
        if isinstance(rows, Sequence):
            rows = self.with_fields(rows)
            table, bad = coerce_rows(gathered_rows(rows, self.layouts), self._inputs, folder)
        else:
            rows = self.with_fields(as_table(rows))
            table, bad = coerce(gathered(rows, self.layouts), self._inputs, need_target=False, folder=folder)
        bad += not_objects(rows, self._dotted)
        table = with_lines(table, self.task.related, self.related) if self.task.joins else table
        known = {(b.row, b.column) for b in bad}
        found = strange_cells(self.task, self.members, self._limits, table)
        strange = [b for b in found if (b.row, b.column) not in known]
        bad = sorted([*bad, *self.needs.refused(table), *strange], key=lambda b: b.row)
        table = without(table, strange)
        # what was hidden from the model is hidden in messages about its input too
        return self.shield.apply(table, tell=self.task.restores), safe_values(bad, public=not self.shield)

    def left_out(self, table: Table) -> list[BadValue]:
        """Return what of a typed table the members answer without, each once."""
        return safe_values(left_out(self.members, table), public=not self.shield)

    def without_input(self, table: Table) -> list[int]:
        """Return the rows (from 0) of a typed table that hold no value in any column that the model reads."""
        return without_input(self.schema, self.needs.beside, table)

    @cached_property
    def _limits(self) -> dict[str, Any]:
        return limits_of_task(self.task, self.schema)

    def reading_of(self, asked: Mapping[str, Any]) -> Reading:
        """Return how a file to be answered is read: by the options `asked`, and as the training data was where these say nothing."""
        lists = tuple(c.name for c in self._inputs if pa.types.is_list(arrow_type(c.modality)))
        return Reading(**asked, names=tuple(self.schema.names), lists=lists, usual=self.reading)

    def read_as(self, schema: Schema) -> None:
        """Read what is to be answered by another spelling of the same columns from here on."""
        self.schema = schema
        for held in ("_inputs", "_dotted", "layouts", "request"):
            self.__dict__.pop(held, None)

    @cached_property
    def layouts(self) -> dict[str, dict[str, Any]]:
        """How series lie spread over the columns or rows of what is to be answered, as in training."""
        return layouts_of(self._inputs)

    @cached_property
    def _dotted(self) -> tuple[str, ...]:
        return with_dots(self._inputs.names)

    def with_fields(self, rows: Any) -> Any:
        """Return rows, mappings or a table, in which fields of objects that the model reads have columns of their own."""
        if not self._dotted:
            return rows
        if isinstance(rows, pa.Table):
            return with_fields(rows, self._dotted)
        return [row_with_fields(row, self._dotted) for row in rows]

    @cached_property
    def _inputs(self) -> Schema:
        return Schema(tuple(self.schema.inputs))

    def scores(self, table: Table) -> np.ndarray:
        """Return scores [N, K] of a typed table, with what a service that adapts has learnt since."""
        own = self.own_scores(table)
        return own if self.adjust is None else self.adjust(table, own)

    def own_scores(self, table: Table) -> np.ndarray:
        """Return scores [N, K] of a typed table by the model as it stands in the bundle."""
        if len(table) <= _CHUNK:
            return self._scores(table)
        parts = [self._scores(table.part(i, _CHUNK)) for i in range(0, len(table), _CHUNK)]
        return np.concatenate(parts)

    def judge(self, table: Table) -> np.ndarray:
        """Return the scores [N, K] that metrics take: those of `scores`, but where a task's models must read the truth."""
        if not self.target.averages:
            return self.target.tempered(self.members[0][1].judge(table), self.temperature)
        if self.task.in_turn:
            made = [m.judge(table) for _, m in self.members]
            return self.target.tempered(self.target.blend([w for w, _ in self.members], made), self.temperature)
        return self.scores(table)

    @property
    def _together(self) -> Together:
        """The members as they answer with one another; made anew where others were put in their place."""
        models = self.engine or [m for _, m in self.members]
        if self._made is None or any(a is not b for a, b in zip_longest(self._made.models, models)):
            self._made = Together(models)
        return self._made

    def _scores(self, table: Table) -> np.ndarray:
        if not self.foreign:
            return self._made_scores(table)
        with one_answer("The bundle's model cannot answer", "模型包中的模型无法作答"):
            scores = self._made_scores(table)
            if not self.target.finite(scores):
                raise ValueError("its answer is no number")
            return scores

    def _made_scores(self, table: Table) -> np.ndarray:
        mean = self.target.blend([w for w, _ in self.members], self._together.scores(self.needs.filled(table)))
        scores = self.target.tempered(mean, self.temperature)
        if self.shifts is None:
            return scores
        from modelwright.evaluate.group_thresholds import shifted

        return shifted(scores, table, self.shifts)

    def answers(
        self, scores: np.ndarray, with_scores: bool = False, hidden: Sequence[Mapping[str, str]] = ()
    ) -> list[dict[str, Any]]:
        """Return answers to scores [N, K] as JSON values; in texts made, the placeholders of `hidden` [N] are filled again."""
        decoded = self.target.decode(scores, self.thresholds)
        out: list[dict[str, Any]] = [{"prediction": p} for p in decoded.predictions]
        for answer, values in zip(out, hidden):
            answer["prediction"] = filled(answer["prediction"], values)
        if decoded.confidence is not None:
            for answer, confidence in zip(out, decoded.confidence.tolist()):
                answer["confidence"] = confidence
        for name, more in decoded.beside.items():
            for answer, value in zip(out, more, strict=True):
                answer[name] = value
        for answer, row in zip(out, (self.target.by_label(scores) or ()) if with_scores else ()):
            answer["scores"] = row
        return out

    def lacking(self, rows: Any, *, allow: bool = False) -> list[Words]:
        """Return words for columns that rows lack. Raises ColumnError where one of them carries the model, unless `allow`."""
        if isinstance(rows, Mapping):
            rows = [rows]
        if not isinstance(rows, Sequence):
            raw = gathered(self.with_fields(as_table(rows)), self.layouts)
            return self.needs.check(self._inputs, raw.column_names, allow)
        names = self._inputs.names
        out: dict[str, Words] = {}
        for i, row in enumerate(gathered_rows(self.with_fields(rows), self.layouts), 1):
            if any(n not in row for n in names):
                out |= {w.en: w for w in self.needs.check(self._inputs, row, allow, row=i)}
        return list(out.values())

    def predict(self, rows: Any, *, scores: bool = False, allow_missing: bool = False) -> list[dict[str, Any]]:
        """Answer rows; a row with a value that cannot be read gets `{"error": ...}` instead of an answer.
        Paths of media are taken from the working folder. Raises ColumnError where a column is absent that carries the
        model, unless `allow_missing`.
        """
        if not isinstance(rows, Mapping | Sequence):
            rows = self.task.with_past(as_table(rows), self.schema)
        self.lacking(rows, allow=allow_missing)
        table, bad = self.table(rows, Path())
        answers = self.answers(self.scores(table), scores, table.hidden)
        for value in bad:
            answers[value.row - 1] = {"error": value.words.en, "error_zh": value.words.zh, "column": value.column}
        return answers

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of the columns of `predict_proba`; empty where the task chooses no labels."""
        return tuple(self.target.labels) if self.target.probabilities else ()

    def predict_proba(self, rows: Any, *, allow_missing: bool = False) -> np.ndarray:
        """Return probabilities [N, K] of N rows over the K labels of `classes`; for several labels each by itself.

        Raises OptionError for tasks without labels, DataError for a value that cannot be read, ColumnError where a column is
        absent that carries the model, unless `allow_missing`.
        """
        if not self.classes:
            raise OptionError(
                f"A model of task `{self.task.name}` has no probabilities of labels; use predict.",
                f"任务 `{self.task.name}` 的模型没有类别概率；请使用 predict。",
            )
        self.lacking(rows, allow=allow_missing)
        table, bad = self.table(rows, Path())
        if bad:
            b = bad[0]
            raise DataError(
                f"Row {b.row}, column `{b.column}`: {b.words.en}.", f"第 {b.row} 行，列 `{b.column}`：{b.words.zh}。"
            )
        return np.asarray(self.scores(table), np.float64)

    def _repr_html_(self) -> str:
        from modelwright.core.words import pick_lang
        from modelwright.evaluate.report.notebook import model_html

        lang = pick_lang()
        columns = [(c.name, c.modality) for c in self._inputs]
        return str(model_html(self.name, self.task.title.to(lang), self.classes, columns, lang))

    def answer_time(self, table: Table, known: AnswerTime | None = None) -> AnswerTime:
        """Measure what `predict` takes, warm, for one row by itself and a row in a batch of a typed table's rows.

        `known` is what its members took together; it stands where an answer takes so long that asking once more would cost the run its time.
        """
        if known is not None and known.one > 1000 * VERY_SLOW:
            return known
        first = table.take(np.zeros(1, np.int64))
        inputs = Schema(tuple(c for c in self._inputs if c.name in table))
        rows = as_sent(first, inputs)
        once = any(m.remote for _, m in self.members)

        def one() -> None:
            self.answers(self.scores(first)) if rows is None else self.predict(rows)

        def many(count: int) -> None:
            part = table.part(0, count)
            self.answers(self.scores(part)) if rows is None else self.predict(part.data.select(inputs.names))

        return measure(one, many, len(table), once=once)


def save(predictor: Predictor, folder: Path, cards: Mapping[str, str] | None = None) -> None:
    """Write a bundle; an existing one at that place is replaced only once the new one is whole."""
    with whole_folder(folder) as part:
        for i, (_, model) in enumerate(predictor.members):
            place = part / "members" / str(i)
            place.mkdir(parents=True)
            model.save(place)
        save_tables(predictor.related, part / "related")
        for name, text in (cards or {}).items():
            (part / name).write_text(text, encoding="utf-8")
        write_json(
            part / "bundle.json",
            {
                "name": predictor.name,
                "version": predictor.version,
                "task": predictor.task.name,
                "schema": predictor.schema.to_json(),
                "target": predictor.target.state(),
                "members": [
                    {"folder": f"members/{i}", "recipe": model.recipe, "weight": weight}
                    for i, (weight, model) in enumerate(predictor.members)
                ],
                "extras": list(needed([m.recipe for _, m in predictor.members], predictor.schema)),
                "temperature": predictor.temperature,
                "thresholds": predictor.thresholds,
                "private": predictor.shield.to_json(),
                **({"shifts": predictor.shifts} if predictor.shifts else {}),
                **({"related": sorted(predictor.related)} if predictor.related else {}),
                **({"reading": predictor.reading} if predictor.reading else {}),
                "needs": predictor.needs.to_json(),
                "card": predictor.card,
            },
        )
        if predictor.reference is not None:
            write_json(part / DRIFT, predictor.reference)
        files = {str(p.relative_to(part).as_posix()): sha256_of(p) for p in sorted(part.rglob("*")) if p.is_file()}
        form = FORMAT if predictor.shifts or predictor.target.prices is not None else 1
        write_json(part / "manifest.json", {"format": form, "modelwright": VERSION, "files": files})


def load(folder: Path) -> Predictor:
    """Load a bundle after checking it against its manifest; nothing is ever written into it.

    Raises BundleError where anything does not fit, MissingExtra where a member needs a library that is not installed.
    """
    verify(folder)
    refuse_nan(folder)
    data = read_json(folder / "bundle.json")
    with one_answer(f"The bundle in {folder} cannot be understood", f"无法解读 {folder} 中的模型包"):
        predictor = _loaded(folder, data)
        if (folder / DRIFT).is_file():
            predictor.reference = dict(read_json(folder / DRIFT))
        return predictor


def _loaded(folder: Path, data: Any) -> Predictor:
    # told from the recipes, not from what the file says: older ones say nothing
    refuse_missing([str(entry["recipe"]) for entry in data["members"]], Schema.from_json(data["schema"]))
    task, target = get_task(data["task"]), target_from_state(data["target"])
    members = []
    for entry in data["members"]:
        place = (folder / entry["folder"]).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise ValueError(entry["folder"])
        cls = type(get_recipe(entry["recipe"])).model
        members.append((number(entry, "weight"), cls.load(place, target)))
    if not sum(w for w, _ in members) > 0:
        raise ValueError("no member has a weight")
    thresholds = data["thresholds"]
    named = [r.name for r in task.related if r.name in data.get("related", ())]
    return Predictor(
        task=task,
        schema=Schema.from_json(data["schema"]),
        target=target,
        members=members,
        temperature=number(data, "temperature", above=True),
        thresholds=tuple(number({"threshold": t}, "threshold") for t in thresholds) if thresholds else None,
        shifts=data.get("shifts"),
        name=data["name"],
        version=data["version"],
        card=data["card"],
        shield=Shield.from_json(data.get("private")),
        foreign=True,
        reading=dict(data.get("reading") or {}),
        needs=Needs.from_json(data.get("needs")),
        related=load_tables(folder / "related", named),
    )
