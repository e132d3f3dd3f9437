"""The quality bars of pretrained encoders, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_pretrained.py [NAME ...]

Needs the extra `minilm`. Prints what `quality.py` prints. Run by hand or by name; never part of the unit tests.
"""

from __future__ import annotations

from pathlib import Path

from quality import Bar, banking, measure


def banking_minilm(data: Path, work: Path) -> list[list[str]]:
    """Banking77, official split, with the packaged English sentence encoder."""
    return [[*args[:-1], "15m", "--pretrained", "minilm"] for args in banking(data, work)]


BARS = {"banking77-minilm": Bar(banking_minilm, "accuracy", 0.935)}


if __name__ == "__main__":
    measure(BARS)
