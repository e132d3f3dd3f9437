"""What there is: the runs in a folder, and the state of the installation."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

from modelwright.cli.commands import EXTRAS
from modelwright.cli.terminal import console, pad, show_score, width
from modelwright.core.device import cores, free_memory
from modelwright.core.run import RunFolder, read_json
from modelwright.core.task import get_task, task_names
from modelwright.core.words import Words


def list_runs(root: Path) -> list[dict[str, Any]]:
    """Return the runs below a folder, newest first."""
    from modelwright.pipeline.concerns.consent import due_words

    out = []
    for place in sorted(root.glob("*/config.yaml"), key=lambda p: p.stat().st_mtime, reverse=True):
        folder = RunFolder(place.parent)
        row: dict[str, Any] = {"run": str(folder.path), "bundle": (folder.bundle / "manifest.json").is_file()}
        words = due_words(folder.path)
        if words is not None:
            row["due"] = list(words)
        if folder.facts.is_file():
            facts = read_json(folder.facts)
            row |= {"task": facts["task"], "metric": facts["metric"], "value": facts["value"], "good": facts["met"]}
            row |= {
                "created": facts.get("created"),
                "metric_title": facts.get("metric_title"),
                "plain": facts.get("plain"),
            }
        else:
            row["created"] = time.strftime("%Y-%m-%d %H:%M", time.localtime(place.stat().st_mtime))
        out.append(row)
    return out


def print_runs(runs: list[dict[str, Any]], lang: str) -> None:
    """Print runs, one a line."""
    out = console(stderr=False)
    if not runs:
        out.print(Words("No runs here yet.", "这里还没有运行记录。").to(lang))
    name = max([20, *(width(r["run"]) for r in runs)])
    for r in runs:
        if "metric" in r:
            task = get_task(r["task"]).title.to(lang) if r["task"] in task_names() else r["task"]
            metric = Words(*r["metric_title"]).to(lang) if r.get("metric_title") else r["metric"]
            state = f"{task}  {metric} {show_score(r['value'])}"
        else:
            state = Words("stopped before a bundle was written", "在写出模型包之前被终止").to(lang)
        due = f"  {Words(*r['due']).to(lang)}" if "due" in r else ""
        out.print(
            f"  {pad(r['run'], name)}  {pad(r.get('created') or '', 16)}  {state}{due}", markup=False, soft_wrap=True
        )


def doctor_facts() -> dict[str, Any]:
    """Return what is installed and whether the parts work together, by trying the core on a few rows."""
    from modelwright import __version__

    extras = {
        extra: {m: _version(m) for m in modules if importlib.util.find_spec(m)} if _has(modules) else None
        for extra, modules in EXTRAS.items()
    }
    core = {m: _version(m) for m in ("numpy", "pyarrow", "scikit-learn", "lightgbm", "pydantic", "typer")}
    facts: dict[str, Any] = {
        "modelwright": __version__,
        "python": sys.version.split()[0],
        "cores": cores(),
        "memory_free_gb": round(free_memory() / 2**30, 1),
        "core": core,
        "extras": extras,
    }
    if extras["nn"]:
        from modelwright.core.device import pick_device

        facts["device"] = pick_device()
    facts["well"] = all(core.values())
    return facts


def print_doctor(facts: dict[str, Any], lang: str) -> None:
    """Print the state of the installation."""
    out = console(stderr=False)
    device = f", {facts['device']}" if "device" in facts else ""
    words = Words(
        f"modelwright {facts['modelwright']}, Python {facts['python']}, {facts['cores']} cores, {facts['memory_free_gb']} GB free{device}",
        f"modelwright {facts['modelwright']}，Python {facts['python']}，{facts['cores']} 核，可用内存 {facts['memory_free_gb']} GB{device}",
    )
    out.print(words.to(lang), markup=False)
    core = "  ".join(f"{k} {v or '?'}" for k, v in facts["core"].items())
    out.print(f"  {pad('core', 10)} {core}", markup=False)
    for extra, found in facts["extras"].items():
        line = "  ".join(f"{k} {v}" for k, v in found.items()) if found else f'pip install "modelwright[{extra}]"'
        out.print(f"  {pad(extra, 10)} {line}", style=None if found else "dim", markup=False)
    good = (
        Words("The installation is fine.", "安装完好。") if facts["well"] else Words("Parts are missing.", "缺少组件。")
    )
    out.print(good.to(lang))


def _has(modules: tuple[str, ...]) -> bool:
    return all(importlib.util.find_spec(m) is not None for m in modules)


def _version(module: str) -> str | None:
    try:
        return importlib.metadata.version(module.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return None
