"""A run under differential privacy: what is trained, how the budget is shared out, and how the winner is chosen.

Every network trained costs of the one budget, so there is no search: guessing, a linear model, and one network, settled
before any row is looked at (or the recipes that the user named). Nothing is refitted, folded, blended or calibrated on
validation rows; they choose the winner alone, by a choice that is private itself. Legend: V validation rows, K outputs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec, target_from_state
from modelwright.core.config import RunConfig
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.facts.privacy import LookFact, PrivacyFacts
from modelwright.core.privacy_budget import Look, Spending, shares_of
from modelwright.core.recipe import Recipe, get_recipe, guesses, missing_modules, on_torch
from modelwright.core.run import read_json, write_json
from modelwright.core.schema import Column, Table
from modelwright.core.task import Task
from modelwright.core.words import Words, counted
from modelwright.privacy.statistics import RANGE_LOOKS, moments_of, quantiles, within
from modelwright.tune.leaderboard import Failure

_COLUMNS, _FEW_COLUMNS, _LINEAR = 0.04, 0.01, 0.10  # parts of the budget
_CHOICE = 1.0  # epsilon of the choice, which validation rows alone pay


@dataclass
class PrivatePlan:
    """What a private run trains, what it leaves out and why, and the budget all of it is paid from."""

    spending: Spending
    names: list[str]
    refused: list[Failure]
    choice: float
    ledger: Path | None = None
    chosen: str | None = None
    rows: int = 0

    target: dict[str, Any] | None = None  # the state of the noisy target codec

    def begin(self) -> None:
        """Write down from now on what is spent: the run folder is there."""
        self.spending.told = self.keep
        self.keep(self.spending.looks)

    def keep(self, looks: list[Look]) -> None:
        """Write down what was spent, so that a run which goes on later knows."""
        if self.ledger is not None:
            kept = {"looks": [x.to_json() for x in looks], "chosen": self.chosen, "target": self.target}
            write_json(self.ledger, kept)


def check_private(config: RunConfig) -> None:
    """Refuse what does not go with a privacy budget, before any work is done. Raises OptionError."""
    if config.epsilon is None:
        only = [n for n in config.recipes if get_recipe(n).privacy == "only"]
        if only or config.delta is not None:
            what = f"--recipe {only[0]}" if only else "--delta"
            raise OptionError(
                f"{what} goes with --epsilon, such as --epsilon 3.", f"{what} 需与 --epsilon 同用，例如 --epsilon 3。"
            )
        return
    wrong = [
        (config.folds not in (None, 1) or config.repeats > 1, "--folds", "--folds"),
        (config.refit is True, "--refit", "--refit"),
        (config.student is True, "--student", "--student"),
        (bool(config.pretrained), "--pretrained", "--pretrained"),
        (config.vectors is not None, "--vectors", "--vectors"),
        (config.mitigate != "none", "--mitigate", "--mitigate"),
    ]
    for bad, name, _ in wrong:
        if bad:
            raise OptionError(
                f"{name} does not go with --epsilon: {_WHY[name].en}.",
                f"{name} 不能与 --epsilon 同用：{_WHY[name].zh}。",
            )


_WHY = {
    "--folds": Words("every fold would cost of the privacy budget", "每一折都会消耗隐私预算"),
    "--refit": Words("training again would cost of the privacy budget", "重训会再次消耗隐私预算"),
    "--student": Words("what it learns would cost of the privacy budget once more", "学习组合的回答会再次消耗隐私预算"),
    "--pretrained": Words(
        "private training of pretrained encoders is not offered, since adapters under it are not proven right",
        "不提供预训练编码器的差分隐私训练，因为适配器在其下的正确性未经证实",
    ),
    "--vectors": Words("word vectors need a vocabulary learnt from your rows", "词向量需要从数据中学习词表"),
    "--mitigate": Words(
        "its weights and thresholds are counted from rows without noise", "其权重与阈值由未加噪的数据统计得到"
    ),
}


def plan_privately(
    config: RunConfig, task: Task, train: Table, target: TargetCodec, ledger: Path | None, resume: bool
) -> PrivatePlan | None:
    """Return the plan of a private run on these training rows; None where no privacy was asked for.

    Raises OptionError where the task, the rows or delta do not fit, or where no recipe that was named can train so.
    """
    if config.epsilon is None:
        return None
    delta = config.delta if config.delta is not None else 1e-5
    if target.kind not in ("classes", "label_sets", "value"):
        raise OptionError(
            f"Task `{task.name}` makes its answers; --epsilon is for tasks that choose them.",
            f"任务 `{task.name}` 生成答案；--epsilon 仅用于选择答案的任务。",
        )
    if delta * len(train) >= 1:
        raise OptionError(
            f"--delta {delta:g} is too much for {len(train)} training rows: it must be below 1/{len(train)}, better far below.",
            f"--delta {delta:g} 对 {len(train)} 行训练数据来说过大：应小于 1/{len(train)}，最好远小于它。",
        )
    names, refused, looks = _recipes(config, task, train, target)
    spending = Spending(config.epsilon, delta, {}, columns=max(1, sum(looks.values())))
    known = [n for n in names if not guesses(n)]
    networks = [n for n in known if on_torch(get_recipe(n))]
    if not known and config.recipes:
        reasons = "; ".join(f"{f.name}: {f.reason.en}" for f in refused if f.name in config.recipes)
        reasons_zh = "；".join(f"{f.name}：{f.reason.zh}" for f in refused if f.name in config.recipes)
        raise OptionError(
            f"No recipe that was named can train privately ({reasons}).",
            f"指定的方案均不能进行差分隐私训练（{reasons_zh}）。",
        )
    small = _LINEAR if networks and "dplinear" in known and not config.recipes else None
    weights = {n: small if small is not None and n == "dplinear" else 1.0 for n in known}
    rest = sum(w for n, w in weights.items() if small is None or n != "dplinear") or 1.0
    weights = {
        n: w if small is not None and n == "dplinear" else w * (1 - (small or 0)) / rest for n, w in weights.items()
    }
    columns = _COLUMNS if sum(looks.values()) > 1 else _FEW_COLUMNS
    spending.shares = shares_of({n: w * (1 - columns) for n, w in weights.items()} | {"columns": columns})
    plan = PrivatePlan(spending, names, refused, min(_CHOICE, config.epsilon), ledger, rows=len(train))
    if resume and ledger is not None and ledger.is_file():
        kept = read_json(ledger)
        spending.looks = [Look(**x) for x in kept["looks"]]
        plan.chosen, plan.target = kept.get("chosen"), kept.get("target")
    return plan


def _recipes(
    config: RunConfig, task: Task, train: Table, target: TargetCodec
) -> tuple[list[str], list[Failure], dict[str, int]]:
    """Return the recipes to train, those that are not and why, and the noisy looks at columns that they take."""
    asked = [n for n in task.recipes if not config.recipes or n in config.recipes]
    refused: list[Failure] = []
    able: dict[str, Recipe] = {}
    looks: dict[str, dict[str, int]] = {}
    for name in asked:
        recipe = get_recipe(name)
        why: Words | None = None
        if recipe.privacy == "no":
            why = Words("it has no private training", "没有差分隐私训练方式")
        elif missing_modules(type(recipe)):
            line = f'pip install "modelwright[{recipe.extra}]"'
            why = Words(f"not installed: {line}", f"未安装：{line}")
        elif on_torch(recipe) and importlib.util.find_spec("opacus") is None:
            why = MissingExtra("dp", "Private training", "差分隐私训练").words
        else:
            why = recipe.refuses(train.schema, target, len(train))
        found: Mapping[str, int] | Words = {} if why else recipe.private_looks(train.schema)
        if isinstance(found, Words):
            refused.append(Failure(name, found))
        elif why:
            refused.append(Failure(name, why))
        else:
            able[name], looks[name] = recipe, dict(found)
    networks = sorted((n for n, r in able.items() if on_torch(r)), key=lambda n: _network_order(able[n]))
    if not config.recipes and len(networks) > 1:
        for name in networks[1:]:
            words = Words(
                f"one network is trained privately, `{networks[0]}`; named with --recipe, several share the budget",
                f"差分隐私下只训练一个网络 `{networks[0]}`；用 --recipe 指定多个时分享预算",
            )
            refused.append(Failure(name, words))
            del able[name]
    of_all: dict[str, int] = {}
    for name in able:
        of_all |= looks[name]
    column = train.schema.target
    if target.kind == "value" and not (column and column.options.get("bounds")):
        of_all["the target"] = RANGE_LOOKS
    elif target.kind != "value":
        of_all["the target"] = 1
    return sorted(able, key=lambda n: type(able[n]).rank), refused, of_all


def _network_order(recipe: Recipe) -> tuple[bool, int]:
    """Return what networks are put in order by: those made for a kind of column that is there, the cheapest first."""
    return not recipe.leads, type(recipe).rank


def private_target(target: TargetCodec, train: Table, plan: PrivatePlan) -> TargetCodec:
    """Return the target codec with noisy counts, or with a noisy range, mean and deviation, in place of the true ones."""
    column = train.schema.target
    if column is None:
        return target
    if plan.target is not None:  # a run that goes on has looked already
        return target_from_state(plan.target)
    found = _noisy_target(target, train, column, plan)
    plan.target = found.state()
    return found


def _noisy_target(target: TargetCodec, train: Table, column: Column, plan: PrivatePlan) -> TargetCodec:
    state = target.state()
    encoded = target.encode(train.column(column.name))
    if target.kind == "value":
        bounds = column.options.get("bounds")
        found = within(*map(float, bounds)) if bounds else quantiles(encoded, plan.spending, column.name)
        if found is None:
            raise OptionError(
                f"{counted(len(train), 'row')} cannot tell the range of `{column.name}` privately. Give it: --bounds {column.name}=0..100",
                f"{len(train)} 行不足以在差分隐私下得知 `{column.name}` 的范围。请给出：--bounds {column.name}=0..100",
            )
        mean, std, low, high = moments_of(found)
        return target_from_state({**state, "mean": mean, "std": std, "low": low, "high": high})
    if target.kind == "label_sets":
        counts, most = encoded.sum(axis=0), float(np.sqrt(target.outputs))
    else:
        counts, most = np.bincount(encoded[encoded >= 0], minlength=target.outputs), 1.0
    noisy = plan.spending.noisy(f"counts of {column.name}", counts.astype(np.float64), most)
    return target_from_state({**state, "counts": [max(1, round(float(c))) for c in noisy]})


def private_facts(plan: PrivatePlan | None) -> PrivacyFacts | None:
    """Return what the report, the card and the bundle say of the budget; None where there is none."""
    if plan is None:
        return None
    s = plan.spending
    looks: list[LookFact] = [
        {"what": x.what, "noise": x.noise, "rate": x.rate, "steps": x.steps, "epsilon": _alone(x, s.delta)} for x in s.looks
    ]  # fmt: skip
    return {
        "epsilon": s.epsilon, "delta": s.delta, "spent": s.spent, "rows": plan.rows, "choice": plan.choice,
        "looks": looks, "blind": list(s.blind),
    }  # fmt: skip


def _alone(look: Look, delta: float) -> float:
    from modelwright.core.privacy_budget import epsilon_of

    return epsilon_of([look], delta)
