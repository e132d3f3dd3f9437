"""What every format is given: the model, its bundle, and what it is called."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import modelwright
from modelwright.core.run import slug, write_text
from modelwright.release.bundle import Predictor, save


@dataclass(frozen=True)
class Packed:
    """A model that is to be exported."""

    predictor: Predictor
    bundle: Path | None  # its folder, to be copied as it is; None for a candidate, which has none
    name: str  # of the release or of the run
    in_spite: str | None = None  # why it was released although something stood against it
    folder_name: str = ""  # of the export

    @property
    def host(self) -> str:
        """The name as containers and hosts may have it (RFC 1123): small letters, digits and dashes, at most 50."""
        return host_name(self.name)

    def copy_bundle(self, place: Path) -> None:
        """Put the model's bundle at a place where nothing is yet."""
        if self.bundle is None:
            save(self.predictor, place)
        else:
            shutil.copytree(self.bundle, place)


def copy_modelwright(folder: Path) -> None:
    """Put this package into a folder, from which it can be imported there."""
    source = Path(modelwright.__file__).parent
    shutil.copytree(source, folder / "modelwright", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def host_name(name: str) -> str:
    """Return a name as containers and hosts may have it."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-")
    return text if text[:1].isalpha() else f"model-{text}".strip("-")


class Format(Protocol):
    """The module of a format."""

    def write(self, packed: Packed, folder: Path) -> None:
        """Fill an empty folder."""


def packed_name(model: str, bundle: Path) -> str:
    """Return what a model is called: the name of the release, or of the run that its bundle stands in."""
    if any(p.exists() for p in (Path(model), Path("runs") / model)):
        place = bundle.absolute()
        return slug(place.parent.name if place.name == "bundle" else place.name)
    return slug(model.partition("/")[0])


def write_yaml(path: Path, said: str, *documents: Mapping[str, Any]) -> None:
    """Write YAML documents below a comment."""
    import yaml

    head = "".join(f"# {line}\n" for line in said.splitlines())

    class Plain(yaml.SafeDumper):
        """Writes what stands twice twice, as people would."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text = yaml.dump_all(documents, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    write_text(path, head + text)
