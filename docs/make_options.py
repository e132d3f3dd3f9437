"""Write `core/options.py` from the options as they are declared: `python docs/make_options.py`, or with `--check` only compare."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

PLACE = Path(__file__).resolve().parent.parent / "src" / "modelwright" / "core" / "options.py"
HEAD = '''"""The options of a run as keyword arguments of Python, for editors and type checkers.

Made by `docs/make_options.py` from the groups in `core/option_groups/` and beside the tasks; edit those, not this file.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class RunOptions(TypedDict, total=False):
    """What `fit` takes beside data and target, under the names and units of `modelwright run`."""
'''


def made() -> str:
    """Return the file as it should be."""
    from modelwright.core.option_groups.declared import options

    lines, group = [HEAD.rstrip()], None
    for name, found in options().items():
        if name in ("data", "target"):
            continue
        if found.group is not group:
            group = found.group
            only = f" (for {', '.join(group.tasks)})" if group.tasks else ""
            lines += ["", f"    # {group.about.en}{only}"]
        lines.append(f"    {name}: {shown(found.type)}")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-", "--stdin-filename", str(PLACE)],
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def shown(kind: object) -> str:
    """Return a type as it is written in the source."""
    if isinstance(kind, type) and not str(kind).startswith(("list[", "dict[")):
        return kind.__name__
    return re.sub(r"'([^']*)'", r'"\1"', str(kind).replace("typing.", ""))


def main() -> int:
    """Write the file, or compare it with what is there; return 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only")
    if not parser.parse_args().check:
        PLACE.write_text(made(), encoding="utf-8")
        return 0
    if PLACE.read_text(encoding="utf-8") == made():
        return 0
    print("core/options.py differs from what is declared: run `python docs/make_options.py`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
