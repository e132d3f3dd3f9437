"""How often an experiment that is looked at every day calls equal releases different, and how often it finds a true lift.

    python benchmarks/experiments.py --experiments 1000 --days 60

Users keep the release that they were given and come back: some always satisfied, some never. Each line is one kind of
value; `ever` counts experiments that any of the daily looks called different, `fixed` those that a usual test at 5 % would have.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import numpy as np

from modelwright.improve.sequential import arm, compare, plan


def one(rng: np.random.Generator, case: dict, lift: float, days: int, per_day: int) -> tuple[bool, bool, int | None]:
    """Simulate one experiment; return whether it was ever called different, whether a usual test did, and on which day."""
    kind, base, share, alike = case["kind"], case["base"], case["share"], case["alike"]
    users = per_day * days // 4  # a user comes back about four times
    second = rng.random(users) < share
    mean = np.where(second, base + lift, base)
    if kind == "rate":
        own = rng.beta(mean * (1 - alike) / alike, (1 - mean) * (1 - alike) / alike) if alike else mean
    else:
        own = mean + rng.normal(0, case["spread"] * math.sqrt(alike), users)
    sums, counts = np.zeros(users), np.zeros(users)
    ever, usual, when = False, False, None
    for day in range(1, days + 1):
        who = rng.integers(0, users, per_day)
        if kind == "rate":
            values = (rng.random(per_day) < own[who]).astype(float)
        else:
            values = own[who] + case["spread"] * math.sqrt(1 - alike) * (rng.exponential(1, per_day) - 1)
        np.add.at(sums, who, values)
        np.add.at(counts, who, 1)
        seen = counts > 0
        a, b = (arm(sums[seen & of], counts[seen & of], kind) for of in (~second, second))
        found = compare(a, b, kind, case["effect"])
        if found.verdict in ("better", "worse") and not ever:
            ever, when = True, day
        z = abs(found.difference) / math.sqrt(a.variance + b.variance) if a.values and b.values else 0.0
        usual = usual or (min(a.units, b.units) >= 2 and z > 1.96)
    return ever, usual, when


CASES = {
    "rate .70, half each": {"kind": "rate", "base": 0.7, "share": 0.5, "alike": 0.2, "effect": 0.05},
    "rate .70, 10 % canary": {"kind": "rate", "base": 0.7, "share": 0.1, "alike": 0.2, "effect": 0.05},
    "rate .97, half each": {"kind": "rate", "base": 0.97, "share": 0.5, "alike": 0.2, "effect": 0.02},
    "rate .70, one value a user": {"kind": "rate", "base": 0.7, "share": 0.5, "alike": 0.0, "effect": 0.05},
    "mean, skewed, half each": {
        "kind": "mean", "base": 10.0, "spread": 8.0, "share": 0.5, "alike": 0.3, "effect": 0.8,
    },
}  # fmt: skip


def main() -> int:
    """Print the figures; return 1 where the bar (at most 5 % of equal releases) is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--per-day", type=int, default=200, help="values that come in a day, both releases together")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    missed = False
    for name, case in CASES.items():
        began, rng = time.monotonic(), np.random.default_rng(asked.seed)
        null = [one(rng, case, 0.0, asked.days, asked.per_day) for _ in range(asked.experiments)]
        ever, usual = (100 * float(np.mean([x[i] for x in null])) for i in (0, 1))
        up = case["effect"] if case["base"] + case["effect"] < 1 or case["kind"] == "mean" else -case["effect"]
        lifted = [one(rng, case, up, asked.days, asked.per_day) for _ in range(max(1, asked.experiments // 5))]
        days = [x[2] for x in lifted if x[2] is not None]
        told = {"base": case["base"]} if case["kind"] == "rate" else {"deviation": case["spread"]}
        planned = plan(case["kind"], abs(up), share=case["share"], **told)
        print(
            f"{name:28s} equal: ever different {ever:4.1f} % (a usual test, looked at daily: {usual:4.1f} %)   "
            f"true lift of {up:+g}: found {100 * len(days) / len(lifted):5.1f} %, median day "
            f"{np.median(days) if days else math.nan:4.0f}; planner: {planned.units:,} users "
            f"(once: {planned.once:,})   {time.monotonic() - began:.0f} s",
            flush=True,
        )
        missed = missed or ever > 5.0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
