"""Which engine would answer for runs that are there: how near its answers are to the model's, and what they take.

    python benchmarks/engines.py runs/a runs/b ...

For each run: validation rows read again from its source (never test rows), and for the model itself, ONNX Runtime and ONNX Runtime with
8-bit weights the largest difference of a score, whether all labels are equal, milliseconds for one row and for a row in a batch of
256, whole answers, the least of several; then what `modelwright release --engine auto` takes. Nothing is released.
"""

from __future__ import annotations

import argparse
import time

from modelwright.release import engines
from modelwright.release.registry.find import find_bundle


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    for run in parser.parse_args().runs:
        began = time.perf_counter()
        with engines.chosen(find_bundle(run), "auto") as choice:
            facts = choice.facts
        print(f"{run}: {choice.engine}, {facts['why'][0]} ({time.perf_counter() - began:.1f} s)")
        for engine, m in facts.get("measured", {}).items():
            apart = f"{m['apart']:.2g}" if "apart" in m else "-"
            times = f"{m['one_ms']:7.2f} ms {m['batch_ms']:7.3f} ms" if "one_ms" in m else "not timed"
            labels = "labels equal" if m.get("labels_equal") else (m.get("why") or ["labels differ"])[0]
            print(f"  {engine:5} apart {apart:8} {times}  {labels}")


if __name__ == "__main__":
    main()
