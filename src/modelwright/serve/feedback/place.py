"""Where what is told of a model's answers is kept, for those who do not serve it: commands, and Python."""

from __future__ import annotations

from pathlib import Path

from modelwright.core.run import state_folder
from modelwright.release.bundle import Predictor, load
from modelwright.release.registry import find, places
from modelwright.release.registry.find import find_bundle
from modelwright.serve.feedback.ids import AnswerIds
from modelwright.serve.feedback.secret import secret_of
from modelwright.serve.stores import Home, home_of_folder, home_of_release


def opened(model: str, db: str | None = None, key_file: Path | None = None) -> tuple[Predictor, Home]:
    """Return the predictor of a name's champion, of a run or of a bundle, and the home that its service has.

    A run goes before a name, as in `serve`. `key_file` is where the service was told to keep its keys. Raises
    RegistryError, BundleError where there is neither.
    """
    name = find.served_name(model, db)
    if name is None:
        bundle = find_bundle(model)
        predictor = load(bundle)
        keys = key_file or (find.state_of(model) or state_folder(bundle)) / "keys.json"
        return predictor, home_of_folder(predictor.name, predictor.version, keys)
    from modelwright.release.registry.store import Registry

    registry = Registry(db)
    release = registry.get(name)
    predictor = load(registry.folder(release))
    predictor.name, predictor.version = release.name, str(release.version)
    state = places.state_of(registry.url, name)
    return predictor, home_of_release(name, predictor.version, registry.url, state)


def ids_of(predictor: Predictor, home: Home) -> AnswerIds:
    """Return what reads the ids that the service of this home gave; the secret is made where there is none."""
    return AnswerIds(secret_of(home), home.name, home.version, predictor.target)
