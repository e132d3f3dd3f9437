"""What the verbs of releases share: options, and how releases and changes are printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.output import LANG, print_json, say, w
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.release.registry.findings import Findings
    from modelwright.release.registry.store import Change, Registry, Release
    from modelwright.release.registry.traffic import Traffic

Name = Annotated[str, typer.Argument(metavar="NAME", help=w("name of the releases", "发布名称"))]
Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="MODELWRIGHT_DB",
        show_envvar=False,
        metavar="FILE|URL",
        help=w(
            "the registry: a SQLite file or postgresql://USER@HOST/NAME; runs/releases/registry.db if not given",
            "模型登记：SQLite 文件或 postgresql://用户@主机/库名；默认 runs/releases/registry.db",
        ),
    ),
]
Blobs = Annotated[
    str | None,
    typer.Option(
        "--blobs",
        envvar="MODELWRIGHT_BLOBS",
        show_envvar=False,
        metavar="FOLDER|URL",
        help=w(
            "where bundles are put: a folder, or s3://, gs://, oss:// and the like; beside the registry if not given",
            "存放模型包的位置：文件夹，或 s3://、gs://、oss:// 等；默认在登记文件旁",
        ),
    ),
]


def registry_at(db: str | None, blobs: str | None = None) -> Registry:
    """Return the registry that was asked for."""
    from modelwright.release.registry.store import Registry

    return Registry(db, blobs)


def beside_champion(registry: Registry, made: Release) -> list[Words]:
    """Return what differs between a release and the champion of its name."""
    from modelwright.release.registry.record import told_differences

    champion = next((r for r in registry.releases(made.name) if "champion" in r.aliases), made)
    return told_differences(champion.facts, made.facts)


def print_change(change: Change, json_: bool) -> None:
    """Print what a promotion or a rollback did."""
    r, before = change.release, change.before
    if json_:
        notes = [list(n) for n in change.notes]
        more = {"name": r.name, "version": r.version, "alias": change.alias, "changed": change.changed, "notes": notes}
        print_json({**more, "before": before.version if before else None, "release": r.to_json()})
        return
    if not change.changed:
        words = Words(
            f"{r.name} {r.version} is its {change.alias} already.", f"{r.name} {r.version} 已是 {change.alias}。"
        )
    elif before is None:
        words = Words(f"{r.name} {r.version} is its {change.alias} now.", f"{r.name} {r.version} 现为 {change.alias}。")
    else:
        words = Words(
            f"{r.name} {r.version} is its {change.alias} now, in place of {before.version}.",
            f"{r.name} {r.version} 现为 {change.alias}，取代版本 {before.version}。",
        )
    sys.stdout.write(words.to(LANG) + "\n")
    say_notes(change.notes, r)


def print_canary(change: Change, made: Traffic, json_: bool) -> None:
    """Print which version answers beside the champion from now on, and how it is taken back."""
    r = change.release
    if json_:
        print_json({**made.to_json(), "notes": [list(n) for n in change.notes], "release": r.to_json()})
        return
    words = Words(
        f"{r.name} {r.version} is on trial beside {made.before} now: {made.words.en}; limits: {made.limits.words.en}.",
        f"{r.name} {r.version} 与版本 {made.before} 并行试运行：{made.words.zh}；限制：{made.limits.words.zh}。",
    )
    sys.stdout.write(words.to(LANG) + "\n")
    say_notes(change.notes, r)
    how = Words(
        f"To end it: modelwright rollback {r.name} --canary; to let it answer everything: modelwright promote {r.name} {r.version}",
        f"结束试运行：modelwright rollback {r.name} --canary；由其全部作答：modelwright promote {r.name} {r.version}",
    )
    say(how)


def print_end(change: Change, json_: bool) -> None:
    """Print that a canary or shadow answers no more."""
    r, gone = change.release, change.before
    if json_:
        print_json({"name": r.name, "version": r.version, "ended": gone.version if gone else None})
        return
    words = Words(
        f"{gone.version if gone else '?'} answers no more; {r.name} {r.version} answers everything.",
        f"版本 {gone.version if gone else '?'} 不再作答；{r.name} {r.version} 全部作答。",
    )
    sys.stdout.write(words.to(LANG) + "\n")


def more_of(trial: Traffic | None, back: dict[str, Any] | None, found: Findings | None) -> list[str]:
    """Return what a list of releases says besides: that a version is on trial, when and why it went back, and what was found."""
    parts = [trial.words.to(LANG)] if trial else []
    if back is not None:
        by_itself = back["did"] == "automatic rollback"
        en, zh = ("taken back automatically", "已自动回退") if by_itself else ("taken back", "已回退")
        why = Words(f": {back['reason']}", f"：{back['reason']}") if back["reason"] else Words("", "")
        parts.append(Words(f"{en} {back['at']}{why.en}", f"{zh} {back['at']}{why.zh}").to(LANG))
    if found is not None and (trial or back):
        parts.append(found.words.to(LANG))
    return [p for p in parts if p]


def say_notes(notes: Any, release: Release) -> None:
    """Say what differs from the champion."""
    for note in notes:
        words = Words(
            f"Compared with the champion so far, {release.name} {release.version} differs: {note.en}.",
            f"与此前的 champion 相比，{release.name} {release.version} 有所不同：{note.zh}。",
        )
        say(words)


def say_next(release: Release) -> None:
    """Say how a release is used."""
    if "champion" in release.aliases:
        words = Words(
            f"It is the champion of this name: modelwright predict {release.name} DATA",
            f"它是该名称的 champion：modelwright predict {release.name} DATA",
        )
    else:
        words = Words(
            f"It answers once it is promoted: modelwright promote {release.name} {release.version}",
            f"提升后即开始作答：modelwright promote {release.name} {release.version}",
        )
    say(words)


def line_of(release: Release) -> str:
    """Return a release in one line: name, version, aliases, score, gate, when, by whom, and the reason given."""
    score = next(iter(release.facts.get("scores") or []), None)
    title = Words(*score["title"]).to(LANG) if score and "title" in score else (score or {}).get("name", "")
    value = f"{title} {score['value']:.3f}" if score and isinstance(score.get("value"), float) else ""
    gate = {
        True: Words("gate met", "达到门槛"), False: Words("gate not met", "未达门槛"), None: Words("no gate", "未设门槛")
    }[release.gate_met].to(LANG)  # fmt: skip
    spite = Words(f"in spite: {release.in_spite}", f"仍发布：{release.in_spite}").to(LANG) if release.in_spite else ""
    engine = (release.facts.get("engine") or {}).get("engine", "own")
    with_it = "" if engine == "own" else Words(f"engine {engine}", f"引擎 {engine}").to(LANG)
    parts = [
        f"{release.name} {release.version}",
        ",".join(release.aliases) or "-",
        value,
        gate,
        with_it,
        release.released_at,
    ]
    return "  ".join(p for p in [*parts, release.released_by, spite] if p)
