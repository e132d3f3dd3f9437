"""What a run leaves for those who answer for it: facts without quoted rows, its entry in the ledger, its line in a list of runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from modelwright.core.facts.run import Facts, QuotedFacts
from modelwright.core.run import RunFolder, read_facts, read_json, write_json
from modelwright.core.stored_data import keep_json, sealed_at, sealing
from modelwright.evaluate.report.tracking import flat_metrics
from modelwright.pipeline.report.write import write_page
from modelwright.privacy.ledger import model_id, record
from modelwright.privacy.subjects import due_words


def keep_facts(folder: RunFolder, facts: Facts) -> Facts:
    """Write the facts and return them; what quotes rows stands encrypted in a file of its own where a vault is open."""
    if sealing():
        sections = facts.get("sections", [])
        quoted: QuotedFacts = {
            "mistakes": facts.get("mistakes", []),
            "right": facts.get("right", []),
            "sections": sections,
            "plots": facts.get("plots", []),
        }
        keep_json(folder.data / "quoted.json", quoted)
        facts = _without_quotes(facts)
    write_json(folder.facts, facts)
    write_json(folder.path / "metrics.json", flat_metrics(facts))
    return facts


def forget_quotes(folder: RunFolder, lang: str) -> bool:
    """Take every row that a run's report quotes out of it, encrypted ones too; return whether there were any."""
    quoted = folder.data / "quoted.json"
    places = [p for p in (quoted, sealed_at(quoted)) if p.is_file()]
    for place in places:
        place.unlink()
    if not folder.facts.is_file():
        return bool(places)
    facts = read_facts(folder)
    plain = _without_quotes(facts)
    had = any(_count(plain.get(k)) < _count(facts.get(k)) for k in ("mistakes", "right", "sections", "plots"))
    if had:
        write_json(folder.facts, plain)
    if had or folder.report.is_file():
        write_page(folder, lang)
    return had or bool(places)


def _count(values: Any) -> int:
    return len(values or ())


def _without_quotes(facts: Facts) -> Facts:
    """Return the facts without what quotes rows."""
    sections = [s for s in facts.get("sections", []) if not s["private"]]
    plots = [p for p in facts.get("plots", []) if not p.get("private")]
    return {**facts, "mistakes": [], "right": [], "sections": sections, "plots": plots}


def enter(facts: Facts, folder: RunFolder) -> None:
    """Write the run into the ledger: digests and counts only."""
    record(
        folder.path,
        "run",
        run=folder.path.name,
        digests={"data": read_json(folder.data / "splits.json")["fingerprint"]},
        model=model_id(folder.bundle),
        rows=facts["rows"]["read"],
        task=facts["task"],
        met=facts["met"],
    )


def list_runs(root: Path) -> list[dict[str, Any]]:
    """Return the runs below a folder, newest first."""
    out = []
    for place in sorted(root.glob("*/config.yaml"), key=lambda p: p.stat().st_mtime, reverse=True):
        folder = RunFolder(place.parent)
        row: dict[str, Any] = {"run": str(folder.path), "bundle": (folder.bundle / "manifest.json").is_file()}
        words = due_words(folder.path)
        if words is not None:
            row["due"] = list(words)
        if folder.facts.is_file():
            facts = read_facts(folder)
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
