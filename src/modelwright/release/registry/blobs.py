"""Bundles of releases by their digest: put once on local disk or at any fsspec URL, fetched once, checked each time.

    ROOT/ab/abcdef.../bundle/     the files of the bundle, under the SHA-256 of its manifest

The manifest holds the SHA-256 of every other file and goes last, so that where it stands, the bundle is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from modelwright.core.errors import BundleError, MissingExtra, ModelwrightError, RegistryAway, RegistryError
from modelwright.core.locks import lock_beside
from modelwright.core.run import read_json, refused, whole_folder
from modelwright.core.words import Words
from modelwright.release.check import verify
from modelwright.release.registry.places import cache_folder, is_remote, local_path, shown

_MANIFEST = "manifest.json"
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "oss": "oss"}


def digest_of(bundle: Path) -> str:
    """Return the SHA-256 of a bundle's manifest. Raises BundleError where it cannot be read."""
    try:
        return hashlib.sha256((bundle / _MANIFEST).read_bytes()).hexdigest()
    except OSError as e:
        raise BundleError(
            f"Cannot read {bundle / _MANIFEST}: {e.strerror}.", f"无法读取 {bundle / _MANIFEST}：{e.strerror}。"
        ) from e


def size_of(bundle: Path) -> int:
    """Return the bytes that the files of a bundle take."""
    return sum(p.stat().st_size for p in bundle.rglob("*") if p.is_file())


def put(root: str, bundle: Path, digest: str) -> None:
    """Put a bundle where releases are kept; one that stands there whole is left as it is.

    Raises BundleError where the bundle is damaged, RegistryAway where the place cannot be reached or written.
    """
    verify(bundle)
    if is_remote(root):
        with _storage_errors(root):
            _upload(root, bundle, digest)
        return
    final = _folder(local_path(root), digest)
    with _storage_errors(root), lock_beside(final):
        if not _is_as_released(final, digest):
            _copy(bundle, final, digest)


def fetch(root: str, digest: str, what: Words) -> Path:
    """Return a folder with the bundle of that digest, `what` being the release: from a URL it is fetched once into the cache.

    The manifest is compared with the digest here; loading compares every file with the manifest. Raises RegistryError
    where the bundle is not there or was changed, RegistryAway where the place cannot be reached.
    """
    if is_remote(root):
        final = _folder(cache_folder(), digest)
        if not _has_manifest(final, digest):
            with _storage_errors(root), lock_beside(final):
                if not _has_manifest(final, digest):
                    _download(root, final, digest, what)
        return final
    final = _folder(local_path(root), digest)
    if not (final / _MANIFEST).is_file():
        raise _absent(what, root)
    if not _has_manifest(final, digest):
        raise _changed(what, str(final))
    return final


def _folder(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest / "bundle"


def _has_manifest(bundle: Path, digest: str) -> bool:
    """Whether there is a bundle with the manifest of that digest."""
    try:
        return hashlib.sha256((bundle / _MANIFEST).read_bytes()).hexdigest() == digest
    except OSError:
        return False


def _is_as_released(bundle: Path, digest: str) -> bool:
    """Whether a bundle stands there with every file as it was released."""
    try:
        if _has_manifest(bundle, digest):
            verify(bundle)
            return True
    except BundleError:
        pass  # it is put there anew
    return False


def _copy(bundle: Path, final: Path, digest: str) -> None:
    with whole_folder(final) as part:
        for name in (*_names(bundle), _MANIFEST):
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle / name, part / name)
        _check(part, digest, Words("The bundle", "模型包"), str(bundle))


def _names(bundle: Path) -> list[str]:
    """Return the files that a manifest lists. Raises BundleError for names that lead out of the bundle."""
    names = [str(name) for name in read_json(bundle / _MANIFEST)["files"]]
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise BundleError(
                f"The manifest names {name[:120]}, which leads out of the bundle.",
                f"清单中的 {name[:120]} 指向模型包之外。",
            )
    return names


def _check(part: Path, digest: str, what: Words, where: str) -> None:
    if not _has_manifest(part, digest):
        raise _changed(what, where)
    try:
        verify(part)
    except BundleError as e:
        raise _changed(what, where, e.words) from e


# -- by URL ----------------------------------------------------------------------------------------------------------


def _upload(root: str, bundle: Path, digest: str) -> None:
    files, base = _remote(root, digest)
    place = f"{base}/{_MANIFEST}"
    if files.exists(place) and hashlib.sha256(files.cat_file(place)).hexdigest() == digest:
        return
    for name in (*_names(bundle), _MANIFEST):
        above = f"{base}/{name}".rpartition("/")[0]
        files.makedirs(above, exist_ok=True)
        files.put_file(str(bundle / name), f"{base}/{name}")


def _download(root: str, final: Path, digest: str, what: Words) -> None:
    files, base = _remote(root, digest)
    with whole_folder(final) as part:
        try:
            files.get_file(f"{base}/{_MANIFEST}", str(part / _MANIFEST))
            if not _has_manifest(part, digest):  # before anything that it names is believed
                raise _changed(what, root)
            for name in _names(part):
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                files.get_file(f"{base}/{name}", str(part / name))
        except FileNotFoundError as e:
            raise _absent(what, root) from e
        _check(part, digest, what, root)


def _remote(root: str, digest: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as e:
        raise MissingExtra("live", "Bundles at a URL", "以 URL 存放模型包") from e
    scheme = root.split(":", 1)[0]
    try:
        files, base = url_to_fs(root)
    except ImportError as e:
        raise MissingExtra(_EXTRAS.get(scheme, "live"), f"Bundles at {scheme}://", f"以 {scheme}:// 存放模型包") from e
    return files, f"{base.rstrip('/')}/{digest[:2]}/{digest}/bundle"


@contextmanager
def _storage_errors(root: str) -> Iterator[None]:
    """Say in one sentence that the place of bundles cannot be used, whatever library refused."""
    try:
        yield
    except ModelwrightError:
        raise
    except Exception as e:
        disk = None if is_remote(root) else refused(e, local_path(root))
        if disk is not None:
            raise disk from e
        said = " ".join(str(e).split())[:160] or type(e).__name__
        raise RegistryAway(
            f"The bundles of releases at {shown(root)} cannot be reached ({said}). Nothing was changed; try again.",
            f"无法访问存放发布模型包的 {shown(root)}（{said}）。未做任何更改；请稍后重试。",
        ) from e


def _absent(what: Words, root: str) -> RegistryError:
    return RegistryError(
        f"{what.en}: its bundle is not at {shown(root)}. On several hosts, MODELWRIGHT_BLOBS must name a place that all of them reach.",
        f"{what.zh}：{shown(root)} 中没有其模型包。多台主机共用时，MODELWRIGHT_BLOBS 须指向各主机都能访问的位置。",
    )


def _changed(what: Words, where: str, why: Words | None = None) -> RegistryError:
    en, zh = (f" {why.en}", why.zh) if why is not None else ("", "")
    return RegistryError(
        f"{what.en}: its bundle at {shown(where)} is not the one that was released, so it is not used.{en}",
        f"{what.zh}：{shown(where)} 中的模型包与发布时不一致，已拒绝使用。{zh}",
    )
