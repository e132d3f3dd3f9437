"""From a subject to what models keep of it by name: the events of a user in a bundle that recommends, and in the candidates beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from modelwright.core.errors import ModelwrightError
from modelwright.core.run import read_json
from modelwright.core.words import Words
from modelwright.release.bundle import load, save
from modelwright.tune.candidate import load_candidate


@dataclass
class Held:
    """Where models hold a subject: how many of a run's models, by its folder, and what could not be looked into or changed."""

    models: dict[str, int] = field(default_factory=dict)
    unread: list[tuple[str, Words]] = field(default_factory=list)

    @property
    def runs(self) -> list[Path]:
        """The runs that are to be trained again."""
        return [Path(p) for p in self.models]


def forget(root: Path, subject: str, *, erase: bool, db: str | None = None) -> Held:
    """Count the models below a folder of runs that hold a subject by name, and with `erase` take it out of them.

    A bundle is written anew without it, a candidate that holds it is removed. Releases cannot be changed: they are named.
    """
    out = Held()
    for bundle in sorted(p.parent for p in root.glob("*/bundle/bundle.json")):
        try:
            count = _forget(bundle, subject, erase)
        except (ModelwrightError, ImportError) as e:
            words = e.words if isinstance(e, ModelwrightError) else Words(str(e), str(e))
            out.unread.append((str(bundle), words))
            continue
        if count:
            out.models[str(bundle.parent)] = count
    out.unread += _releases(subject, db)
    return out


def _forget(bundle: Path, subject: str, erase: bool) -> int:
    if not any(_names_user(place, subject) for place in (bundle / "members").glob("*/model.json")):
        return 0
    predictor = load(bundle)
    holding = [m for _, m in predictor.members if m.forget(subject)]
    candidates = []
    for place in sorted((bundle.parent / "candidates").glob("*")):
        if (place / "candidate.json").is_file() and any(
            _names_user(p, subject) for p in place.glob("model-*/model.json")
        ):
            models = load_candidate(place, predictor.target).models
            candidates += [place] if any(m.forget(subject) for m in models) else []
    if erase:
        if holding:
            save(predictor, bundle, {p.name: p.read_text(encoding="utf-8") for p in bundle.glob("card*.md")})
        for place in candidates:
            shutil.rmtree(place)
    return len(holding) + len(candidates)


def _names_user(state: Path, subject: str) -> bool:
    """Whether a model's state names a subject among its users."""
    data = read_json(state)
    return isinstance(data, dict) and subject in data.get("users", ())


def _releases(subject: str, db: str | None) -> list[tuple[str, Words]]:
    """Return the releases that hold a subject, with what to do about each."""
    from modelwright.release.registry import find

    out = []
    for name in find.names(db):
        from modelwright.release.registry.store import Registry

        registry = Registry(db)
        for release in registry.releases(name):
            try:
                folder = registry.folder(release)
                if not any(_names_user(place, subject) for place in (folder / "members").glob("*/model.json")):
                    continue
                words = Words(
                    "this release holds the subject's events and cannot be changed: release its run again, then retire it",
                    "该发布保存了此主体的事件且不可更改：请重新发布其运行，再停用它",
                )
            except ModelwrightError as e:
                words = e.words
            out.append((f"{name}/{release.version}", words))
    return out
