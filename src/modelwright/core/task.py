"""The contract of tasks: what each declares, with no defaults, so that nothing is forgotten."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.errors import BundleError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.core.registry import load_file, names_in
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.core.recipe import Model

TASKS = "modelwright.tasks"


@dataclass(frozen=True)
class Judged:
    """Held-out rows with their truth and what a model answered: what metrics and plots take.

    `target` may hold labels behind those that were learnt, see `judge`; `truth` as its `encode` gives it, `scores` [N, K], `answers` decoded from them, `chosen` the answers
    encoded again as `truth` is. `rows` [N] are source row numbers.
    """

    target: TargetCodec
    truth: np.ndarray
    scores: np.ndarray
    answers: Answers
    chosen: np.ndarray
    rows: np.ndarray

    def take(self, index: np.ndarray) -> Judged:
        """Return the judged rows at `index`, for bootstraps and slices; the decoded answers are not carried along."""
        return Judged(
            self.target, self.truth[index], self.scores[index], Answers([], None), self.chosen[index], self.rows[index]
        )


@dataclass(frozen=True)
class Metric:
    """A named pure function of judged rows. `higher` says which way is better.

    `per_label` metrics may be asked for one label in a gate: `recall[fraud]`; their function takes the label's
    index as second argument, or None for the average over labels.

    A metric over made answers (BLEU, span F1) declares `parts`: the statistics [N, S] of each row, float64. Its
    `function` then takes their sum over rows [S] (and the label's index, where `per_label`), so that a bootstrap reads
    every row only once.
    """

    name: str
    title: Words
    higher: bool
    function: Callable[..., float]
    per_label: bool = False
    low: float = 0.0
    high: float = 1.0
    ideal: float | None = None  # the best value where neither end is, as of a ratio; for show

    parts: Callable[[Judged], np.ndarray] | None = None

    def __call__(self, judged: Judged, label: int | None = None) -> float:
        """Return the metric's value; NaN where it is undefined (one class only, say)."""
        told = (label,) if self.per_label else ()
        if self.parts is not None:
            return float(self.function(self.parts(judged).sum(axis=0), *told))
        return float(self.function(judged, *told))


@dataclass(frozen=True)
class Plot:
    """A picture with the sentence that says what it shows; `svg` in a palette and font that the style sheet sets."""

    name: str
    title: Words
    says: Words
    svg: str


@dataclass(frozen=True)
class Section:
    """A table of the report with the sentence that says what it shows; cells are plain text.

    `private` marks rows that quote the data: they go into the report, never into a bundle.
    """

    name: str
    title: Words
    says: Words
    head: tuple[Words, ...]
    rows: list[list[str]]
    private: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the section as JSON values."""
        return {
            "name": self.name, "title": list(self.title), "says": list(self.says),
            "head": [list(h) for h in self.head], "rows": self.rows, "private": self.private,
        }  # fmt: skip


class Task(ABC):
    """What is to be produced. The file's name is the task's name; the file defines `TASK`, a subclass."""

    name: ClassVar[str]
    title: ClassVar[Words]
    inputs: ClassVar[frozenset[str]]  # modalities it accepts as inputs
    targets: ClassVar[frozenset[str]]  # modalities it accepts as target
    metrics: ClassVar[tuple[Metric, ...]]  # the first one ranks
    restores: ClassVar[bool] = (
        False  # whether placeholders in an answer are those of its own row, and may be filled again
    )
    free: ClassVar[bool] = False  # whether answers are made, not chosen: the target codec is an ObjectsCodec
    points: ClassVar[bool] = False  # whether answers are places in the inputs' texts, which must stay as they are then
    needs_inputs: ClassVar[bool] = True  # whether there must be an input column beside the target
    held_out: ClassVar[int] = 5000  # validation rows at most: they train nothing where nothing is refitted
    keeps_unlabelled: ClassVar[bool] = False  # whether rows without an answer are trained on: documents to search, say
    checked: ClassVar[bool] = True  # whether the data doctor looks at the rows
    beside: ClassVar[Words] = Words("unlabelled rows", "行未标注数据")  # what the rows without an answer are

    @property
    @abstractmethod
    def recipes(self) -> tuple[str, ...]:
        """Names of its recipes, cheapest first. Asked for in training only: a model in use needs none but its own."""

    @abstractmethod
    def accepts(self, values: pa.Array, column: Column) -> float:
        """Return how well this target column fits the task, 0 (not at all) to 1; the best task wins."""

    @abstractmethod
    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        """Return the target codec fitted on training values. Raises DataError where they do not fit."""

    @abstractmethod
    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean loss (a torch scalar) of raw outputs [B, K] against encoded truth (values standardised).

        `smoothing` is the label smoothing in 0..1, `class_weight` a tensor [K] or None; pure. `row_weight` [B] makes it
        the mean of the rows' losses times their weights (not divided by the weights' sum); it comes without `class_weight`.
        """

    @abstractmethod
    def request(self, schema: Schema) -> type[BaseModel]:
        """Return the model of one row as a client sends it: every input column, none required."""

    @abstractmethod
    def response(self, target: TargetCodec) -> type[BaseModel]:
        """Return the model of one answer."""

    @abstractmethod
    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        """Return the task's pictures of held-out answers."""

    @abstractmethod
    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return a small synthetic table that can be learnt, and the name of its target column."""

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        """Return a source in a form of its own (a folder of documents, say) as a raw table, with what was detected in it; None for
        the usual way. Every option of `reading` that says something of such a source holds for it."""
        return None

    def target_of(self, raw: pa.Table) -> str | None:
        """Return the target column to take where the user named none; None where it must be named."""
        return None

    def typed(self, schema: Schema) -> Schema:
        """Return the schema as this task takes it: other columns ignored, say."""
        return schema

    def ranks(self, schema: Schema) -> Metric:
        """Return the metric that ranks where the user named none."""
        return self.metrics[0]

    def read_test(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        """Return the official test rows as `read` does, where they have another form than what is trained on."""
        return self.read(source, reading, events)

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        """Make the codec that `state` describes: for tasks whose codec is an ObjectsCodec."""
        raise BundleError(f"Task `{self.name}` stores no codec.", f"任务 `{self.name}` 不存储编码器。")

    def units(self, table: Table) -> np.ndarray | None:
        """Return a number per row [N]; rows that share it never stand on both sides of a split. None for the usual way."""
        return None

    def served(self, schema: Schema) -> Schema:
        """Return the columns that the deployed model reads, from those it was trained on."""
        return schema

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        """Return what the report should show besides metrics and plots, found within `seconds`: answers, checks."""
        return []

    def told(self, model: Model) -> list[Any]:
        """Return parts for the model card, each `[title in both languages, text in both languages]`."""
        return []

    def metric(self, name: str) -> Metric:
        """Return a metric by name. Raises OptionError, with the nearest names."""
        from modelwright.core.errors import OptionError, unknown

        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise unknown(Words("metric", "指标"), name, [m.name for m in self.metrics], OptionError)


def judge(target: TargetCodec, truth: pa.Array, scores: np.ndarray, rows: np.ndarray,
          thresholds: Sequence[float] | None = None) -> Judged:  # fmt: skip
    """Decode scores [N, K] and put them beside the truth; rows whose truth is absent are left out.

    A truth that the codec has not learnt counts, and as wrong: `target` of what is returned has its label behind the
    others, and its scores are zero.
    """
    known = np.asarray(truth.is_valid())
    encoded = target.encode(truth)
    wide = target
    if target.kind == "label_sets" or (target.kind == "classes" and (encoded[known] < 0).any()):
        wide = target.extended(truth)
    if wide is not target:
        encoded = wide.encode(truth)
    if target.kind == "value":
        known &= np.isfinite(encoded)
    scores = scores[known]
    answers = target.decode(scores, thresholds)
    if target.kind == "objects":
        chosen = as_objects(answers.predictions)
    elif target.kind == "value":
        chosen = scores[:, 0].astype(np.float64)
    else:
        kind = pa.list_(pa.string()) if target.kind == "label_sets" else None
        chosen = wide.encode(pa.array(answers.predictions, kind))
        scores = np.pad(scores, ((0, 0), (0, wide.outputs - scores.shape[1])))
    return Judged(wide, encoded[known], scores, answers, chosen, rows[known])


def get_task(name: str) -> Task:
    """Return the task of that name. Raises OptionError, naming the nearest, if there is none."""
    task: type[Task] = load_file(TASKS, name, Words("task", "任务")).TASK
    return task()


def task_names() -> tuple[str, ...]:
    """Return all task names, in alphabetical order, without importing them."""
    return names_in(TASKS)
