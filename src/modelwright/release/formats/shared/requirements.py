"""What a program with this model must have installed: the requirements of Modelwright and of the extras, in the versions of here.

An export answers as the model was measured only with the same libraries, so that each is pinned to the version that is installed.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from modelwright.core.run import write_text
from modelwright.release.bundle import Predictor
from modelwright.release.extras import needed

_PACKAGE = Path(__file__).parents[3]  # the folder `modelwright`
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*([^;]*?)\s*(?:;\s*(.*))?$")
_EXTRA = re.compile(r"""\s*(?:and\s*)?\(?extra\s*==\s*['"]([\w-]+)['"]\)?\s*""")


def extras_of(predictor: Predictor, *more: str) -> list[str]:
    """Return the extras with which this model answers and explains, and `more`."""
    found = set(needed([m.recipe for _, m in predictor.members], predictor.schema))
    if with_torch(predictor):
        found.add("explain")
    return sorted({*found, *more})


def with_torch(predictor: Predictor) -> bool:
    """Return whether this model answers with PyTorch."""
    modules = needed([m.recipe for _, m in predictor.members], predictor.schema)
    return any("torch" in m for m in modules.values())


def write_requirements(folder: Path, extras: Sequence[str], *more: str) -> None:
    """Write `requirements.txt` (what is needed, and `more`) and `constraints.txt` (the version of each package here)."""
    asked = sorted({*direct(extras), *more}, key=str.lower)
    write_text(folder / "requirements.txt", "".join(f"{line}\n" for line in asked))
    write_text(folder / "constraints.txt", "".join(f"{name}=={v}\n" for name, v in pins(asked).items()))


def direct(extras: Iterable[str]) -> set[str]:
    """Return the requirements of Modelwright itself with these extras, as pip takes them."""
    declared = _declared()
    pending, seen, out = ["", *extras], set[str](), set[str]()
    while pending:
        extra = pending.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in declared[extra]:
            name, inner, _, _ = _split(line)
            if name == "modelwright":
                pending += inner
            else:
                out.add(line)
    return out


def pins(lines: Iterable[str]) -> dict[str, str]:
    """Return the version of every package that requirements bring along, as installed here, by name in alphabetical order."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    pending = [(name, extra) for name, inner, _, _ in map(_split, lines) for extra in ("", *inner)]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            held = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or a part of one that is not installed here: pip chooses
        found[name] = held.version.partition("+")[0]  # the build for this machine's processor is its own affair
        for line in held.requires or ():
            other, inner, _, marker = _split(line)
            asked = _EXTRA.search(marker)
            if (asked is None and not extra) or (asked is not None and asked[1] == extra):
                pending += [(other, e) for e in ("", *inner)]
    return dict(sorted(found.items()))


def _declared() -> dict[str, list[str]]:
    """Return what Modelwright needs, by extra; "" for what it always needs."""
    source = _PACKAGE.parents[1] / "pyproject.toml"  # where it runs from its sources, what is installed may be older
    if source.is_file():
        project = tomllib.loads(source.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "modelwright":
            return {"": project["dependencies"], **project["optional-dependencies"]}
    held = importlib.metadata.distribution("modelwright")
    out: dict[str, list[str]] = {"": [], **{e: [] for e in held.metadata.get_all("Provides-Extra") or ()}}
    for line in held.requires or ():
        requirement, _, marker = line.partition(";")
        asked = _EXTRA.search(marker)
        rest = _EXTRA.sub("", marker).strip() if asked else marker.strip()
        out[asked[1] if asked else ""].append(f"{requirement.strip()}; {rest}" if rest else requirement.strip())
    return out


def _split(line: str) -> tuple[str, list[str], str, str]:
    """Return a requirement's name as indexes spell it, its extras, its versions and its marker."""
    found = _NAME.match(line)
    if found is None:
        raise ValueError(line)
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    return name, [e.strip() for e in (found[2] or "").split(",") if e.strip()], found[3], found[4] or ""
