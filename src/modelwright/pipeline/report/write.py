"""What is written of a run for people and programs: the card, the leaderboard, the report page, the summary."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.facts.run import Facts, QuotedFacts
from modelwright.core.run import RunFolder, read_facts, write_text
from modelwright.core.stored_data import kept_json
from modelwright.privacy.subjects import due_words

if TYPE_CHECKING:
    from modelwright.release.bundle import Predictor


def cards(facts: Facts) -> dict[str, str]:
    """Return the model card in both languages by file name."""
    from modelwright.evaluate.report.card import card

    return {"card.md": card(facts, "en"), "card.zh-CN.md": card(facts, "zh")}


def write_bundle(predictor: Predictor, folder: RunFolder, facts: Facts) -> None:
    """Write the bundle with its cards, and the leaderboard."""
    from modelwright.release.bundle import save

    save(predictor, folder.bundle, cards(facts))
    write_leaderboard(folder, facts)


def write_leaderboard(folder: RunFolder, facts: Facts) -> None:
    """Write the leaderboard as CSV."""
    out = io.StringIO()
    names = [
        "name",
        "recipe",
        "status",
        "metric",
        "value",
        "low",
        "high",
        "ms_per_row",
        "batch_ms",
        "seconds",
        "learnt",
        "cost",
        "winner",
        "weight",
        "epsilon",
        "reason",
    ]
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    for row in facts["leaderboard"]:
        writer.writerow({**row, "reason": row["reason"][0] if row.get("reason") else ""})
    write_text(folder.leaderboard, out.getvalue())


def write_page(folder: RunFolder, lang: str, out: Path | None = None) -> Path:
    """Write the report page from the facts a run left, and return its path. Raises BundleError where there are none.

    In the run folder it quotes no row that the run keeps encrypted; in a file of the user's own (`out`) it does.
    """
    from modelwright.evaluate.report.page import write_report

    facts = read_facts(folder)
    due = due_words(folder.path)
    facts["due"] = list(due) if due is not None else None
    if out is not None:
        quoted: QuotedFacts = kept_json(folder.data / "quoted.json") or QuotedFacts()
        facts = {**facts, **quoted}
    write_text(out or folder.report, write_report(facts, lang))
    return out or folder.report


def summary(facts: Facts, folder: RunFolder) -> dict[str, Any]:
    """Return the run's result as scripts want it."""
    return {
        "run": str(folder.path),
        "bundle": str(folder.bundle),
        "report": str(folder.report),
        "task": facts["task"],
        "metric": facts["metric"],
        "value": facts["value"],
        "low": facts["low"],
        "high": facts["high"],
        "met": facts["met"],
        "conclusive": facts["conclusive"],
        "validated": facts["validated"],
        "verdict": facts["verdict"],
        "winner": facts["winner"],
        "metrics": {m["name"]: {"value": m["value"], "low": m["low"], "high": m["high"]} for m in facts["metrics"]},
        "leaderboard": facts["leaderboard"],
        "seconds": facts["seconds"],
        "budget": facts["budget"],
        **{k: facts[k] for k in ("privacy", "membership", "fairness") if k in facts},
    }
