"""`modelwright offpolicy`: what another policy would have earned, from logs with the probability of what was shown."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault, opt, takes
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.option_groups.source import SOURCE_OPTIONS
from modelwright.core.words import Words, counted

if TYPE_CHECKING:
    from modelwright.evaluate.offpolicy import Found

_NAMES = {
    "logged": Words("as it ran", "实际运行的策略"),
    "ips": Words("new, IPS", "新策略，IPS"),
    "snips": Words("new, SNIPS", "新策略，SNIPS"),
    "dr": Words("new, doubly robust", "新策略，双重稳健"),
}


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Estimate what another policy would have earned, from logs with the probability of what was shown.",
            "根据记录了展示概率的日志，估计另一种策略本会取得的回报。",
        )
    )
    @takes(*(name for name in SOURCE_OPTIONS if name not in ("dates", "data")))
    def offpolicy(
        data: Annotated[
            str, typer.Argument(metavar="LOGS", help=w("table: one row for what was shown", "日志表：每次展示一行"))
        ],
        action: Annotated[str, opt("column that says what was shown", "展示内容的列", "COLUMN")],
        reward: Annotated[
            str,
            opt(
                "column with what came of it: a click as 0 or 1, or an amount",
                "回报列：点击为 0 或 1，或金额",
                "COLUMN",
            ),
        ],
        propensity: Annotated[
            str, opt("column with the probability that it was shown", "当时展示它的概率列", "COLUMN")
        ],
        chosen: Annotated[
            str | None, opt("column with what the new policy would show", "新策略会展示的内容列", "COLUMN")
        ] = None,
        chance: Annotated[
            str | None,
            opt("column with the new policy's probability of what was shown", "新策略展示同一内容的概率列", "COLUMN"),
        ] = None,
        model: Annotated[
            str | None,
            opt("a model as the new policy: run, bundle or release", "以模型作为新策略：运行、模型包或发布", "RUN"),
        ] = None,
        k: Annotated[
            int, opt("it shows one of its first so many, each as often", "从前若干项中等概率展示一项", "K")
        ] = 1,
        clip: Annotated[float | None, opt("largest weight of a row", "单行权重上限", "WEIGHT")] = None,
        unit: Annotated[
            str | None,
            opt(
                "column of what rows belong to (users), for the intervals",
                "行所属单位（如用户）的列，用于区间",
                "COLUMN",
            ),
        ] = None,
        *,
        given: dict[str, Any],
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked
        from modelwright.core.errors import OptionError
        from modelwright.core.reading import Reading
        from modelwright.improve.offpolicy import Asked, judged
        from modelwright.release.bundle import load
        from modelwright.release.registry import find

        if k < 1:
            raise OptionError(f"--k is at least 1, received {k}.", f"--k 至少为 1，收到的是 {k}。")
        if clip is not None and not clip > 0:
            raise OptionError(f"--clip is above 0, received {clip:g}.", f"--clip 应大于 0，收到的是 {clip:g}。")
        asked = Asked(action, reward, propensity, chosen, chance, k, clip, unit)
        with unlocked(vault):
            predictor = None if model is None else load(find.resolve(model).folder)
            found, why = judged(data, asked, predictor, Reading(**given))
        if json_:
            print_json({**asdict(found), "few": found.few, "why": list(why) if why is not None else None})
        else:
            sys.stdout.write(shown(found, why) + "\n")


def shown(found: Found, why: Words | None) -> str:
    """Return the figures as lines."""
    from modelwright.cli.terminal import pad

    lines = [
        w(
            f"{counted(found.rows, 'row')}; of {found.matched:,} the new policy may show what was shown ({found.effective:,.0f} effective rows)",
            f"{found.rows:,} 行；其中 {found.matched:,} 行新策略可能展示相同内容（等效 {found.effective:,.0f} 行）",
        )
    ]
    wide = 22
    head = [w("policy", "策略"), w("reward", "回报"), w("95 %", "95%"), w("gain, 95 %", "增益，95%")]
    lines.append(f"  {pad(head[0], wide)}{pad(head[1], 10)}{pad(head[2], 20)}{head[3]}")
    for e in (found.logged, *found.estimates):
        gain = "" if e.name == "logged" else f"{e.gain:+.4f}  ({e.gain_low:+.4f} - {e.gain_high:+.4f})"
        span = f"{e.low:.4f} - {e.high:.4f}"
        lines.append(f"  {pad(_NAMES[e.name].to(LANG), wide)}{pad(f'{e.value:.4f}', 10)}{pad(span, 20)}{gain}".rstrip())
    if why is not None:
        lines.append(why.to(LANG))
    if found.few:
        lines.append(
            w(
                "The effective rows are few: the two policies differ too much for these logs. Gather logs that explore more, or try --clip.",
                "等效行数过少：两种策略差异过大，这些日志不足以判断。请收集探索更多的日志，或尝试 --clip。",
            )
        )
    if abs(found.mean_weight - 1) > 0.2 and found.clipped == 0:
        lines.append(
            w(
                f"The weights' mean is {found.mean_weight:.2f}, expected 1: the logged probabilities may be wrong, or the new policy shows "
                "what was never shown.",
                f"权重均值为 {found.mean_weight:.2f}，应接近 1：记录的概率可能有误，或新策略会展示从未展示过的内容。",
            )
        )
    if found.clipped:
        lines.append(
            w(
                f"{found.clipped:,} weights were cut: the estimates lean low.",
                f"截断了 {found.clipped:,} 个权重：估计偏低。",
            )
        )
    return "\n".join(lines)
