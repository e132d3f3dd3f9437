"""Exporting a model to one of the formats in `release/formats/`: what is asked for, where it goes, and that nothing is lost there."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

from modelwright.core.errors import MissingExtra, ModelwrightError, OptionError
from modelwright.core.extras import need
from modelwright.core.registry import load_file, names_in
from modelwright.core.run import slug, whole_folder
from modelwright.core.words import Words
from modelwright.privacy.ledger import model_id, ready, record
from modelwright.release.bundle import load
from modelwright.release.candidates import offer, pick, run_of
from modelwright.release.formats.base import Packed, packed_name
from modelwright.release.formats.shared.secrets import FOLDER as SECRETS
from modelwright.release.registry import find
from modelwright.release.registry.find import find_bundle

PACKAGE = "modelwright.release.formats"
_EXTRA = {"onnx": "export", "mlflow": "mlflow"}
_MARKS = {"onnx": "ensemble.json"}  # a file by which an export that may be replaced without asking is known


def formats() -> tuple[str, ...]:
    """Return the names of the formats."""
    return names_in(PACKAGE)


def export_model(
    model: str, to: str, out: Path | None = None, candidate: str | None = None, *, replace: bool = False
) -> Path:
    """Export a bundle, a release, or a candidate of a run; return the folder.

    Raises OptionError for an unknown format or candidate, or where something stands at that place that is not to be
    replaced; ModelwrightError where the model cannot be exported, MissingExtra.
    """
    form: ModuleType = load_file(PACKAGE, to, Words("export format", "导出格式"))
    if to in _EXTRA:
        need(_EXTRA[to], f"modelwright export --to {to}")
    bundle = find_bundle(model)
    ready(bundle)
    place = out or export_place(model, bundle, to)
    _check_free(place, to, replace)
    chosen = pick(bundle, load(bundle), candidate)
    released = find.release_of(model)
    packed = Packed(
        predictor=chosen,
        bundle=bundle if candidate is None else None,
        name=packed_name(model, bundle),
        in_spite=released.in_spite if released else None,
        folder_name=place.name,
    )
    try:
        with whole_folder(place) as part:
            if (place / SECRETS).is_dir():  # a database made with a password goes on with it
                shutil.copytree(place / SECRETS, part / SECRETS)
            form.write(packed, part)
    except MissingExtra:
        raise
    except ModelwrightError as e:
        run = run_of(bundle)
        if to != "onnx" or candidate is not None or run is None or not chosen.target.link:
            raise
        raise offer(run, e.words) from e
    record(bundle, "export", model=model_id(bundle), to=to, candidate=candidate or "")
    return place


def export_place(model: str, bundle: Path, to: str) -> Path:
    """Return where an export goes that no folder was named for: beside the bundle; of a release, into the working folder."""
    if any(p.exists() for p in (Path(model), Path("runs") / model)):
        return bundle.parent / to
    return Path(f"{slug(model)}-{to}")


def _check_free(place: Path, to: str, replace: bool) -> None:
    """Refuse to take the place of what stands there, unless that was asked for or it is an export of this kind. Raises OptionError."""
    mark = _MARKS.get(to)
    if replace or not place.exists() or (mark is not None and (place / mark).is_file()):
        return
    if place.is_dir() and not any(place.iterdir()):
        return
    raise OptionError(
        f"{place} is there already. Name another folder with --out, or replace it with --replace (its secrets stay).",
        f"{place} 已存在。请用 --out 指定其他文件夹，或用 --replace 替换（其中的密钥会保留）。",
    )
