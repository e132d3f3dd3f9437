"""What answers cost when errors have prices, beside the same models' answers without.

    python benchmarks/costs.py credit /path/to/german-credit/german.csv [BUDGET, such as 20s]
    python benchmarks/costs.py orders FILE TARGET [BUDGET]

`credit`: German credit, 5 : 1, ten splits, each a run of its own (`--seed`); lending to a bad customer costs 5, refusing a good one 1 (the prices of
the set's own description). The bar: a lower mean cost on the test rows than at a threshold of .5 in 9 of 10 splits, paired.
`orders`: a number as what will be asked for, five splits, a unit too much costs 1 and one too little 4: the cost of ordering the
answers' quantity beside that of ordering the prediction.
"""

from __future__ import annotations

import sys
import tempfile

import modelwright as mw

PRICES = ["2:1=5", "1:2=1"]  # label 2 is bad


def credit(data: str, budget: str) -> None:
    """Run ten splits and print what each cost, by the chosen answers and by the likeliest ones."""
    won = 0
    for seed in range(10):
        with tempfile.TemporaryDirectory() as out:
            run = mw.fit(
                data, "column_21", header=False, cost=PRICES, budget=budget, seed=seed, out=out, progress=False
            )
        found = run.facts["costs"]
        plain, own = found["likeliest"]["per_1000"] / 1000, found["per_1000"] / 1000
        fixed = found["fixed"]["per_1000"] / 1000
        won += own < plain
        print(f"seed {seed}: {own:.3f}, at .5 {plain:.3f}, always `{found['fixed']['label']}` {fixed:.3f}", flush=True)
    print(f"cheaper than the .5 threshold in {won} of 10 splits")


def orders(data: str, target: str, budget: str) -> None:
    """Run five splits and print what the quantities cost, and what the predictions would have."""
    for seed in range(5):
        with tempfile.TemporaryDirectory() as out:
            run = mw.fit(data, target, too_much=1, too_little=4, budget=budget, seed=seed, out=out, progress=False)
        f = run.facts["order"]
        print(
            f"seed {seed}: {f['mean']:.4g}, the prediction {f['plain']:.4g}; saved {f['saved'] / f['plain']:.0%} "
            f"({f['saved_low']:.4g} to {f['saved_high']:.4g}), sufficed in {f['sufficed']:.1%} of rows, asked {f['share']:.0%}",
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "orders":
        orders(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else "20s")
    else:
        credit(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "20s")
