"""A run's figures for trackers of experiments."""

from __future__ import annotations

import math

from modelwright.core.facts.run import Facts


def flat_metrics(facts: Facts) -> dict[str, float]:
    """Return the figures of a run as numbers by name and nothing else, as `mlflow.log_metrics` takes them."""
    flat: dict[str, float | None] = {}
    for m in facts["metrics"]:
        flat |= {
            f"test_{m['name']}": m["value"],
            f"test_{m['name']}_low": m["low"],
            f"test_{m['name']}_high": m["high"],
        }
    stands = [r for r in facts["leaderboard"] if r["status"] == "ok"]
    flat[f"validation_{facts['metric']}"] = stands[0]["value"] if stands else None
    flat |= {
        "rows_train": facts["rows"]["train"],
        "rows_test": facts["rows"]["test"],
        "seconds": facts["seconds"]["bundle"],
    }
    flat |= {"answer_ms": facts["ms_per_row"], "candidates": len(stands)}
    return {k: float(v) for k, v in flat.items() if v is not None and math.isfinite(v)}
