"""Everything a run was asked for, strict and typed. Options have one name, unit and meaning in CLI, YAML and Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from modelwright.core.budget import parse_duration, parse_size
from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words

_LEAST_MEMORY = 32 << 20  # bytes


class RunConfig(BaseModel):
    """What `run` needs to know. Written into the run folder with every default resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="file, folder, SQLAlchemy URL, or `memory` for a Python object")
    target: str | None = Field(None, description="the column to predict; some tasks find it by themselves")
    test: str | None = Field(None, description="a file with the official test rows")
    query: str | None = Field(None, description="SQL query, for a database URL")
    table: str | None = Field(None, description="SQL table, for a database URL")
    sheet: str | None = Field(None, description="sheet of an Excel file")
    header: bool | None = Field(None, description="whether the first line names the columns; detected if not given")
    delimiter: str | None = Field(None, description="what divides the cells of a text file; detected if not given")
    decimal: str | None = Field(None, description="decimal sign of numbers in text: `,` or `.`; detected if not given")
    encoding: str | None = Field(
        None, description="encoding of a text file, such as windows-1252; detected if not given"
    )
    dates: str | None = Field(
        None, description="order of dates such as 03/04/2024: dmy, mdy or ymd; detected if not given"
    )
    task: str | None = Field(None, description="name of the task; chosen from the target if not given")
    column: dict[str, str] = Field(default_factory=dict, description="modality by column, overriding inference")
    ignore: list[str] = Field(default_factory=list, description="columns to leave out")
    group: str | None = Field(None, description="rows of one group never stand on both sides of a split")
    time: str | None = Field(None, description="later rows are held out, earlier ones train")
    series: list[str] = Field(default_factory=list, description="NAME=FIRST..LAST or NAME=PATTERN: columns of a series")
    series_id: str | None = Field(None, description="long tables: the column that says which series a row belongs to")
    series_time: str | None = Field(None, description="long tables: the column that orders the rows of a series")
    channel: str | None = Field(
        None, description="of sound with several channels: a number from 1, left, right, mean or louder"
    )
    split: Literal["random", "scaffold"] = Field(
        "random", description="scaffold: molecules of one scaffold never stand on both sides of a split"
    )
    metric: str | None = Field(None, description="what ranks; the task's first metric if not given")
    gate: str | None = Field(None, description="conditions for release, such as macro_f1>=0.9, recall[fraud]>=0.8")
    cost: list[str] = Field(
        default_factory=list, description="LABEL:missed=500,false_alarm=5: what wrong answers cost, for the report"
    )
    budget: str = Field("5m", description="time from the command's start to a usable bundle")
    memory: str | None = Field(None, description="memory the run may use, such as 4g")
    latency: str | None = Field(None, description="longest time for one answer, such as 20ms")
    folds: int | None = Field(None, description="folds of cross-validation; 1 is one held-out part")
    repeats: int = Field(1, ge=1, le=20, description="how often cross-validation is repeated")
    test_fraction: float = Field(0.2, gt=0, lt=1, description="share of rows held out for the final test")
    recipes: list[str] = Field(default_factory=list, description="only these recipes")
    search: Literal["tpe", "random", "grid", "none"] = Field("tpe", description="how options are tuned")
    ensemble: bool = Field(True, description="whether candidates may be combined")
    refit: bool | None = Field(None, description="train the winner again on all rows but the test rows")
    epsilon: float | None = Field(
        None, gt=0, le=1000, description="differential privacy of training rows: the budget; none if not given"
    )
    delta: float | None = Field(None, gt=0, lt=1, description="goes with epsilon; 1e-5 if not given")
    bounds: dict[str, str] = Field(
        default_factory=dict,
        description="LOW..HIGH by column: bounds known beforehand, so that privacy need not pay for them",
    )
    sensitive: list[str] = Field(
        default_factory=list, description="columns whose groups are compared (fairness); kept from the inputs"
    )
    sensitive_input: bool = Field(False, description="let sensitive columns be inputs all the same")
    favourable: str | None = Field(None, description="the label that is good to get, for fairness")
    mitigate: Literal["none", "reweigh", "thresholds"] = Field(
        "none", description="against gaps between groups: weights of rows in training, or a threshold for each group"
    )
    missing: Literal["keep", "median", "refuse"] = Field(
        "keep",
        description="numbers missing in what is to be predicted that never were in training: answered as they are, by the median of training, or refused",
    )
    class_weight: bool = Field(False, description="weigh rare classes up")
    wrong: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of questions without an answer that may be answered all the same; 0.1 if not given",
    )
    vectors: str | None = Field(None, description="word vectors in GloVe or word2vec text format")
    pretrained: list[str] = Field(
        default_factory=list, description="pretrained encoders: a folder, `minilm`, or the name of a hub model"
    )
    public: bool = Field(
        False,
        description="declare the data public: personal data is told, not replaced, and a hosted model may be shown it",
    )
    endpoint: str | None = Field(
        None, description="OpenAI-compatible endpoint of a hosted large model, for public data"
    )
    endpoint_model: str | None = Field(None, description="name of the model at the endpoint")
    price_in: float = Field(0.0, ge=0, description="price of a million tokens read by the hosted model")
    price_out: float = Field(0.0, ge=0, description="price of a million tokens written by the hosted model")
    base: str | None = Field(
        None, description="causal language model to use or to tune: a folder, or the name of a hub model"
    )
    teacher: str | None = Field(
        None, description="`endpoint` or the folder of a causal model: it labels rows without target"
    )
    private: list[str] = Field(
        default_factory=list,
        description="what to do with personal data: ACTION, ACTION:NAME or ACTION:COLUMN/TYPE; keep, placeholder, generalise, drop",
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    seed: int = Field(0, ge=0, description="seed of everything random")
    consent: str | None = Field(None, description="table of consents: subject, purpose, given, withdrawn, expires")
    subject: str | None = Field(None, description="the column that says whose row it is")
    purpose: str | None = Field(None, description="what the rows are to be used for; rows without consent are left out")
    retain: str | None = Field(None, description="90d or COLUMN:90d: older rows, by the time column, are left out")
    vault: str | None = Field(None, description="key of the vault: what the run keeps of the data is encrypted")

    @field_validator("private", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> list[str]:
        if isinstance(value, dict):  # YAML may map names to actions
            return [str(action) if name == "all" else f"{action}:{name}" for name, action in value.items()]
        return [value] if isinstance(value, str) else list(value or [])

    @field_validator("budget", "latency")
    @classmethod
    def _duration(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @field_validator("budget", "latency", "memory", mode="before")
    @classmethod
    def _with_unit(cls, value: Any, info: ValidationInfo) -> Any:
        """Explain a bare number, whose unit nobody can guess."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            forms = {"budget": ("s", "m"), "latency": ("ms", "s"), "memory": ("m", "g")}[info.field_name or "budget"]
            shown = [f'{info.field_name}="{value:g}{unit}"' for unit in forms]
            raise OptionError(
                f"`{info.field_name}` needs a unit: write {shown[0]} or {shown[1]}, received the number {value:g}.",
                f"`{info.field_name}` 需要单位：请写作 {shown[0]} 或 {shown[1]}，收到的是数字 {value:g}。",
            )
        return value

    @field_validator("memory")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None and parse_size(value) < _LEAST_MEMORY:
            bare = value.strip().isdigit()
            raise OptionError(
                f"A memory of `{value}`{' means that many bytes and' if bare else ''} is too little to work with."
                + (
                    f" Did you mean {value}g?"
                    if bare and len(value) < 4
                    else " Give some hundred megabytes, such as 512m."
                ),
                f"内存 `{value}`{'（单位为字节）' if bare else ''}太小，无法工作。"
                + (f"是否指 {value}g？" if bare and len(value) < 4 else "请至少给出几百兆，例如 512m。"),
            )
        return value

    @field_validator("folds")
    @classmethod
    def _folds(cls, value: int | None) -> int | None:
        if value is not None and not 1 <= value <= 50:
            raise OptionError(
                f"Expected 1 to 50 folds, received {value}.", f"折数应在 1 到 50 之间，收到的是 {value}。"
            )
        return value


def make_config(**values: Any) -> RunConfig:
    """Make a RunConfig. Raises OptionError that names the option, what came and what is valid."""
    known = list(RunConfig.model_fields)
    for name in values:
        if name not in known:
            raise unknown(Words("option", "选项"), name, known, OptionError)
    try:
        return RunConfig(**values)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        said = str(first.get("input"))[:80]
        raise OptionError(
            f"Option `{where}`: {first['msg']}; received `{said}`.",
            f"选项 `{where}` 无效：{first['msg']}；收到的是 `{said}`。",
        ) from e


def load_config(path: Path) -> dict[str, Any]:
    """Read options from a YAML file. Raises OptionError where it cannot be read or is no mapping."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise OptionError(f"Cannot read the config file {path}: {e}", f"无法读取配置文件 {path}：{e}") from e
    if not isinstance(data, dict):
        raise OptionError(
            f"The config file {path} must hold `option: value` lines.", f"配置文件 {path} 应由 `选项: 值` 组成。"
        )
    return data


def save_config(config: RunConfig, path: Path) -> None:
    """Write every option, defaults included, as YAML; the password of a database URL is left out."""
    values = config.model_dump()
    values["data"] = re.sub(r"(://[^/@:]*):[^@/]*@", r"\1:***@", values["data"])
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
