"""Everything a run was asked for, strict and typed. Options have one name, unit and meaning in CLI, YAML and Python."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator

from modelwright.core.budget import parse_duration, parse_size, with_unit
from modelwright.core.errors import OptionError, unknown
from modelwright.core.option_groups.base import REQUIRED, Declared
from modelwright.core.option_groups.consent import Consent
from modelwright.core.option_groups.declared import misplaced, options
from modelwright.core.option_groups.fairness import Fairness
from modelwright.core.option_groups.models import Models
from modelwright.core.option_groups.privacy import Privacy
from modelwright.core.option_groups.roles import Roles
from modelwright.core.option_groups.scale import Scale
from modelwright.core.option_groups.source import Source
from modelwright.core.option_groups.training import Training
from modelwright.core.registry import TASKS, names_in
from modelwright.core.run import write_text
from modelwright.core.target_names import one_text
from modelwright.core.task_names import task_named
from modelwright.core.urls import masked
from modelwright.core.validation import first_words
from modelwright.core.words import Words

_LEAST_MEMORY = 32 << 20  # bytes
_UNITS = {"budget": ("s", "m"), "latency": ("ms", "s"), "memory": ("m", "g")}


class _Checked(BaseModel):
    """What is checked of options beyond their types and limits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("budget", "latency", "memory", mode="before", check_fields=False)
    @classmethod
    def _with_unit(cls, value: Any, info: ValidationInfo) -> Any:
        return _unit(info.field_name, value)

    @field_validator("target", mode="before", check_fields=False)
    @classmethod
    def _one_target(cls, value: Any) -> Any:
        return one_text(value) if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value) else value

    @field_validator("budget", "latency", check_fields=False)
    @classmethod
    def _duration(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @field_validator("memory", check_fields=False)
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None and parse_size(value) < _LEAST_MEMORY:
            raise OptionError(
                f"A memory of `{value}` is too little to work with. Give a few hundred megabytes, such as 512m.",
                f"内存 `{value}` 太小，无法工作。请至少给出几百兆，例如 512m。",
            )
        return value

    @field_validator("folds", check_fields=False)
    @classmethod
    def _folds(cls, value: int | None) -> int | None:
        if value is not None and not 1 <= value <= 50:
            raise OptionError(
                f"Expected 1 to 50 folds, received {value}.", f"折数应在 1 到 50 之间，收到的是 {value}。"
            )
        return value

    @field_validator("private", mode="before", check_fields=False)
    @classmethod
    def _rules(cls, value: Any) -> list[str]:
        if isinstance(value, dict):  # YAML may map names to actions
            return [str(action) if name == "all" else f"{action}:{name}" for name, action in value.items()]
        return [value] if isinstance(value, str) else list(value or [])


def _unit(name: str | None, value: Any) -> Any:
    """Refuse a bare number, whose unit nobody can guess, in Python, YAML and on the command line alike. Raises OptionError."""
    text = f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if isinstance(text, str):
        with_unit(text, str(name), *_UNITS[name or "budget"])
    return value


def _field(found: Declared) -> tuple[Any, Any]:
    """Return an option as a field of the model."""
    told: dict[str, Any] = {"description": found.option.words.en, **found.option.limits}
    default = found.option.default
    if default is REQUIRED:
        return found.type, Field(**told)
    if isinstance(default, (list, dict)):
        return found.type, Field(default_factory=lambda: deepcopy(default), **told)
    return found.type, Field(default, **told)


if TYPE_CHECKING:

    class RunConfig(_Checked, Source, Roles, Training, Models, Privacy, Fairness, Consent, Scale):
        """What `run` needs to know. Written into the run folder with every default resolved."""

        def __getattr__(self, name: str) -> Any:
            """Return an option declared beside a task: known when running only, so a test reads that all that are asked for exist."""

else:
    RunConfig = create_model(
        "RunConfig",
        __base__=_Checked,
        __module__=__name__,
        __doc__="What `run` needs to know. Written into the run folder with every default resolved.",
        **{name: _field(found) for name, found in options().items()},
    )


def make_config(**values: Any) -> RunConfig:
    """Make a RunConfig. Raises OptionError that names the option, what came and what is valid."""
    known = list(options())
    for name in values:
        if name not in known:
            raise unknown(Words("option", "选项"), name, known, OptionError)
    try:
        return RunConfig(**values)
    except ValidationError as e:
        where, words = first_words(e)
        flag = _typed(where)
        en, zh = (f" ({flag})", f"（{flag}）") if flag else ("", "")
        raise OptionError(f"Option `{where}`{en}: {words.en}", f"选项 `{where}`{zh}：{words.zh}") from e


def _typed(name: str) -> str:
    """Return how an option is typed on the command line where that is not as in Python and YAML, else nothing."""
    found = options().get(name)
    flag = found.flags[0] if found is not None else ""
    return flag if flag.startswith("--") and flag != f"--{name}" else ""


_MEANT = {("time-series-forecasting", "--series-id"): "--key"}  # what an option of other tasks is called in a task


def check_tasks(config: RunConfig) -> None:
    """Refuse a task that there is not, and an option that is not for this run's task. Raises OptionError that names the tasks it is for."""
    task = task_named(config.task) if config.task else None
    if task is not None and task not in names_in(TASKS):
        raise unknown(Words("task", "任务"), task, names_in(TASKS), OptionError)
    wrong = misplaced(task, [n for n, found in options().items() if getattr(config, n) != found.option.default])
    if wrong is None:
        return
    flag, tasks = wrong.flags[0], wrong.group.tasks
    if len(tasks) == 1:
        en, zh = f"the task {tasks[0]}", f"任务 {tasks[0]}"
    else:
        en, zh = f"the tasks {', '.join(tasks)}", f"任务 {'、'.join(tasks)}"
    meant = _MEANT.get((task or "", flag))
    if meant is not None:
        raise OptionError(
            f"{flag} is for {en}; for {task} the column that tells series apart is named by {meant}.",
            f"{flag} 只用于{zh}；{task} 请用 {meant} 指定区分序列的列。",
        )
    raise OptionError(
        f"{flag} is for {en}, received {config.task or 'no task'}: name the task with --task, or leave {flag} out.",
        f"{flag} 只用于{zh}，收到的是{f' {config.task}' if config.task else '未指定任务'}：请用 --task 指定任务，或去掉 {flag}。",
    )


def load_config(path: Path) -> dict[str, Any]:
    """Read options from a YAML file; `too-much` is `too_much`. Raises OptionError where it cannot be read or is no mapping."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        if isinstance(e, FileNotFoundError):
            raise OptionError(f"There is no config file {path}.", f"没有配置文件 {path}。") from e
        raise OptionError(f"Cannot read the config file {path}: {e}", f"无法读取配置文件 {path}：{e}") from e
    if not isinstance(data, dict):
        raise OptionError(
            f"The config file {path} must hold `option: value` lines.", f"配置文件 {path} 应由 `选项: 值` 组成。"
        )
    return {str(name).replace("-", "_"): value for name, value in data.items()}  # as typed on the command line, too


def stored_config(path: Path) -> dict[str, Any]:
    """Read the options that a run was made with. Runs of earlier versions may hold bare numbers, which were seconds and bytes."""
    values = load_config(path)
    for name, unit in (("budget", "s"), ("latency", "s"), ("memory", "b")):
        value = str(values.get(name) or "").strip()
        if value.replace(".", "", 1).isdigit():
            values[name] = value + unit
    return values


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(v) for v in value]
    return masked(value) if isinstance(value, str) else value


def save_config(config: RunConfig, path: Path) -> None:
    """Write every option, defaults included, as YAML; passwords in URLs are left out."""
    dumped = config.model_dump()
    values = {name: _masked(dumped[name]) for name in options()}
    write_text(path, yaml.safe_dump(values, allow_unicode=True, sort_keys=False))
