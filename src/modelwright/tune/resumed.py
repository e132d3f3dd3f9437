"""What a run began with, and whether it may go on: the same rows in the same order, the same options, the same splits.

Candidates of a run were trained on its training rows. Were the rows dealt anew, some would meet in the test what they had
learnt, so a run goes on with the splits that it wrote down when it began, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelwright.core.config import RunConfig
from modelwright.core.errors import BundleError, DataError, OptionError
from modelwright.core.run import RunFolder, read_json, write_json
from modelwright.core.schema import Schema
from modelwright.core.stored_data import keep_json, kept_folders, kept_json
from modelwright.core.words import Words, counted
from modelwright.tune.candidate import Candidate, Fold, Validation, add_fold, load_candidate
from modelwright.tune.climb import Climb
from modelwright.tune.parts import Parts
from modelwright.tune.stored_splits import Began

_FORMAT = 2

# Options that may change when a run goes on: they shape neither rows nor splits nor what candidates were ranked by. What a
# file or query holds is compared by its values, wherever it stands now. Any other option, new ones too, must stay.
_FREE = frozenset(
    """devices accumulate shard activation_checkpointing compile cluster missing cost budget memory latency gate recipes search ensemble refit student device vault data query table sheet header test consent
    retain pretrained vectors base endpoint endpoint_model price_in price_out folds""".split()
)


@dataclass(frozen=True)
class Seen:
    """The rows that a run reads: digests by column of the data and of the official test rows, if any."""

    data: Mapping[str, str] = field(default_factory=dict)
    test: Mapping[str, str] | None = None
    rows: int = 0
    whole: str = ""


def left_out(folder: RunFolder) -> list[int]:
    """Return the rows that a run left out because there was no time to look through them for personal data."""
    path = folder.data / "privacy.json"
    return list(read_json(path).get("left_out", [])) if path.is_file() else []


def keep(folder: RunFolder, config: RunConfig, seen: Seen, parts: Parts, kept: int) -> None:
    """Write down what a run begins with, `kept` rows of the data; digests of columns are encrypted where a vault is open."""
    develop, test, splits = parts.develop, parts.test, parts.splits
    own = develop.rows[: len(develop) - parts.aside]
    every = len(own) + (0 if parts.official else len(test)) == kept
    trains = []
    for train, valid in splits:
        plain = train[train < len(own)]
        trains.append(None if len(plain) + len(valid) == len(own) else own[plain].tolist())
    keep_json(folder.data / "columns.json", {"data": dict(seen.data), "test": seen.test and dict(seen.test)})
    write_json(
        folder.data / "splits.json",
        {
            "format": _FORMAT,
            "fingerprint": seen.whole,
            "rows": seen.rows,
            "kept": kept,
            "options": {k: v for k, v in config.model_dump().items() if k not in _FREE},
            "repeats": config.repeats,
            "test": test.rows.tolist(),
            "develop": None if every else own.tolist(),
            "folds": [[own[v].tolist() for _, v in splits]],
            "trains": trains,
        },
    )


def begun(folder: RunFolder, config: RunConfig, seen: Seen) -> Began:
    """Return the splits of a run that goes on. Raises OptionError or DataError, naming what differs from its beginning."""
    path = folder.path
    if not (folder.data / "splits.json").exists():
        raise DataError(
            f"The run {path} ended before it had dealt its rows, so there is nothing to go on with. Start a new run.",
            f"运行 {path} 在划分数据之前就已结束，没有可以继续的内容。请重新开始运行。",
        )
    before: Mapping[str, Any] = read_json(folder.data / "splits.json")
    if before.get("format") != _FORMAT:
        raise DataError(
            f"The run {path} was begun by another version of Modelwright, which kept too little to go on safely. Start a new run.",
            f"运行 {path} 由另一版本的 Modelwright 创建，保存的信息不足以安全地继续。请重新开始运行。",
        )
    _same_options(path, before, config)
    _same_rows(path, before, kept_json(folder.data / "columns.json") or {}, seen)
    valids = before["folds"][0]
    if config.folds is not None and config.folds * config.repeats != len(valids):
        raise _other(path, "folds", len(valids) // config.repeats, config.folds)
    return Began(path, before["test"], before["develop"], before["kept"], before["trains"], valids)


def check_fresh(folder: RunFolder) -> None:
    """Refuse to begin a run in a folder that holds one. Raises DataError."""
    if (folder.data / "splits.json").exists() or (folder.candidates.is_dir() and any(folder.candidates.iterdir())):
        raise DataError(
            f"{folder.path} holds a run already. Go on with it (--resume), or give another name (--name).",
            f"{folder.path} 中已有一次运行。请用 --resume 继续，或用 --name 另取名称。",
        )


def left_whole(climb: Climb) -> Iterator[Candidate]:
    """Give the candidates that an earlier walk of a run left, the oldest first, without the folds in whose fit it was stopped.

    Such a fit is begun anew and finds its checkpoint, except under differential privacy, where it would cost of the privacy budget once more.
    """
    for place in kept_folders(climb.folder) if climb.folder else []:
        try:
            candidate = load_candidate(place, climb.validation.target)
        except BundleError as e:
            climb.fail(place.name, e.words)
            continue
        if candidate.scores.shape[:2] != (len(climb.validation.index), climb.validation.target.outputs):
            continue
        if candidate.cut and climb.private is None:
            climb.events.note(
                f"resume    {candidate.name}: the run was stopped while it was trained, so it is trained on",
                f"继续      {candidate.name}：运行在其训练途中被终止，将继续训练",
            )
            if len(candidate.cut) == len(candidate.folds):
                continue
            candidate = _without_cut(candidate, climb.validation)
        yield candidate


def _without_cut(candidate: Candidate, validation: Validation) -> Candidate:
    """Return a candidate of its whole folds alone."""
    share = len(candidate.folds)
    made = replace(candidate, models=[], folds=(), fold_values=(), cut=(), seconds=0.0)
    for split, model in zip(candidate.folds, candidate.models, strict=True):
        if split not in candidate.cut:
            scores = model.judge(validation.parts[split][1])
            add_fold(
                made, Fold(split, model, scores, candidate.seconds / share, candidate.batch_ms / share), validation
            )
    return made


def same_columns(folder: RunFolder, schema: Schema) -> None:
    """Refuse columns that are read otherwise than when the run began. Raises DataError, naming the first."""
    place = folder.data / "schema.json"
    before = {c.name: (c.modality, c.role) for c in Schema.from_json(read_json(place))}
    now = {c.name: (c.modality, c.role) for c in schema}
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            was, is_ = (" / ".join(x) if x else "-" for x in (before.get(name), now.get(name)))
            raise DataError(
                f"Column `{name}` was {was} when the run {folder.path} began, and is {is_} now. Start a new run.",
                f"运行 {folder.path} 开始时列 `{name}` 为 {was}，现在为 {is_}。请重新开始运行。",
            )


def _same_options(path: Path, before: Mapping[str, Any], config: RunConfig) -> None:
    defaults = {name: field.get_default(call_default_factory=True) for name, field in RunConfig.model_fields.items()}
    was = {**defaults, **before["options"]}
    for name, value in config.model_dump().items():
        if name not in _FREE and value != was.get(name):
            raise _other(path, name, was.get(name), value)


def _other(path: Path, name: str, was: object, now: object) -> OptionError:
    option = "--" + name.replace("_", "-")
    shown, shown_now = (_show(v) for v in (was, now))
    return OptionError(
        f"The run {path} began with {option} {shown.en} and is to go on with {shown_now.en}; its candidates were trained under the "
        "former. Leave the option out, or start a new run.",
        f"运行 {path} 开始时 {option} 为{shown.zh}，现在为{shown_now.zh}；已有候选是在前者下训练的。请去掉该选项，或重新开始运行。",
    )


def _show(value: object) -> Words:
    if value in (None, "", [], {}, False):
        return Words("not set", "未设置")
    plain = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
    plain = ", ".join(map(str, plain)) if isinstance(plain, list) else plain
    return Words(f"`{plain}`", f" `{plain}`")


def _same_rows(path: Path, before: Mapping[str, Any], columns: Mapping[str, Any], seen: Seen) -> None:
    if before["fingerprint"] == seen.whole:
        return
    for which, was, now in (("data", columns.get("data"), seen.data), ("test", columns.get("test"), seen.test)):
        part = Words("data", "数据") if which == "data" else Words("test rows", "测试数据")
        if (was is None) != (now is None) and which == "test":
            raise _other(path, "test", None if was is None else "FILE", None if now is None else "FILE")
        gone = [n for n in was or {} if n not in (now or {})]
        new = [n for n in now or {} if n not in (was or {})]
        if gone or new:
            raise _changed(path, part, Words(f"columns {_names(gone, '-')}{_names(new, '+')}", f"列 {_names(gone, '-')}{_names(new, '+')}"))  # fmt: skip
        if which == "data" and before["rows"] != seen.rows:
            raise _changed(path, part, Words(f"{counted(before['rows'], 'row')} then, {seen.rows:,} now", f"当时 {before['rows']} 行，现在 {seen.rows} 行"))  # fmt: skip
        other = [n for n in was or {} if was and now and was[n] != now[n]]
        if other:
            all_ = len(other) == len(was or {}) and len(other) > 1
            hint = Words("; perhaps the rows come in another order", "；也许行的次序变了") if all_ else Words("", "")
            raise _changed(path, part, Words(f"other values in {_names(other)}{hint.en}", f"{_names(other)} 的值不同{hint.zh}"))  # fmt: skip
    raise _changed(path, Words("data", "数据"), Words("its columns come in another order", "列的次序不同"))


def _names(names: list[str], sign: str = "") -> str:
    return "".join(f"{sign}`{n}` " for n in names[:6]).strip() + (" ..." if len(names) > 6 else "")


def _changed(path: Path, part: Words, what: Words) -> DataError:
    return DataError(
        f"The {part.en} of {path} has changed since the run began: {what.en}. Start a new run.",
        f"{path} 的{part.zh}自运行开始后已改变：{what.zh}。请重新开始运行。",
    )
