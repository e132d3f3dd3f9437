"""`modelwright keys`: who may ask the service what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, RunArg, grouped, opt
from modelwright.cli.output import print_json, w

Name = Annotated[str, typer.Argument(metavar="NAME", help=w("name of the key", "密钥名称"))]
KeyFile = Annotated[Path | None, opt("where the keys are kept", "密钥文件的位置")]

group = grouped(w("Make, list and revoke keys of the service.", "创建、列出与吊销服务密钥。"))


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(group, name="keys")


def _place(model: str, key_file: Path | None) -> tuple[Path, Path]:
    """Return the bundle and the file of its keys."""
    from modelwright.core.run import state_folder
    from modelwright.release.registry.find import find_bundle, state_of

    bundle = find_bundle(model)
    return bundle, key_file or (state_of(model) or state_folder(bundle)) / "keys.json"


def _print_new_key(name: str, text: str, json_: bool, **more: Any) -> None:
    if json_:
        print_json({"name": name, "key": text, **more})
    else:
        sys.stdout.write(text + "\n")
        sys.stderr.write(w("Shown once; only its hash is kept.\n", "只显示一次；仅保存其哈希。\n"))


@group.command("add", help=w("Make a key and show it once.", "创建密钥，只显示一次。"))
def add_(
    model: RunArg,
    name: Name,
    role: Annotated[
        str, opt("viewer, predictor, trainer or admin", "viewer、predictor、trainer 或 admin", metavar="ROLE")
    ] = "predictor",
    scope: Annotated[
        list[str] | None,
        opt(
            "release it is for, NAME or NAME/VERSION with *; all if not given",
            "适用的发布：名称 或 名称/版本，可用 *；默认全部",
            metavar="NAME",
        ),
    ] = None,
    expires: Annotated[str | None, opt("time until it ends, e.g. 90d", "有效期，如 90d", metavar="TIME")] = None,
    rows_per_minute: Annotated[int | None, opt("rows it may ask for in a minute", "每分钟行数配额")] = None,
    rows_per_day: Annotated[int | None, opt("rows it may ask for in a day", "每天行数配额")] = None,
    tenant: Annotated[
        str | None,
        opt(
            "tenant it is bound to; any that a request names if not given", "绑定的租户；默认由请求指定", metavar="NAME"
        ),
    ] = None,
    key_file: KeyFile = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.budget import parse_period
    from modelwright.privacy.ledger import record
    from modelwright.serve.keys import add_key

    bundle, place = _place(model, key_file)
    text = add_key(
        place,
        name,
        role=role,
        scopes=tuple(scope or ()),
        expires_in=parse_period(expires, "--expires") if expires else None,
        rows_per_minute=rows_per_minute,
        rows_per_day=rows_per_day,
        tenant=tenant,
        enter=lambda: record(bundle, "service key made", key=name, role=role),
    )
    _print_new_key(name, text, json_, role=role, **({"tenant": tenant} if tenant else {}))


@group.command("list", help=w("List keys, without their texts.", "列出密钥（不含内容）。"))
def list_(model: RunArg, key_file: KeyFile = None, json_: Json = False, lang: Lang = None) -> None:
    from modelwright.serve.keys import read_keys

    rows = [k.shown() for k in read_keys(_place(model, key_file)[1]).values()]
    if json_:
        print_json(rows)
        return
    for r in rows:
        quota = " ".join(f"{r[k]:,}/{u}" for k, u in (("rows_per_minute", "min"), ("rows_per_day", "d")) if r[k])
        ends = f"-> {r['expires']}" if r["expires"] else ""
        scopes = ",".join(r["scopes"]) or "*"
        bound = f"tenant {r['tenant']}" if r["tenant"] else ""
        sys.stdout.write(
            f"{r['name']:20} {r['role']:10} {r['state']:8} {scopes}  {quota} {bound} {ends}".rstrip() + "\n"
        )


@group.command(
    help=w(
        "Revoke a key; a running service follows within a second.",
        "吊销密钥；运行中的服务在一秒内生效。",
    )
)
def revoke(model: RunArg, name: Name, key_file: KeyFile = None, json_: Json = False, lang: Lang = None) -> None:
    from modelwright.privacy.ledger import record
    from modelwright.serve.keys import revoke_key

    bundle, place = _place(model, key_file)
    revoke_key(place, name, enter=lambda: record(bundle, "service key revoked", key=name))
    if json_:
        print_json({"name": name, "revoked": True})


@group.command(help=w("Give a key a new text.", "更换密钥内容。"))
def rotate(
    model: RunArg,
    name: Name,
    grace: Annotated[
        str | None, opt("how long the old text still opens, e.g. 1h", "旧内容的宽限时间，如 1h", metavar="TIME")
    ] = None,
    key_file: KeyFile = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.budget import parse_period
    from modelwright.privacy.ledger import record
    from modelwright.serve.keys import rotate_key

    bundle, place = _place(model, key_file)
    seconds = parse_period(grace, "--grace") if grace else 0.0
    text = rotate_key(place, name, seconds, lambda: record(bundle, "service key rotated", key=name))
    _print_new_key(name, text, json_)
