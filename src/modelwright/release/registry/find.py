"""From a name to a bundle: what `predict NAME`, `load("name")` and the service ask where no folder of that name stands.

Light: the database is opened only where a registry exists and the text can be a name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modelwright.core.errors import BundleError
from modelwright.core.run import bundle_of_run, read_json
from modelwright.release.registry import places

if TYPE_CHECKING:
    from modelwright.release.registry.store import Release


class Resolved(NamedTuple):
    """A bundle folder, and which version it is: of a name that of the release, else the one that the bundle gives itself."""

    folder: Path
    version: str


def bundle_of(text: str) -> Path | None:
    """Return the bundle of a release: `NAME` is its champion, `NAME/2` or `NAME/challenger` another; None where there is none.

    Raises RegistryError where the name is there and not that release, RegistryAway where the registry cannot be reached.
    """
    found = _resolved(text)
    return None if found is None else found.folder


def find_bundle(path: str | Path) -> Path:
    """Return the bundle folder at `path` itself, in the run at `path`, in the run of that name, or of the release of that name.

    Raises BundleError where there is none, RegistryError where the release cannot be had.
    """
    try:
        return bundle_of_run(path)
    except BundleError as e:
        if _is_folder(path):  # a run without a bundle
            raise
        found = bundle_of(str(path))
        if found is not None:
            return found
        known = ", ".join(names()[:8])
        if not known:
            raise
        raise BundleError(
            f"`{path}` is no release (there are: {known}). {e.words.en}",
            f"没有名为 `{path}` 的发布（现有：{known}）。{e.words.zh}",
        ) from e


def names(db: str | None = None) -> list[str]:
    """Return the names that have releases, [] where there is no registry."""
    if not _registry_exists(db):
        return []
    from modelwright.release.registry.store import Registry

    return Registry(db).names()


def state_of(text: str) -> Path | None:
    """Return where the service keeps the keys of a release's name, `NAME` or `NAME/WHICH`; None where that is a folder or unknown."""
    if _is_folder(text) or not _released_name(text):
        return None
    return places.state_of(places.database_url(), text.partition("/")[0])


def served_name(text: str, db: str | None = None) -> str | None:
    """Return the name whose champion is to be served and followed: `NAME` or `NAME/champion`, and no folder; else None."""
    name, _, which = text.partition("/")
    return name if which in ("", "champion") and not _is_folder(text) and _released_name(text, db) else None


def resolve(text: str | Path) -> Resolved:
    """Return the bundle folder and the version of a run, a bundle folder, or the name of a release.

    A folder goes before a release of the same name. `NAME/VERSION` and `NAME/ALIAS` name one release. Raises BundleError where
    there is neither, RegistryError where the bundle of a release is gone or was changed.
    """
    found = None if _is_folder(text) else _resolved(str(text))
    if found is not None:
        return found
    folder = find_bundle(text)
    return Resolved(folder, str(read_json(folder / "bundle.json").get("version", "1")))


def release_of(text: str) -> Release | None:
    """Return the release that a text names, as `bundle_of` finds it; None where it names a folder or nothing."""
    if _is_folder(text) or not _released_name(text):
        return None
    from modelwright.release.registry.store import CHAMPION, Registry

    name, _, which = text.partition("/")
    return Registry().get(name, which or CHAMPION)


def _is_folder(text: str | Path) -> bool:
    return any((p / "manifest.json").is_file() or (p / "config.yaml").is_file() for p in _places(text))


def _places(text: str | Path) -> list[Path]:
    return [Path(text), Path(text) / "bundle", Path("runs") / str(text), Path("runs") / str(text) / "bundle"]


def _registry_exists(db: str | None = None) -> bool:
    place = places.file_of(places.database_url(db))
    return place is None or place.is_file()


def _released_name(text: str, db: str | None = None) -> bool:
    """Whether a text names a release of a registry that exists."""
    name, _, which = text.partition("/")
    return places.is_name(name) and "/" not in which and name in names(db)


def _resolved(text: str) -> Resolved | None:
    if not _released_name(text):
        return None
    from modelwright.release.registry.store import CHAMPION, Registry

    registry, (name, _, which) = Registry(), text.partition("/")
    release = registry.get(name, which or CHAMPION)
    return Resolved(registry.folder(release), str(release.version))
