"""`modelwright drift`: whether what comes in is still like the training data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault, opt, takes
from modelwright.cli.output import LANG, print_json, w
from modelwright.cli.verbs._releases import Db
from modelwright.core.option_groups.source import SOURCE_OPTIONS
from modelwright.core.words import counted

if TYPE_CHECKING:
    from modelwright.evaluate.drift.reference import Reference
    from modelwright.improve.drift.file import Compared
    from modelwright.serve.stores import Home

DRIFTED = 5  # the exit code where something drifted


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Say whether rows still look like the training data: those of a file, or those that a service answered. The exit code is 5 if they have drifted.",
            "检查数据是否仍与训练数据一致：给出文件则检查文件，否则检查服务已回答的数据。发生漂移时退出码为 5。",
        )
    )
    @takes(*(name for name in SOURCE_OPTIONS if name != "dates"))
    def drift(
        model: Annotated[
            str,
            typer.Argument(metavar="RUN|NAME", help=w("run, bundle, or name of releases", "运行、模型包或发布名称")),
        ],
        data: Annotated[str | None, typer.Argument(metavar="DATA", help=w("table to compare", "待比较的表格"))] = None,
        make_reference: Annotated[
            bool,
            opt("keep this table as the reference of a bundle that has none", "将此表格保存为没有参照的模型包的参照"),
        ] = False,
        key_file: Annotated[
            Path | None, opt("key file that the service was started with", "服务启动时所用的密钥文件")
        ] = None,
        db: Db = None,
        *,
        given: dict[str, Any],
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked
        from modelwright.core.errors import OptionError

        if make_reference and data is None:
            raise OptionError(
                "A reference is made from a table: modelwright drift NAME FILE --make-reference",
                "参照需要由表格生成：modelwright drift 名称 文件 --make-reference",
            )
        with unlocked(vault):
            home, bundle = _home_and_bundle(model, key_file, db)
            if data is None:
                drifted = _state(home, bundle, json_)
            elif make_reference:
                _make(home, bundle, data, given, json_)
                drifted = False
            else:
                drifted = _compare(home, bundle, data, given, json_)
        if drifted:
            raise typer.Exit(DRIFTED)


def _home_and_bundle(model: str, key_file: Path | None, db: str | None) -> tuple[Home, Path]:
    """Return the home of what is kept of a model's answers, and its bundle."""
    from modelwright.core.run import read_json, state_folder
    from modelwright.release.registry import find, places
    from modelwright.serve.stores import home_of_folder, home_of_release

    if find.state_of(model) is not None or (db and find.served_name(model, db)):
        from modelwright.cli.verbs._releases import registry_at

        registry = registry_at(db)
        name, _, which = model.partition("/")
        release = registry.get(name, which or "champion")
        state = key_file.absolute().parent if key_file else places.state_of(registry.url, name)
        return home_of_release(name, str(release.version), registry.url, state), registry.folder(release)
    folder = find.resolve(model).folder
    about = read_json(folder / "bundle.json")
    return home_of_folder(about["name"], about["version"], key_file or state_folder(folder) / "keys.json"), folder


def _reference(home: Home, held: dict[str, Any] | None, *, needed: bool = True) -> Reference | None:
    """Return the reference of a bundle, else the one that was made later. Raises OptionError where there is none."""
    from modelwright.core.errors import BundleError, OptionError
    from modelwright.evaluate.drift.reference import Reference
    from modelwright.release.registry.places import file_of

    try:
        if held is not None:
            return Reference.from_json(held)
        place = file_of(home.url)
        if place is None or place.is_file():
            from modelwright.improve.drift.store import DriftStore

            found = DriftStore(home.url, home.name).reference(home.version)
            if found is not None:
                return found
    except (KeyError, ValueError, TypeError) as e:
        raise BundleError(
            f"The reference of drift cannot be understood ({e}). Make another: modelwright drift NAME FILE --make-reference",
            f"无法解读漂移参照（{e}）。请重新生成：modelwright drift 名称 文件 --make-reference",
        ) from e
    if not needed:
        return None
    raise OptionError(
        "The bundle has no reference of its training data. Make one from a table that is like it: modelwright drift NAME FILE --make-reference",
        "模型包中没有训练数据的参照。请用与训练数据同类的表格生成：modelwright drift 名称 文件 --make-reference",
    )


def _make(home: Home, bundle: Path, data: str, reading: dict[str, Any], json_: bool) -> None:
    from modelwright.improve.drift.file import reference_from
    from modelwright.improve.drift.store import DriftStore
    from modelwright.privacy.ledger import model_id, record
    from modelwright.release.bundle import load

    reference = reference_from(load(bundle), data, **reading)
    store = DriftStore(home.url, home.name)
    store.keep_reference(home.version, reference)
    record(None, "drift reference", model=model_id(bundle), name=home.name, version=home.version, rows=reference.rows)
    if json_:
        print_json({"name": home.name, "version": home.version, "rows": reference.rows})
    else:
        sys.stdout.write(w(f"reference of {home.name} {home.version} made from {counted(reference.rows, 'row')}\n", f"已用 {reference.rows:,} 行生成 {home.name} {home.version} 的参照\n"))  # fmt: skip


def _compare(home: Home, bundle: Path, data: str, reading: dict[str, Any], json_: bool) -> bool:
    from modelwright.improve.drift.file import compare_file
    from modelwright.release.bundle import load

    predictor = load(bundle)
    reference = _reference(home, predictor.reference)
    assert reference is not None
    found = compare_file(predictor, reference, data, **reading)
    if json_:
        from modelwright.improve.drift.state import summary

        told = summary(found.verdicts, found.performance, found.labels)
        print_json({"rows": found.rows, "state": found.state, "shape": [s._asdict() for s in found.shape], **told})
    else:
        _say(found)
    return found.state == "drifted"


def _say(found: Compared) -> None:
    from modelwright.improve.drift.state import labels_words, performance_words

    out = [w(f"{counted(found.rows, 'row')}", f"{found.rows:,} 行")]
    out += [s.to(LANG) for s in found.shape]
    _write(out, found.verdicts)
    if found.performance is not None:
        sys.stdout.write(performance_words(found.performance).to(LANG) + "\n")
    told = labels_words(found.labels) if found.labels is not None else None
    if told is not None:
        sys.stdout.write(told.to(LANG) + "\n")


def _write(head: list[str], verdicts: list[Any]) -> None:
    """Print what was found, the columns that have drifted first, and what to do for each of them."""
    from modelwright.evaluate.drift.verdicts import advice
    from modelwright.improve.drift.wording import name_words, part_words, state_words

    lines = list(head)
    order = {"drifted": 0, "tiny": 1, "steady": 2}
    for v in sorted(verdicts, key=lambda v: (order[v.state], -v.effect)):
        name = name_words(v.name, v.role).to(LANG)
        note = f": {v.note.to(LANG)}" if v.note else ""
        lines.append(
            f"{state_words(v.state).to(LANG):<22}  {name}  ({part_words(v.figure.part).to(LANG)}, {v.test}, {v.effect:.0%}){note}"
        )
        if v.state == "drifted":
            lines.append(f"  {advice(v).to(LANG)}")
    sys.stdout.write("\n".join(lines) + "\n")


def _state(home: Home, bundle: Path, json_: bool) -> bool:
    """Print what the service saw; return whether anything has drifted."""
    from modelwright.core.run import read_json
    from modelwright.improve.drift.state import summary
    from modelwright.improve.drift.store import DriftStore
    from modelwright.release.bundle import DRIFT
    from modelwright.release.registry.places import file_of

    held = read_json(bundle / DRIFT) if (bundle / DRIFT).is_file() else None
    reference = _reference(home, held)
    assert reference is not None
    place = file_of(home.url)
    store = DriftStore(home.url, home.name)
    from modelwright.improve.drift.state import DriftState, labels_words, performance_words

    state = (
        DriftState.new(reference) if place is not None and not place.is_file() else store.state(home.version, reference)
    )
    verdicts, performance, labels = state.verdicts(), state.performance(), state.labels()
    if json_:
        told = summary(verdicts, performance, labels)
        print_json(
            {"name": home.name, "version": home.version, "rows": state.watch.rows, "skipped": state.skipped, **told}
        )
    else:
        rows = state.watch.rows
        _write([w(f"{home.name} {home.version}: {counted(rows, 'row')} looked at", f"{home.name} {home.version}：已检查 {rows:,} 行")], verdicts if rows else [])  # fmt: skip
        told_words = [performance_words(performance)] if performance is not None else []
        if labels is not None and (more := labels_words(labels)) is not None:
            told_words.append(more)
        for words in told_words:
            sys.stdout.write(words.to(LANG) + "\n")
    return any(v.state == "drifted" for v in verdicts)
