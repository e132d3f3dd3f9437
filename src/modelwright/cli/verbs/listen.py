"""`modelwright listen`: two voices compared blindly by ears, and what the answers say."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, Vault, grouped
from modelwright.cli.output import LANG, print_json, w

_VOICE = w("run folder or name of a voice", "声音的运行文件夹或名称")

group = grouped(w("Compare two voices in a blind listening test.", "用盲听测试比较两个声音。"))


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(group, name="listen")


@group.command(help=w("Write a page of pairs in hidden order.", "写出顺序隐藏的成对试听页面。"))
def make(
    first: Annotated[str, typer.Argument(metavar="RUN", help=_VOICE)],
    second: Annotated[str, typer.Argument(metavar="RUN", help=_VOICE)],
    texts: Annotated[
        Path, typer.Option("--texts", help=w("file of texts, one a line", "文本文件，每行一条"), metavar="FILE")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help=w("page to write (.html)", "要写出的页面（.html）"), metavar="FILE")
    ],
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.errors import DataError, OptionError
    from modelwright.improve.listening import make_page

    if out.suffix.lower() not in (".html", ".htm"):
        raise OptionError(
            f"Expected a page NAME.html for --out, received {out}.", f"--out 应为 名称.html，收到的是 {out}。"
        )
    try:
        lines = texts.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(
            f"Cannot read {texts} ({type(e).__name__}).", f"无法读取 {texts}（{type(e).__name__}）。"
        ) from e
    with unlocked(vault):
        made = make_page(first, second, lines, out, LANG)
    if json_:
        print_json(made)
        return
    gone = len(made["left_out"])
    sys.stderr.write(
        w(
            f"{made['pairs']} pairs in {made['page']}; which is whose stands in {made['key']}: keep that from those who listen.",
            f"{made['page']} 中有 {made['pairs']} 对；谁是谁记录在 {made['key']}：请勿交给听者。",
        )
        + (w(f" {gone} texts cannot be said by both.", f"有 {gone} 条文本无法由两个声音读出。") if gone else "")
        + "\n"
    )


@group.command(help=w("Say what the answers tell.", "说明答案的结论。"))
def tell(
    key: Annotated[
        Path, typer.Argument(metavar="KEY", help=w("NAME.key.json beside the page", "页面旁的 名称.key.json"))
    ],
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS...", help=w("files that the page saved", "页面保存的文件"))
    ],
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.improve.listening import tell as told
    from modelwright.improve.listening import words_of

    found = told(key, answers)
    if json_:
        print_json({"a": found[0]["a"], "b": found[0]["b"], **asdict(found[1]), "says": words_of(*found).to(LANG)})
    else:
        sys.stdout.write(words_of(*found).to(LANG) + "\n")
