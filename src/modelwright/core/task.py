"""The contract of tasks: what each declares, and what holds for most of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import BundleError
from modelwright.core.events import EventStream
from modelwright.core.facts.base import Pair
from modelwright.core.facts.details import PictureFact, PlotFact, SectionFact, SoundFact
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model
from modelwright.core.registry import TASKS, load_file, names_in
from modelwright.core.related import Relation
from modelwright.core.request import request_model
from modelwright.core.schema import Column, Related, Schema, Table
from modelwright.core.unit import ROWS, Unit
from modelwright.core.words import Words

if TYPE_CHECKING:  # a model in use answers without the options of a run
    from modelwright.core.config import RunConfig

_FILES = frozenset(("image", "audio"))


@dataclass(frozen=True)
class Split:
    """Rows that a task chooses to train, validate and test on, as positions in a table of N rows.

    `develop` [D] are trained on in the end, `test` [T] tested on; rows in neither (a gap between them, say) are left out.
    `always` [A], some of `develop`, are in the training part of every validation split. `windows` are the validation splits, each
    (train, valid), of which a row may be in neither: windows of a backtest with a gap before each, the oldest first.
    Where answers have no mean and there is no time for a refit, the model of the last window answers. Without windows, the rest of
    `develop` is split the usual way.
    """

    develop: np.ndarray
    test: np.ndarray
    always: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    windows: tuple[tuple[np.ndarray, np.ndarray], ...] = ()


@dataclass(frozen=True)
class Formed:
    """Rows in the form in which a task takes them, what is to be said of it, and what its own data doctor found (`data.finding.Finding`)."""

    table: Table
    words: Words | None = None
    findings: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What a source in a form of its own asks: `table`, the rows to answer, whose scores `written` makes a table of answers of,
    and what is to be said of the source."""

    table: Table
    written: Callable[[np.ndarray], pa.Table]
    words: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Plot:
    """A picture with the sentence that says what it shows; `svg` in a palette and font that the style sheet sets.

    `private` marks one that quotes the data, as `Section.private` does.
    """

    name: str
    title: Words
    says: Words
    svg: str
    private: bool = False

    def to_json(self) -> PlotFact:
        """Return the picture as JSON values."""
        out: PlotFact = {"name": self.name, "title": list(self.title), "says": list(self.says), "svg": self.svg}
        return {**out, "private": True} if self.private else out


@dataclass(frozen=True)
class Section:
    """A table of the report with the sentence that says what it shows; cells are plain text, or words in both languages. `pictures` and
    `sounds` stand below it.

    `private` marks rows, pictures and sounds that quote the data: they go into the report, never into a bundle.
    """

    name: str
    title: Words
    says: Words
    head: tuple[Words, ...]
    rows: Sequence[Sequence[str | Words]]
    private: bool = False
    pictures: tuple[PictureFact, ...] = ()
    sounds: tuple[SoundFact, ...] = ()

    def to_json(self) -> SectionFact:
        """Return the section as JSON values."""
        out: SectionFact = {
            "name": self.name, "title": list(self.title), "says": list(self.says),
            "head": [list(h) for h in self.head], "private": self.private,
            "rows": [[list(cell) if isinstance(cell, Words) else cell for cell in row] for row in self.rows],
        }  # fmt: skip
        if self.pictures:
            out["pictures"] = list(self.pictures)
        if self.sounds:
            out["sounds"] = list(self.sounds)
        return out


class Task(ABC):
    """What is to be produced. The file's name is the task's name; the file defines `TASK`, a subclass."""

    name: ClassVar[str]
    title: ClassVar[Words]
    inputs: ClassVar[frozenset[str]]  # modalities it accepts as inputs
    targets: ClassVar[frozenset[str]]  # modalities it accepts as target
    metrics: ClassVar[tuple[Metric, ...]]  # the first one ranks
    in_money: ClassVar[Metric | None] = None  # what errors cost, where a run may give them a price
    orders: ClassVar[bool] = (
        False  # whether answers are amounts: what has a price is then a unit too much or too little
    )
    restores: ClassVar[bool] = (
        False  # whether placeholders in an answer are those of its own row, and may be filled again
    )
    target_read_as: ClassVar[str | None] = None  # the modality that the target is read as, whatever it looks like
    checks_answers: ClassVar[bool] = True  # whether targets that repeat, contradict or number the rows are looked for
    # whether fields of objects are columns, as they always are where recipes go by columns
    opens_objects: ClassVar[bool] = False
    by_columns: ClassVar[bool] = True  # whether recipes are tried in an order that the kinds of the columns tell
    stratifies: ClassVar[bool] = True  # whether splits keep the shares of the target's values, where it holds labels
    keeps_near_rows: ClassVar[bool] = True  # whether rows that are nearly the same never stand on both sides of a split
    points: ClassVar[bool] = False  # whether answers are places in the inputs' texts, which must stay as they are then
    needs_inputs: ClassVar[bool] = True  # whether there must be an input column beside the target
    held_out: ClassVar[int] = 5000  # validation rows at most: they train nothing where nothing is refitted
    keeps_unlabelled: ClassVar[bool] = False  # whether rows without an answer are trained on: documents to search, say
    checked: ClassVar[bool] = True  # whether the data doctor looks at the rows
    tells_personal: ClassVar[bool] = (
        False  # whether personal data is told of and left, as it is what was said or is asked for
    )
    answers_from_rows: ClassVar[bool] = False  # whether models answer from rows that they hold: what users had, say
    repeats: ClassVar[bool] = False  # whether equal rows are rows of their own: events that happened again
    recalls: ClassVar[bool] = True  # whether a model should answer its own training rows with what they hold
    in_turn: ClassVar[bool] = False  # whether a row is judged from rows before it in the same table, and their truth
    beside: ClassVar[Words] = Words("unlabelled rows", "行未标注数据")  # what the rows without an answer are
    related: ClassVar[tuple[Relation, ...]] = ()  # further tables that it reads, each by the option of its name
    joins: ClassVar[bool] = False  # whether their columns become columns of the rows
    unit: ClassVar[Unit] = ROWS  # what its rows are to people: what is counted
    more: ClassVar[Words | None] = (
        None  # what to do where the test rows are too few to tell anything, if not more of them
    )
    least: ClassVar[Words] = Words("guessing", "猜测")  # what its recipes of rank 0 do, which every model must beat
    no_better: ClassVar[Words] = Words(  # what to do where no model clearly does
        "check whether these columns can tell the answer at all", "请检查这些列是否包含与答案有关的信息"
    )

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

    def fit_codec(self, table: Table) -> TargetCodec:
        """Return the target codec fitted on a table's rows, and on its related tables where answers stand in those too."""
        column = table.schema.target
        name = column.name if column else ""
        return self.fit_target(table.column(name), table.schema[name])

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean loss (a torch scalar) of raw outputs [B, K] against encoded truth (values standardised).

        `smoothing` is the label smoothing in 0..1, `class_weight` a tensor [K] or None; pure. `row_weight` [B] makes it
        the mean of the rows' losses times their weights (not divided by the weights' sum); it comes without `class_weight`.
        Cross entropy of one of K classes, truth [B], unless a task says otherwise.
        """
        from torch.nn.functional import cross_entropy

        if row_weight is not None:
            return (row_weight * cross_entropy(outputs, truth, label_smoothing=smoothing, reduction="none")).mean()
        return cross_entropy(outputs, truth, weight=class_weight, label_smoothing=smoothing)

    def request(self, schema: Schema) -> type[BaseModel]:
        """Return the model of one row as a client sends it: every input column, none required."""
        return request_model(schema)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        """Return the model of one answer: what its answer type says unless a task says otherwise."""
        return create_model("Answer", **target.answer_fields())

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        """Return the task's pictures of held-out answers; none by default."""
        return []

    @abstractmethod
    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return a small synthetic table that can be learnt, and the name of its target column."""

    def sample_related(self, rows: int, seed: int) -> dict[str, tuple[pa.Table, str]]:
        """Return tables that stand beside the sample's rows, by the name of their relation, each with its key."""
        return {}

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        """Return a source in a form of its own (a folder of documents, say) as a raw table, with what was detected in it; None for
        the usual way. Every option of `reading` that says something of such a source holds for it."""
        return None

    def laid_out(self, raw: pa.Table, config: RunConfig) -> tuple[pa.Table, dict[str, dict[str, Any]]]:
        """Return the rows as this task lays them out, and the layouts of columns that were gathered (`data/series.py`): windows of
        a series, say. Raises ColumnError or OptionError where that cannot be."""
        return raw, {}

    def target_of(self, raw: pa.Table) -> str | None:
        """Return the target column to take where the user named none; None where it must be named."""
        return None

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        """Return the schema as this task takes it: other columns ignored, say, or roles as `config` asks. Raises ColumnError or
        OptionError where that cannot be."""
        return schema

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Return the rows that count, of training and of official test rows, and what is to be said of the others."""
        return table, None

    def formed(self, table: Table, config: RunConfig, trained: Table | None = None) -> Formed:
        """Return the rows that count in the form in which the task takes them: rows of a series as one, say.

        For official test rows `trained` are the training rows as this method returned them.
        """
        return Formed(table)

    def ranks(self, table: Table) -> Metric:
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

    def asked(
        self, schema: Schema, models: Sequence[Model], source: Any, reading: Reading, protect: Callable[[Table], Table]
    ) -> Asked | None:
        """Return what a whole source asks, where its rows are not answered one by one as they stand; None for the usual way.

        `schema` are the columns that the deployed `models` read; `protect` replaces personal data as before training.
        """
        return None

    def units(self, table: Table) -> np.ndarray | None:
        """Return a number per row [N]; rows that share it never stand on both sides of a split. None for the usual way."""
        return None

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        """Return the rows to train, validate and test on; None for the usual way, by chance, group or time as `config` asks.

        With `official` test rows of their own, none of the table are tested on. Raises DataError where the rows do not suffice.
        """
        return None

    def served(self, schema: Schema) -> Schema:
        """Return the columns that the deployed model reads, from those it was trained on."""
        return schema

    def named_inputs(self, schema: Schema) -> tuple[str, ...]:
        """Return the inputs as the data names them, which rows in another form have beside columns that nobody has given."""
        return tuple(c.name for c in schema.inputs)

    def rests_on(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns of those `served` without which no row can be answered, for a task whose answers are made."""
        return ()

    def sent(self, related: Mapping[str, Related]) -> tuple[Column, ...]:
        """Return the columns of related tables that rows to be answered may hold beside those that are `served`."""
        return ()

    def with_past(self, raw: pa.Table, schema: Schema) -> pa.Table:
        """Return a whole raw table that is to be answered with what its rows tell of one another: the answers before each, say."""
        return raw

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """Return what of a typed table to be answered no model can read: row (from 0), column, and words for it."""
        return []

    def deployed(self, model: Model, config: RunConfig) -> Model:
        """Return a member of the winner as it goes into the bundle: without what `config` says is not to be kept, say."""
        return model

    def caught_up(self, models: Sequence[Model], config: RunConfig, rows: Sequence[Table]) -> list[Model]:
        """Return the members of the winner with what is known in the end, which they go on from and did not learn from; `rows` are
        those developed and tested on."""
        return list(models)

    def remembering(self, model: Model, develop: Table) -> Model:
        """Return a member of the winner with what it answers from of all development rows, where it was trained on fewer."""
        return model

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        """Return what the report should show besides metrics and plots, found within `seconds`: answers, checks."""
        return []

    def untold(self, judged: Judged) -> tuple[Words, Words] | None:
        """Return why these test rows leave the metric that ranks undefined, a whole sentence, and what to do; None where no reason is known."""
        return None

    def told(self, model: Model) -> list[list[Pair]]:
        """Return parts for the model card, each `[title in both languages, text in both languages]`."""
        return []

    @property
    def makes_files(self) -> bool:
        """Whether answers are pictures or recordings that are made, of which the name of the target's column says nothing."""
        return self.targets <= _FILES

    def metrics_of(self, target: TargetCodec) -> tuple[Metric, ...]:
        """Return the metrics that say something of this target, what errors cost among them where they have a price."""
        return self.metrics if self.in_money is None or target.prices is None else (self.in_money, *self.metrics)

    def metric(self, name: str) -> Metric:
        """Return a metric by name; `recall@20`, as reports write it, is `recall_20`. Raises OptionError, with the nearest names."""
        from modelwright.core.errors import OptionError, unknown

        known = (*self.metrics, *([self.in_money] if self.in_money is not None else []))
        plain = name.replace("@", "_")
        for metric in known:
            if metric.name == plain:
                return metric
        raise unknown(Words("metric", "指标"), name, [m.name for m in known], OptionError)


class GeneratedTask(Task):
    """A task whose answers are made, not chosen from what the target column holds: texts, spans, ranked lists.

    Its target codec is an `ObjectsCodec` or an answer type of its own. What is said of labels does not hold here: an answer
    may occur once, equal inputs may have several, and recipes of its own are tried by their rank.
    """

    target_read_as = "text"
    checks_answers = False
    by_columns = False
    stratifies = False
    keeps_near_rows = False
    no_better = Words("give more time (--budget) or more rows", "请增加时间（--budget）或数据")


def get_task(name: str) -> Task:
    """Return the task of that name. Raises OptionError, naming the nearest, if there is none."""
    task: type[Task] = load_file(TASKS, name, Words("task", "任务")).TASK
    return task()


def task_names() -> tuple[str, ...]:
    """Return all task names, in alphabetical order, without importing them."""
    return names_in(TASKS)
