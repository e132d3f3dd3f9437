"""`modelwright audit`: show the ledger, check it, keep checkpoints of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, grouped, opt
from modelwright.cli.output import LANG, print_json, w

Ledger = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        envvar="MODELWRIGHT_LEDGER",
        show_envvar=False,
        help=w("the ledger; runs/ledger.jsonl if not given", "账本文件；默认 runs/ledger.jsonl"),
    ),
]
Key = Annotated[
    str | None,
    opt("key of the ledger, if not your own: file:PATH, env:NAME, keyring:NAME", "账本密钥（默认使用本人的）"),
]

group = grouped(w("Show and check the record of who did what.", "查看与校验操作记录。"))


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(group, name="audit")


def _place(ledger: Path | None) -> Path:
    from modelwright.privacy.ledger import place_of

    return ledger or place_of(None)


def _key(ref: str | None) -> Any:
    from modelwright.core.keyref import own_key, read_keys

    return read_keys(ref)[0] if ref else own_key()


@group.command(help=w("Print entries, the latest last.", "打印记录，最新的在最后。"))
def show(
    ledger: Ledger = None,
    last: Annotated[int, opt("how many", "条数")] = 20,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.privacy.audit import read_entries

    entries = read_entries(_place(ledger))[-last:]
    if json_:
        print_json(entries)
        return
    for e in entries:
        rest = {k: v for k, v in e.items() if k not in ("n", "v", "at", "who", "did", "prev", "mac")}
        facts = "  ".join(f"{k}={v}" for k, v in rest.items())
        sys.stdout.write(f"{e['n']:>5}  {e.get('at')}  {e.get('who')}  {e.get('did')}  {facts}\n")


@group.command(
    help=w(
        "Check that nothing was edited, removed, moved, cut or rewritten.", "校验记录未被改动、删除、调换、截断或重写。"
    )
)
def verify(
    ledger: Ledger = None,
    checkpoint: Annotated[Path | None, opt("file of checkpoints to hold against it", "用于比对的检查点文件")] = None,
    key: Key = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.privacy.audit import verify as check

    place = _place(ledger)
    problems, entries = check(place, _key(key), checkpoint)
    if json_:
        rows = [{"code": p.code, "line": p.line, "words": list(p.words)} for p in problems]
        print_json({"ledger": str(place), "entries": len(entries), "whole": not problems, "problems": rows})
    else:
        for p in problems:
            sys.stdout.write(f"{place}: {p.words.to(LANG)}\n")
        if not problems:
            held = w("", "") if checkpoint else w(" No checkpoint was held against it.", "（未与检查点比对）")
            sys.stdout.write(
                w(f"{place}: {len(entries)} entries, whole.{held}\n", f"{place}：{len(entries)} 条记录，完整。{held}\n")
            )
    if problems:
        raise typer.Exit(2)


@group.command(help=w("Keep the ledger's last state in a file elsewhere.", "把账本当前状态记入另一处的检查点文件。"))
def checkpoint(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=w("on another machine or medium", "放在另一台机器或介质上"))
    ],
    ledger: Ledger = None,
    key: Key = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.privacy.audit import checkpoint as keep

    point = keep(_place(ledger), _key(key), file)
    if json_:
        print_json(point)
    else:
        sys.stdout.write(w(f"entry {point['n']} kept in {file}\n", f"已将第 {point['n']} 条记入 {file}\n"))
