"""Check what is installed, without a network: `python .ci/check_dependencies.py`. Ends with 1 where something is wrong.

1. Every installed package is within the ranges of pyproject.toml and constraints.txt.
2. What installed packages ask of each other is met, as `pip check` sees it.
3. None is in `.ci/known-bad.txt`, and no range of pyproject.toml reaches into it.

This is no feed of vulnerabilities: the list is kept by hand. Where there is a network, run pip-audit beside it.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
OWN = "modelwright"


def installed() -> dict[str, importlib.metadata.Distribution]:
    """Return what is installed, by canonical name."""
    found = {}
    for dist in importlib.metadata.distributions():
        name = dist.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), dist)
    return found


def asked(root: Path) -> list[tuple[str, Requirement]]:
    """Return every requirement of pyproject.toml and constraints.txt with where it stands."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    out = [("dependencies", Requirement(r)) for r in project.get("dependencies", [])]
    for extra, needs in project.get("optional-dependencies", {}).items():
        out += [(extra, Requirement(r)) for r in needs]
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            out.append(("constraints.txt", Requirement(line)))
    return [(where, r) for where, r in out if canonicalize_name(r.name) != OWN]


def known_bad(root: Path) -> list[tuple[Requirement, str]]:
    """Return the packages to refuse, with why. A line: a requirement, two blanks or more, the reason."""
    out = []
    for line in (root / ".ci" / "known-bad.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            need, _, reason = line.partition("  ")
            out.append((Requirement(need.strip()), reason.strip()))
    return out


def fits(spec: SpecifierSet, version: str) -> bool:
    """Whether a version is within a range; pre-releases count."""
    try:
        return spec.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return not spec


def outside(have: dict[str, str], needs: list[tuple[str, Requirement]]) -> list[str]:
    """Return what is installed outside the ranges that the project asks for."""
    out = []
    for where, need in needs:
        version = have.get(canonicalize_name(need.name))
        if version is not None and not fits(need.specifier, version):
            out.append(f"{need.name} {version} is installed; {where} asks for {need.specifier}")
    return out


def unmet(dists: dict[str, importlib.metadata.Distribution]) -> list[str]:
    """Return what installed packages need of each other and do not have."""
    out = []
    for name, dist in dists.items():
        for text in dist.requires or []:
            try:
                need = Requirement(text)
            except InvalidRequirement:
                continue
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            other = dists.get(canonicalize_name(need.name))
            if other is None:
                out.append(f"{name} needs {need.name}, which is not installed")
            elif not fits(need.specifier, other.version):
                out.append(f"{name} needs {need.name}{need.specifier}, {other.version} is installed")
    return out


def bad(
    have: dict[str, str], needs: list[tuple[str, Requirement]], refused: list[tuple[Requirement, str]]
) -> list[str]:
    """Return what is installed, or could be by the ranges, although it is known to be bad."""
    out = []
    for no, reason in refused:
        name = canonicalize_name(no.name)
        version = have.get(name)
        if version is not None and fits(no.specifier, version):
            out.append(f"{no.name} {version} is installed and known to be bad: {reason}")
        for where, need in needs:
            if canonicalize_name(need.name) == name and (not no.specifier or _reaches(need, no)):
                out.append(f"{where} allows {need}, which reaches into {no.specifier or 'all versions'}: {reason}")
    return out


def _reaches(need: Requirement, no: Requirement) -> bool:
    """Whether the lowest version that a range allows, or one that is named as bad, is refused."""
    lowest = [s.version for s in need.specifier if s.operator in (">=", "==", "~=")]
    edges = [s.version for s in no.specifier if s.operator in ("==", ">=")]
    return (
        any(fits(no.specifier, v) for v in lowest)
        or any(fits(need.specifier, v) for v in edges if fits(no.specifier, v))
        or not lowest
    )


def main() -> int:
    """Check, say what is wrong, and return the exit code."""
    dists = installed()
    have = {n: d.version for n, d in dists.items()}
    needs = asked(ROOT)
    wrong = outside(have, needs) + unmet(dists) + bad(have, needs, known_bad(ROOT))
    for line in wrong:
        sys.stderr.write(line + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
