"""`modelwright vault`: keys, and data encrypted at rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, grouped, opt
from modelwright.cli.output import LANG, print_json, say, w
from modelwright.core.words import Words

_KEY_HELP = ("key: file:PATH, env:NAME or keyring:NAME", "密钥：file:路径、env:变量名 或 keyring:名称")
KeyArg = Annotated[str, typer.Argument(metavar="KEY", help=w(*_KEY_HELP))]
Vault = Annotated[
    str | None, typer.Option("--vault", envvar="MODELWRIGHT_VAULT", show_envvar=False, help=w(*_KEY_HELP))
]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help=w("files or folders", "文件或文件夹"))]
Force = Annotated[bool, opt("replace existing files", "覆盖已有文件")]

group = grouped(w("Encrypt data at rest, and look after its keys.", "静态数据加密与密钥管理。"))


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(group, name="vault")


def _keys(ref: str | None) -> list[Any]:
    from modelwright.core.errors import OptionError
    from modelwright.core.keyref import read_keys

    if not ref:
        raise OptionError(
            "Name the key with --vault, or in the environment variable MODELWRIGHT_VAULT.",
            "请用 --vault 或环境变量 MODELWRIGHT_VAULT 指定密钥。",
        )
    return read_keys(ref)


def _sweep(paths: list[Path]) -> None:
    """Remove what an encryption, decryption or rotation that was killed left half-written there, and say so."""
    from modelwright.privacy.vault import sweep_places

    for path in sweep_places(paths):
        say(Words(f"{path}: an unfinished copy, removed.", f"{path}：未完成的副本，已删除。"))


@group.command(help=w("Make a new key.", "生成新密钥。"))
def init(key: KeyArg, json_: Json = False, lang: Lang = None) -> None:
    from modelwright.core.keyref import Key, write_keys
    from modelwright.privacy.ledger import ready, record

    ready()
    made = Key.new()
    if key.startswith("env:"):
        name = key.partition(":")[2]
        say(
            Words(
                f"Set the variable yourself; this is shown once: {name}={made.text()}",
                f"请自行设置变量，以下内容只显示一次：{name}={made.text()}",
            )
        )
    else:
        write_keys(key, [made], new=True)
        say(
            Words(
                f"Key {made.id} made at {key}. Keep a copy elsewhere: without it, what it encrypts is lost.",
                f"已在 {key} 生成密钥 {made.id}。请另存备份：丢失密钥后，加密内容无法恢复。",
            )
        )
    record(None, "key made", key=made.id)
    if json_:
        print_json({"key": made.id})


@group.command(
    help=w("Encrypt files, and all files in folders, as NAME.mwv.", "加密文件及文件夹内所有文件，输出 文件名.mwv。")
)
def encrypt(
    paths: Paths,
    vault: Vault = None,
    remove: Annotated[
        bool, opt("delete each plain file once the encrypted one was read back", "读回校验后删除明文文件")
    ] = False,
    force: Force = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.stored_data import sealed_at
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.vault import encrypt_file, files_below

    key = _keys(vault)[0]
    ready()
    _sweep(paths)
    made, size = [], 0
    for path in files_below(paths, sealed=False):
        size += encrypt_file(path, sealed_at(path), key, force=force, remove=remove)
        made.append(str(sealed_at(path)))
    record(None, "encrypted", key=key.id, files=len(made), bytes=size, removed=remove)
    say(Words(f"Encrypted under key {key.id}: {len(made)}.", f"已用密钥 {key.id} 加密 {len(made)} 个文件。"))
    if made and not remove:
        say(
            Words(
                "The plain files still stand; delete them, or use --remove.",
                "明文文件仍在；请自行删除，或使用 --remove。",
            )
        )
    if json_:
        print_json({"files": made, "bytes": size, "key": key.id})


@group.command(help=w("Decrypt files, and all encrypted files in folders.", "解密文件及文件夹内所有加密文件。"))
def decrypt(
    paths: Paths,
    vault: Vault = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=w("file or folder to write", "输出文件或文件夹"))
    ] = None,
    force: Force = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.errors import VaultError
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.vault import decrypt_file, files_below, plain_name

    keys = _keys(vault)
    found = files_below(paths, sealed=True)
    if not found:
        raise VaultError("No encrypted file there.", "其中没有加密文件。")
    ready()
    _sweep(paths)
    single = len(found) == 1 and paths[0].is_file() and out is not None and not out.is_dir()
    made, size = [], 0
    for path in found:
        target = plain_name(path)
        if single and out is not None:
            target = out
        elif out is not None:
            base = next((p for p in paths if p.is_dir() and path.is_relative_to(p)), path.parent)
            target = out / target.relative_to(base)
        size += decrypt_file(path, target, keys, force=force)
        made.append(str(target))
    record(None, "decrypted", key=keys[0].id, files=len(made), bytes=size)
    say(Words(f"Decrypted: {len(made)}.", f"已解密 {len(made)} 个文件。"))
    if json_:
        print_json({"files": made, "bytes": size})


@group.command(
    help=w(
        "Put files under a new key: only their headers are rewritten, or all of them with --deep.",
        "为文件更换密钥：只改写文件头；加 --deep 则重新加密全部内容。",
    )
)
def rotate(
    paths: Paths,
    vault: Vault = None,
    new: Annotated[
        str | None,
        opt("where the new key stands; made in the old one's place if not given", "新密钥所在；默认在原处生成"),
    ] = None,
    deep: Annotated[bool, opt("encrypt the data anew", "重新加密数据内容")] = False,
    forget: Annotated[bool, opt("drop the old keys afterwards", "完成后丢弃旧密钥")] = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.errors import OptionError
    from modelwright.core.keyref import Key, read_keys, write_keys
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.vault import files_below, reencrypt, rewrap

    keys = _keys(vault)
    if new is not None and forget:
        raise OptionError(
            "--forget goes with a new key in the old one's place; with --new, remove the old key yourself.",
            "--forget 只用于在原处更换密钥；使用 --new 时请自行删除旧密钥。",
        )
    found = files_below(paths, sealed=True)
    ready()
    _sweep(paths)
    if new is None:
        key = Key.new()
        write_keys(str(vault), [key, *keys])
    else:
        key = read_keys(new)[0]
    done = 0
    for path in found:
        if deep:
            reencrypt(path, keys, key)
            done += 1
        else:
            done += rewrap(path, keys, key)
    rows = _reseal(paths, keys, key)
    if forget:
        write_keys(str(vault), [key])
    record(None, "key rotated", old=keys[0].id, new=key.id, files=done, deep=deep, forgotten=forget)
    say(Words(f"Now under key {key.id}: {done}.", f"{done} 个文件已改用密钥 {key.id}。"))
    if rows:
        say(Words(f"Rows that services keep, too: {rows}.", f"服务留存的 {rows} 行记录也已改用新密钥。"))
    if json_:
        print_json({"files": done, "rows": rows, "old": keys[0].id, "new": key.id, "deep": deep})


def _reseal(paths: list[Path], keys: list[Any], key: Any) -> int:
    """Put what services keep under the new key; where there is none, nothing of databases is imported."""
    from modelwright.serve.feedback.erase import databases

    found = dict.fromkeys(url for path in paths if path.is_dir() for url in databases(path))
    if not found:
        return 0
    from modelwright.serve.feedback.reseal import reseal

    return sum(reseal(url, keys, key) for url in found)


@group.command(
    help=w(
        "Say which files are encrypted, under which key, and whether they open.",
        "查看文件的加密状态、密钥以及能否打开。",
    )
)
def status(
    paths: Paths,
    vault: Vault = None,
    deep: Annotated[bool, opt("read every file to its end", "完整读取每个文件")] = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.keyref import read_keys
    from modelwright.privacy.vault import files_below
    from modelwright.privacy.vault import status as look

    keys = read_keys(vault) if vault else []
    found = [look(p, keys, deep=deep) for p in files_below(paths)]
    broken = [s for s in found if s.problem is not None]
    if json_:
        rows = [
            {
                "path": str(s.path), "encrypted": s.sealed, "keys": list(s.key_ids), "bytes": s.size,
                "problem": s.problem.words.en if s.problem else None,
            }
            for s in found
        ]  # fmt: skip
        print_json({"keys": [k.id for k in keys], "files": rows})
    else:
        for s in found:
            state = w("encrypted", "已加密") if s.sealed else w("plain", "明文")
            why = s.problem.words.to(LANG) if s.problem else f"{s.size:,} B"
            sys.stdout.write(f"{state:10} {','.join(s.key_ids) or '-':18} {s.path}  {why}\n")
        sealed = sum(s.sealed for s in found)
        say(
            Words(
                f"{sealed} encrypted, {len(found) - sealed} plain.",
                f"{sealed} 个已加密，{len(found) - sealed} 个明文。",
            )
        )
    if broken and keys:
        raise typer.Exit(2)
