"""The contract of recipes and of the models they make. To the leaderboard they all look alike."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.crew import Crew
from modelwright.core.errors import OptionError, unknown
from modelwright.core.events import EventStream
from modelwright.core.judged import Metric, judge
from modelwright.core.peers import Peers
from modelwright.core.privacy_budget import Spending
from modelwright.core.registry import load_file, modules_in, names_in
from modelwright.core.rows_not_held import Rest
from modelwright.core.schema import Schema, Table
from modelwright.core.teacher_answers import Taught
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.core.answers.base import TargetCodec

RECIPES = "modelwright.recipes"


class Options(BaseModel):
    """Options of a recipe: strict, typed, every default visible. `leave` are modalities whose columns the fit does not see.

    A derived class that gives an option another default, and no `Field` of its own, keeps the type and the range of the one it derives from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    leave: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Pydantic would take a redeclared option by its bare annotation, and lose the range."""
        super().__init_subclass__(**kwargs)
        annotations = inspect.get_annotations(cls)
        for name in [n for n in annotations if n in vars(cls) and not isinstance(vars(cls)[n], FieldInfo)]:
            known = [f[name] for b in cls.__mro__[1:] if name in (f := getattr(b, "__pydantic_fields__", {}))]
            if known and known[0].metadata:
                annotations[name] = Annotated[known[0].annotation, *known[0].metadata]
        cls.__annotations__ = annotations


class NoOptions(Options):
    """There is nothing to choose."""


@dataclass(frozen=True)
class Choice:
    """A search-space axis over named values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """A search-space axis over numbers from `low` to `high`; `log` for a geometric scale, `whole` for integers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


Axis = Choice | Range


@dataclass(frozen=True)
class Turn:
    """When a recipe is tried among those for columns of a table, the smallest first.

    `alone` is its place where there are plain columns only, `beside` where there are texts or media, too.
    """

    alone: int
    beside: int


@dataclass(frozen=True)
class Estimate:
    """What a fit is expected to cost on an idle machine: processor seconds of all threads together, and bytes of memory.

    `least` are the processor seconds below which a fit that is cut short gives nothing worth having: reading the columns,
    the first epoch or some rounds of trees. A third of the whole where it is not said.
    `row` are the processor seconds in which one row is answered afterwards, told where that may take long: rows of validation
    and test are answered in the time of the run as well.
    """

    seconds: float
    memory: int
    least: float | None = None
    row: float = 0.0

    @property
    def least_seconds(self) -> float:
        """Processor seconds below which a fit is not worth beginning."""
        return min(self.seconds, 0.35 * self.seconds if self.least is None else self.least)


class Loss(Protocol):
    """What a fit makes small: `Task.loss`. Legend: B rows of a batch, K outputs."""

    def __call__(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean loss (a torch scalar) of raw outputs [B, K] against encoded truth (values standardised).

        `smoothing` is the label smoothing in 0..1, `class_weight` a tensor [K] or None. `row_weight` [B] makes it the
        mean of the rows' losses times their weights (not divided by the weights' sum); never beside `class_weight`.
        """


@dataclass
class FitContext:
    """All that a fit needs besides rows.

    `loss` is what training makes small, `target` the run's one target codec, `metric` what ranks (early stopping watches it or the loss). A fit checks `deadline.expired()` between steps and ends with its
    best so far. `extent` is set for a refit without validation rows: the `Model.extent` of the earlier fit
    (rounds, epochs), which the refit repeats. `folder` is a place for checkpoints; None keeps none.
    `cache` holds encoded columns by key so that trials do not encode again. `probe` are the processor seconds that an
    estimate may take to try things out.
    """

    loss: Loss
    target: TargetCodec
    deadline: Deadline
    events: EventStream
    metric: Metric
    name: str = "candidate"
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    extent: Mapping[str, Any] | None = None
    folder: Path | None = None
    class_weight: bool = False
    memory: int | None = None
    private: Spending | None = None  # the privacy budget that every look at training rows is paid from
    sensitive: tuple[str, ...] = ()  # columns whose groups are weighed so that answers do not depend on them
    cache: dict[Any, Any] = field(default_factory=dict)
    probe: float = 3.0
    encoded: Collection[Any] = ()  # for an estimate: the keys of what `cache` holds in a fit already
    rest: Rest | None = None  # rows of the source that nobody holds; never those by which a fit is judged
    crew: Crew | None = None  # the processes that train together; None for this one alone
    cluster: Any = None  # what fits on all rows on another machine, if anything
    peers: Peers | None = None  # the processes that fit together from shares of `rest`; None for this one alone
    load: float = 1.0  # times as long as on an idle machine that work takes on the clock now
    accumulate: int = 1  # parts of a batch that are gone through one after the other before a step
    shard: bool = False  # whether the processes of a crew hold parts of the weights, not each the whole network
    recompute: bool = False  # whether repeated blocks' activations are computed again instead of held
    compiles: bool = False  # whether steps go through torch's compiler where that is faster
    latency: float | None = None  # seconds that an answer may take, where that was asked for
    taught: Taught | None = None  # a blend's answers to the rows, which a student learns beside their truth

    def value(self, table: Table, scores: np.ndarray) -> float:
        """Return the ranking metric of scores [N, K] of a table's rows, by its own units (users, say), signed so that more is better;
        NaN where it is undefined on these rows."""
        return self.values(table, scores)[0]

    def values(self, table: Table, scores: np.ndarray) -> tuple[float, float]:
        """Return of scores [N, K] the ranking metric as `value` does, and the finer one by which epochs are compared (the same if none)."""
        column = table.schema.target
        judged = judge(self.target, table.column(column.name if column else ""), scores, table.rows)
        return self.metric.signed(judged.in_units(table, [self.metric]))


class Model(ABC):
    """A fitted recipe.

    Scores [N, K] are probabilities for classification (K classes, rows sum to 1) and multi-label (K labels, each
    by itself), and values in the target's own unit for regression (K = 1). N rows, K outputs.
    """

    recipe: ClassVar[str]
    extent: dict[str, Any]
    history: list[dict[str, float]]
    remote: bool = False  # whether answers come from another machine, each at a price
    lent: float = 0.0  # seconds of its fit that went into what later fits of the run find ready
    borrowed: float = 0.0  # seconds that parts took which stood already: a fit from nothing takes them again

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where pretrained parts come from: name, revision or SHA-256, licence and paper where told; empty for none."""
        return []

    @abstractmethod
    def scores(self, table: Table) -> np.ndarray:
        """Return scores [N, K] float64 for the rows of a table (the target column is not needed).

        For tasks that make answers: JSON values in an object array [N, 1].
        """

    @classmethod
    def together(cls, models: Sequence[Model]) -> Callable[[Table], np.ndarray | None] | None:
        """Return what answers for several models of this class at once: scores [M, N, K] that are equal to each one's own.

        It may answer None for tables that it gains nothing for, and there may be no such thing: then each model answers
        by itself.
        """
        return None

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """Return what of a typed table this model cannot answer, though another of its task might: row (from 0), column, and words
        for it; a speaker or a style that it never learnt, say."""
        return []

    def left_out(self, table: Table) -> list[tuple[int, str, Words]]:
        """Return what of a typed table is answered without: row (from 0), column, and words for it; signs that have no sound, say."""
        return []

    def forget(self, subject: str) -> bool:
        """Take out what is kept of a person who is known by this name, such as their events; return whether there was anything."""
        return False

    def judge(self, table: Table) -> np.ndarray:
        """Return the scores [N, K] that metrics take; other than `scores` only where the truth must be read (likelihoods)."""
        return self.scores(table)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model into an existing empty folder: JSON, safetensors and text only."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        """Read what `save` wrote. Raises BundleError for damaged files."""


class Recipe(ABC):
    """One way to solve a task. The file's name is the recipe's name; the file defines `RECIPE`, a subclass."""

    name: ClassVar[str]
    title: ClassVar[Words]
    rank: ClassVar[int]  # cheapest first
    paper: ClassVar[str]  # where it comes from
    needs: ClassVar[tuple[str, ...]] = ()  # importable modules that come with an extra
    extra: ClassVar[str] = ""  # that extra; empty for the core
    also: ClassVar[tuple[str, ...]] = ()  # what else it goes by: names of libraries and methods that people type
    trains_with: ClassVar[tuple[str, ...]] = ()  # those of `needs` that a fitted model answers without
    baseline: ClassVar[bool] = False
    # whether it may win beside models though it has rank 0: an answer of use, such as a picture enlarged
    ships: ClassVar[bool] = False
    seeded: ClassVar[bool] = True  # whether another seed gives another model, worth averaging with the first
    options: ClassVar[type[Options]]
    model: ClassVar[type[Model]]
    space: ClassVar[Mapping[str, Axis]] = {}  # option name -> axis
    tasks: ClassVar[frozenset[str] | None] = None  # the tasks it is for; None for all that choose answers from columns
    related: ClassVar[tuple[str, ...]] = ()  # tables beside the rows (`Task.related`) of which it needs one at least
    # Whether it can train under differential privacy: no, yes, or only then.
    privacy: ClassVar[Literal["no", "yes", "only"]] = "no"
    bases: BaseModels = BaseModels()  # what this run may start from or ask; set before it is asked for variants

    leads: ClassVar[str] = (
        ""  # the modality that it is made for; empty for columns of a table, and for no one in particular
    )
    turn: ClassVar[Turn | None] = None  # when it is tried on columns of a table; None for after those that say so
    family: ClassVar[str] = ""  # recipes of one family are alike: where one has lost by far, the others seldom win
    weighs: ClassVar[bool] = False  # whether a fit heeds weights of rows (`recipes/shared/rows.py`)
    reads_on: ClassVar[bool] = False  # whether a fit reads the rows that a run does not hold (`FitContext.rest`)
    # links of answers (`TargetCodec.link`) of which a fit learns what a teacher says as well (`FitContext.taught`)
    learns_scores: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        """Return why this recipe does not fit the data, or None when it does."""

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        """Return the options worth trying by default, the first one first; tuning goes on from there."""
        return [self.options()]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        """Return options that do the same with less work, the dearest first, for when time is short; none by default."""
        return []

    def smaller(self, options: Options, schema: Schema) -> list[Options]:
        """Return options of which a fit begins where there is no time to begin one of these, the dearest first: those of `cheaper`."""
        return self.cheaper(options, schema)

    def private_options(self, schema: Schema, target: TargetCodec, rows: int) -> Options:
        """Return the options to take under differential privacy, where every further trial would cost of its budget."""
        return self.variants(schema, target, rows)[0]

    def private_looks(self, schema: Schema) -> Mapping[str, int] | Words:
        """Return how many noisy looks at columns a private fit takes, by a key that tells alike ones; or why it has none."""
        return {}

    def fits_together(self, target: TargetCodec) -> bool:
        """Return whether several processes can fit one model of such answers, each from its share of the rows (`FitContext.peers`)."""
        return False

    @abstractmethod
    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """Return the expected cost of a fit, from a probe within `ctx.probe` where a formula would mislead.

        What is expected counts, not the most that could be: epochs and rounds until early stopping ends them.
        """

    @abstractmethod
    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        """Train on `train`, watching `valid` (None in a refit), until done or `ctx.deadline` expires.

        Everything fitted sees training rows only. Raises ModelwrightError when no usable model came about.
        """


def missing_modules(recipe: type[Recipe]) -> list[str]:
    """Return the modules a recipe needs that are not installed."""
    return [m for m in recipe.needs if importlib.util.find_spec(m) is None]


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name. Raises OptionError, naming the nearest, if there is none."""
    recipe: type[Recipe] = load_file(RECIPES, name, Words("recipe", "方案")).RECIPE
    return recipe()


def check_recipes(names: Sequence[str], offered: Sequence[str]) -> None:
    """Refuse recipes that are not among those `offered`. What other libraries call one is answered with its name here, and a
    recipe of other tasks with those where no other was named: one list may serve runs of several tasks. Raises OptionError."""
    some = any(name in offered for name in names)
    for name in names:
        if name in offered or (some and name in recipe_names()):
            continue
        low = name.lower().replace("_", "-")
        known = next((n for n in offered if low in type(get_recipe(n)).also), None)
        if known is not None:
            title = get_recipe(known).title
            raise OptionError(
                f"There is no recipe `{name}`; what comes nearest is `{known}`, {title.en}: --recipe {known}",
                f"没有名为 `{name}` 的方案；最接近的是 `{known}`（{title.zh}）：--recipe {known}",
            )
        if name in recipe_names():
            tasks = sorted(get_recipe(name).tasks or ())
            shown = ", ".join(f"`{n}`" for n in offered[:12]) + (" ..." if len(offered) > 12 else "")
            raise OptionError(
                f"Recipe `{name}` is for {', '.join(tasks) or 'tables of columns'}. For this task there are: {shown}",
                f"方案 `{name}` 用于{'、'.join(tasks) or '由列组成的表格'}。本任务可用：{shown}",
            )
        raise unknown(Words("recipe", "方案"), name, offered, OptionError)


def may_be_for(task: str | None) -> tuple[str, ...]:
    """Return the names of the recipes that may be for a task (None: for choosing answers from columns), without importing them.

    A folder of recipes names its tasks as `TASKS` (None as in `Recipe.tasks`), so that only those folders are imported that a run needs;
    one that names none may be for any.
    """
    kept = []
    for name, module in modules_in(RECIPES).items():
        told = vars(importlib.import_module(module.rpartition(".")[0])).get("TASKS", ())
        if told == () or (task is None if told is None else task in told):
            kept.append(name)
    return tuple(kept)


def column_recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that choose answers from columns, cheapest first."""
    made = {n: r for n in may_be_for(None) if (r := get_recipe(n)).tasks is None}
    return tuple(sorted(made, key=lambda n: made[n].rank))


def guesses(name: str) -> bool:
    """Return whether the recipe of that name only guesses: what every model must beat."""
    return name in recipe_names() and type(get_recipe(name)).rank == 0


def own_recipes(task: str) -> tuple[str, ...]:
    """Return the names of the recipes that are for this task by name, cheapest first."""
    made = {n: get_recipe(n) for n in may_be_for(task)}
    return tuple(sorted((n for n, r in made.items() if r.tasks and task in r.tasks), key=lambda n: made[n].rank))


def on_torch(recipe: Recipe) -> bool:
    """Return whether a recipe is a network or works with one, and so runs on the chosen device."""
    return "torch" in recipe.needs


def on_pretrained(recipe: Recipe) -> bool:
    """Return whether a recipe begins from weights that somebody trained before."""
    return recipe.extra.endswith("pretrained") or recipe.extra in ("diffusion", "hibari")


def recipe_names() -> tuple[str, ...]:
    """Return all recipe names, in alphabetical order, without importing them."""
    return names_in(RECIPES)
