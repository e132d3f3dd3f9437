"""`modelwright consent`: what is held of a subject, its withdrawal and erasure, and limits of keeping."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault, grouped, opt, takes
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.words import counted

Subject = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT", help=w("whose rows; - reads it from standard input", "主体；- 表示从标准输入读取")
    ),
]
Runs = Annotated[Path, opt("folder of runs", "运行文件夹所在目录")]
Table = Annotated[Path | None, opt("table of consents", "同意记录表")]

group = grouped(w("Who agreed to what: show, withdraw, erase, expire.", "同意管理：查询、撤回、删除、到期。"))


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(group, name="consent")


def _subject(given: str) -> str:
    from modelwright.core.errors import OptionError

    subject = sys.stdin.readline().strip() if given == "-" else given.strip()
    if not subject:
        raise OptionError("Name the subject.", "请指明主体。")
    return subject


def _print(found: Any, json_: bool, **more: Any) -> None:
    if json_:
        print_json({**found.to_json(), **more})
        return
    for path, rows in found.files.items():
        sys.stdout.write(w(f"{path}: {counted(rows, 'row')}\n", f"{path}：{rows} 行\n"))
    for folder, rows in found.jobs.items():
        done = w(", the whole job was deleted", "，整个任务已删除") if more.get("erased") else w(", a job", "，任务")
        sys.stdout.write(w(f"{folder}: {counted(rows, 'row')}{done}\n", f"{folder}：{rows} 行{done}\n"))
    for run in found.trained:
        sys.stdout.write(w(f"{run}: trained on it\n", f"{run}：训练时使用过\n"))
    for run in found.tested:
        sys.stdout.write(w(f"{run}: tested on it, not trained\n", f"{run}：仅用于测试，未参与训练\n"))
    for place in found.swept:
        sys.stdout.write(w(f"{place}: an unfinished copy, removed\n", f"{place}：未完成的副本，已删除\n"))
    for place, why in found.unread:
        sys.stdout.write(w(f"{place}: not looked into: ", f"{place}：未能检查：") + why.to(LANG) + "\n")
    if not (found.files or found.jobs or found.trained or found.tested):
        sys.stdout.write(w("Nothing found.\n", "未找到任何内容。\n"))


def _ask_services(found: Any, runs: Path, subject: str, *, erase: bool) -> None:
    """Add what services hold of a subject: feedback, kept requests, files of jobs."""
    from modelwright.serve.feedback import erase as feedback
    from modelwright.serve.jobs import erase as jobs

    kept = feedback.forget(runs, subject, erase=erase)
    sent = jobs.forget(runs, subject, erase=erase)
    found.files |= kept.rows
    found.jobs |= sent.rows
    found.unread += list(dict.fromkeys([*kept.unread, *sent.unread]))  # both look into the same databases
    found.swept += sent.swept


def _ask_models(found: Any, runs: Path, subject: str, *, erase: bool) -> None:
    """Add what models hold of a subject by name: the events of a user in bundles that recommend."""
    from modelwright.release.forget import forget

    held = forget(runs, subject, erase=erase)
    found.trained += [run for run in held.runs if run not in found.trained]
    found.unread += held.unread


def _mark(runs: list[Path], why: str, counts: dict[Path, int] | None = None) -> None:
    from modelwright.privacy.subjects import mark_due

    for run in runs:
        mark_due(run, why, (counts or {}).get(run, 1))
        sys.stderr.write(w(f"{run} is now due for retraining.\n", f"{run} 已标记为需要重新训练。\n"))


@group.command(
    help=w("Let erasure know a data file and the column of its subjects.", "登记数据文件及其主体列，以便删除时查找。")
)
@takes("header", "delimiter", "encoding")
def register(
    data: Annotated[Path, typer.Argument(metavar="DATA", help=w("data file", "数据文件"))],
    subject: Annotated[str, opt("column of the subjects", "主体列", metavar="COLUMN")],
    time: Annotated[
        str | None, opt("column of dates, for --retain", "日期列（用于 --retain）", metavar="COLUMN")
    ] = None,
    retain: Annotated[
        str | None, opt("how long its rows may be kept, e.g. 90d", "保留期限，如 90d", metavar="TIME")
    ] = None,
    *,
    given: dict[str, Any],
    runs: Runs = Path("runs"),
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.budget import parse_period
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.errors import OptionError
    from modelwright.privacy.rowfiles import remove_rows
    from modelwright.privacy.subjects import register as know

    if (time is None) != (retain is None):
        raise OptionError("Retention needs both --time and --retain.", "保留期限需要同时给出 --time 和 --retain。")
    if retain is not None:
        parse_period(retain, "--retain")
    with unlocked(vault):
        for column in (subject, time):
            if column is not None:
                remove_rows(
                    data, column, lambda cell: False, look_only=True, reading=given
                )  # refuses what could not be erased later
    know(runs, data, subject, time=time, retain=retain, reading=given)
    if json_:
        print_json({"path": str(data), "subject": subject})


@group.command(help=w("Say where a subject is held; changes nothing.", "查询某主体的数据所在；不做改动。"))
def show(
    subject: Subject, runs: Runs = Path("runs"), vault: Vault = None, json_: Json = False, lang: Lang = None
) -> None:
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.keyref import own_key
    from modelwright.privacy.erasure import find

    with unlocked(vault):
        name = _subject(subject)
        found = find(runs, name, own_key())
        _ask_services(found, runs, name, erase=False)
        _ask_models(found, runs, name, erase=False)
    _print(found, json_)


@group.command(
    help=w(
        "Write a withdrawal into a table of consents; runs trained on the subject become due for retraining.",
        "在同意表中记录撤回；训练过该主体数据的运行将标记为需重训。",
    )
)
def withdraw(
    subject: Subject,
    consents: Annotated[Path, opt("table of consents", "同意记录表")],
    purpose: Annotated[
        str | None, opt("only this purpose; all if not given", "仅此目的；默认全部", metavar="NAME")
    ] = None,
    runs: Runs = Path("runs"),
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.keyref import own_key
    from modelwright.privacy import erasure
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.subjects import digest

    name, key = _subject(subject), own_key()
    ready(runs)
    with unlocked(vault):
        purposes = erasure.withdraw(consents, name, purpose)
    due = erasure.trained_for(runs, name, key, None if purpose is None else purposes)
    _mark(due, "withdrawn")
    record(runs, "consent withdrawn", subject=digest(key, name), purposes=len(purposes), due=len(due))
    if json_:
        print_json({"purposes": purposes, "due": [str(r) for r in due]})
    else:
        sys.stdout.write(w("withdrawn: ", "已撤回：") + ", ".join(purposes) + "\n")


@group.command(
    help=w(
        "Take a subject's rows out of registered data, feedback and kept requests, and delete jobs that hold it; runs trained on it become due for retraining.",
        "从已登记数据、反馈和留存请求中删除某主体的行，并删除含有它的任务；训练过它的运行将标记为需重训。",
    )
)
def erase(
    subject: Subject,
    consents: Table = None,
    pseudonyms: Annotated[Path | None, opt("store of pseudonyms to forget it in", "同时清除该主体的假名库")] = None,
    dry_run: Annotated[bool, opt("only say what would be done", "只显示将执行的操作")] = False,
    runs: Runs = Path("runs"),
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.keyref import own_key
    from modelwright.core.run import RunFolder
    from modelwright.pipeline.report.records import forget_quotes
    from modelwright.privacy import erasure
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.reversible import PseudonymStore
    from modelwright.privacy.subjects import digest

    name, key = _subject(subject), own_key()
    if not dry_run:
        ready(runs)
    with unlocked(vault):
        found = erasure.find(runs, name, key, erase=not dry_run)
        _ask_services(found, runs, name, erase=not dry_run)
        _ask_models(found, runs, name, erase=not dry_run)
        if consents is not None and not dry_run:
            erasure.withdraw(consents, name, None)
        if pseudonyms is not None and not dry_run:
            with PseudonymStore.open(pseudonyms) as store:
                store.forget(name)
    if not dry_run:
        _mark(found.trained, "erased")
        for run in (*found.trained, *found.tested):
            forget_quotes(RunFolder(run), LANG)  # a report may quote the subject's row
        record(
            runs,
            "subject erased",
            subject=digest(key, name),
            files=len(found.files),
            rows=sum(found.files.values()) + sum(found.jobs.values()),
            jobs=len(found.jobs) or None,
            due=[r.name for r in found.trained],
            unread=len(found.unread),
            swept=len(found.swept) or None,
        )
    _print(found, json_, erased=not dry_run)
    if found.unread:
        raise typer.Exit(2)


@group.command(
    help=w(
        "Find rows kept too long and consents that have ended; mark what was trained on them.",
        "查找超期保留的数据和已到期的同意，并标记相关运行。",
    )
)
def expire(
    delete: Annotated[bool, opt("take rows kept too long out of their files", "从文件中删除超期的行")] = False,
    runs: Runs = Path("runs"),
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.keyref import own_key
    from modelwright.privacy import erasure
    from modelwright.privacy.ledger import ready, record

    ready(runs)
    with unlocked(vault):
        old = erasure.expired(runs, delete=delete)
        ended = erasure.lapsed(runs, own_key())
    stale = erasure.trained_from(runs, list(old))
    _mark([r for r in ended if not erasure.is_due(r, "expired")], "expired", ended)
    _mark([r for r in stale if not erasure.is_due(r, "retention")], "retention", stale)
    record(runs, "retention checked", files=len(old), rows=sum(old.values()), deleted=delete, due=len({*ended, *stale}))
    if json_:
        print_json({"too_old": old, "deleted": delete, "due": sorted({str(r) for r in (*ended, *stale)})})
        return
    for path, rows in old.items():
        state = w("deleted", "已删除") if delete else w("kept too long", "超期保留")
        sys.stdout.write(f"{path}: {rows} {state}\n")
    if not old and not ended:
        sys.stdout.write(w("Nothing is kept too long.\n", "没有超期保留的内容。\n"))
