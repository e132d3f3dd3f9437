"""The verb `index`: give a model that searches other documents, without training it again."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, RunArg, opt, takes
from modelwright.cli.output import w
from modelwright.core.option_groups.source import SOURCE_OPTIONS


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w("Replace the documents that a search model searches.", "更换检索模型的文档库（无需重新训练）。"),
    )
    @takes(*(name for name in SOURCE_OPTIONS if name != "dates"))  # documents are texts
    def index(
        model: RunArg,
        data: Annotated[
            str, typer.Argument(metavar="DATA", help=w("file with one document a row", "每行一个文档的文件"))
        ],
        text: Annotated[str | None, opt("column of the documents", "文档所在的列", metavar="COLUMN")] = None,
        more: Annotated[bool, opt("keep the documents it has", "保留已有文档")] = False,
        *,
        given: dict[str, Any],
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        import json

        from modelwright.core.words import Words, pick_lang
        from modelwright.release.documents import index_documents

        done = index_documents(model, data, text, more=more, **given)
        if json_:
            sys.stdout.write(json.dumps(done, ensure_ascii=False) + "\n")
            return
        words = Words(
            f"{done['documents']:,} documents indexed ({done['added']:,} new); written to {done['bundle']}",
            f"已索引 {done['documents']:,} 个文档（新增 {done['added']:,} 个）；写入 {done['bundle']}",
        )
        sys.stderr.write(words.to(pick_lang(lang)) + "\n")
