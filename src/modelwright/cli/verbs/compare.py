"""The verb `compare`: two runs side by side, and on the same test rows the paired difference between their models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words

_OPTIONS = {"recipes": "recipe"}  # of the command line, where they are named otherwise
_RUN = w("run folder or its name", "运行文件夹或其名称")


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Compare two runs: scores, options, and the same test rows.", "比较两次运行：得分、选项及相同的测试行。"
        ),
    )
    def compare(
        first: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
        second: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked

        with unlocked(vault):
            found = compared(first, second)
        print_json(found) if json_ else print_compared(found, LANG)


def compared(first: str, second: str) -> dict[str, Any]:
    """Return how two runs differ: `runs` (figures of each), `options` that differ, and `paired`, the difference on the same
    test rows, or `why` there is none. Raises BundleError where there is no such run."""
    from modelwright.core.config import make_config, stored_config
    from modelwright.core.run import RunFolder, read_facts

    folders = [RunFolder.find(name) for name in (first, second)]
    facts = [read_facts(f) for f in folders]
    configs = [make_config(**stored_config(f.config)) for f in folders]
    runs = [
        {
            "run": str(folder.path),
            **{k: f.get(k) for k in ("created", "task", "target", "metric", "metric_title", "value", "low", "high", "plain", "winner", "rows", "budget")},
            "met": f.get("met"),
            "data": config.data,
            "seconds": f["seconds"].get("bundle") if f.get("seconds") else None,
            "ms_per_row": max((r["ms_per_row"] for r in f["leaderboard"] if r.get("winner")), default=None),
        }
        for folder, f, config in zip(folders, facts, configs)
    ]  # fmt: skip
    options = [config.model_dump() for config in configs]
    differ = {k: [options[0].get(k), options[1].get(k)] for k in options[0] if options[0].get(k) != options[1].get(k)}
    paired, why = _paired(folders, facts, configs)
    return {
        "runs": runs,
        "options": differ,
        "paired": paired,
        "why": list(why) if why is not None else None,
    }


def _paired(folders: list[Any], facts: list[Facts], configs: list[Any]) -> tuple[dict[str, Any] | None, Words | None]:
    """Return the difference of the first model to the second on the test rows that both runs held out, or why there is none."""
    from modelwright.core.errors import ModelwrightError
    from modelwright.core.run import read_json

    if facts[0]["task"] != facts[1]["task"] or facts[0]["target"] != facts[1]["target"]:
        return None, Words("They predict different things.", "两者预测的内容不同。")
    splits = [read_json(f.data / "splits.json") for f in folders]
    official = [bool(c.test) for c in configs]
    same = splits[0].get("fingerprint") == splits[1].get("fingerprint") and configs[0].test == configs[1].test
    if not same or official[0] != official[1] or sorted(splits[0]["test"]) != sorted(splits[1]["test"]):
        return None, Words(
            "They were tested on different rows, so chance in the choice of rows stands between them: compare the intervals.",
            "两者的测试行不同，差异可能只来自测试行的选取：请比较区间。",
        )
    try:
        judged = [_judged(f, c, s["test"]) for f, c, s in zip(folders, configs, splits)]
    except ModelwrightError as e:
        return None, Words(
            f"The same rows cannot be read again: {e.words.en}", f"无法再次读取相同的测试行：{e.words.zh}"
        )
    if judged[0] is None or judged[1] is None:
        return None, Words("The data has changed since.", "数据此后已改变。")
    return _difference(facts[0], judged), None


def _difference(facts: Facts, judged: list[Any]) -> dict[str, Any]:
    import numpy as np

    from modelwright.core.task import get_task
    from modelwright.evaluate.intervals import paired

    task = get_task(facts["task"])
    metric = task.metric(facts["metric"])
    both = np.intersect1d(judged[0].rows, judged[1].rows)
    a, b = (j.take(np.array([np.flatnonzero(j.rows == r)[0] for r in both], np.int64)) for j in judged)
    test = paired(metric, a, b, resamples=1000, seconds=3.0)
    return {
        "metric": metric.name, "metric_title": list(metric.title), "rows": len(both), "first": metric(a), "second": metric(b),
        "difference": test.difference, "low": test.low, "high": test.high, "p": test.p,
    }  # fmt: skip


def _judged(folder: Any, config: Any, rows: list[int]) -> Any:
    """Return a run's test rows judged by its bundle; None where the data is not what it was."""
    import numpy as np

    from modelwright.core.events import EventStream
    from modelwright.pipeline.decide import judge_test
    from modelwright.pipeline.intake import get_data
    from modelwright.release.bundle import load
    from modelwright.release.registry.find import find_bundle

    data = get_data(config, config.data, EventStream())
    table = data.test if data.test is not None else data.table
    at = {int(r): i for i, r in enumerate(table.rows)}
    if any(int(r) not in at for r in rows):
        return None
    test = table.take(np.array([at[int(r)] for r in rows], np.int64))
    return judge_test(load(find_bundle(folder.path)), test)


def print_compared(found: dict[str, Any], lang: str) -> None:
    """Print two runs side by side, then what differs between them."""
    from modelwright.cli.terminal import console, pad, width
    from modelwright.core.budget import duration_words
    from modelwright.core.figures import shown_score

    out = console(stderr=False)
    a, b = found["runs"]

    def line(name: Words, cell: Any) -> list[str]:
        return [name.to(lang), *(cell(r) for r in (a, b))]

    def score(r: dict[str, Any]) -> str:
        title = Words(*r["metric_title"]).to(lang) if r["metric_title"] else r["metric"]
        return f"{title} {shown_score(r['value'])} ({shown_score(r['low'])} - {shown_score(r['high'])})"

    rows = [
        ["", a["run"], b["run"]],
        line(Words("made", "时间"), lambda r: r["created"] or ""),
        line(Words("data", "数据"), lambda r: f"{r['data']} ({r['rows']['read']:,})"),
        line(Words("test rows", "测试行数"), lambda r: f"{r['rows']['test']:,}"),
        line(Words("score (95 %)", "得分（95%）"), score),
        line(Words("winner", "最佳模型"), lambda r: " + ".join(r["winner"])),
        line(Words("one answer", "回答一行"), lambda r: "" if r["ms_per_row"] is None else f"{r['ms_per_row']:.2g} ms"),
        line(Words("time", "用时"), lambda r: "" if r["seconds"] is None else duration_words(r["seconds"]).to(lang)),
    ]
    rows += [
        [f"--{_OPTIONS.get(k, k).replace('_', '-')}", *(_value_text(v, lang) for v in both)]
        for k, both in found["options"].items()
        if k not in ("data",)
    ]
    wide = [max(width(r[i]) for r in rows) for i in (0, 1)]
    for i, row in enumerate(rows):
        text = f"  {pad(row[0], wide[0])}  {pad(row[1], wide[1])}  {row[2]}".rstrip()
        out.print(text, style="bold" if i == 0 else None, markup=False, soft_wrap=True)
    out.print(f"\n{said(found, lang)}", markup=False, soft_wrap=True)


def _value_text(value: Any, lang: str) -> str:
    if value is None or value == [] or value == {}:
        return Words("(not given)", "（未指定）").to(lang)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def said(found: dict[str, Any], lang: str) -> str:
    """Return in a sentence which of two runs is better, and whether that is clear."""
    from modelwright.core.figures import shown_score

    if found["paired"] is None:
        return Words(*found["why"]).to(lang)
    p = found["paired"]
    name = found["runs"][0 if p["difference"] >= 0 else 1]["run"]
    title = Words(*p["metric_title"])
    ends = sorted(abs(x) if p["low"] * p["high"] > 0 else x for x in (p["low"], p["high"]))
    size, span = shown_score(abs(p["difference"])), " - ".join(shown_score(x) for x in ends)
    clear = p["low"] > 0 or p["high"] < 0
    if clear:
        return Words(
            f"On the same {p['rows']:,} test rows {name} is better: {title.en} by {size} (95 %: {span}).",
            f"在相同的 {p['rows']:,} 行测试数据上，{name} 更好：{title.zh} 相差 {size}（95%：{span}）。",
        ).to(lang)
    return Words(
        f"On the same {p['rows']:,} test rows there is no clear difference: {title.en} differs by {size} (95 %: {span}).",
        f"在相同的 {p['rows']:,} 行测试数据上没有明显差别：{title.zh} 相差 {size}（95%：{span}）。",
    ).to(lang)
