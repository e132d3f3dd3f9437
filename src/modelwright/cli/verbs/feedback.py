"""`modelwright feedback`: what is right for answers, from a file; and what was told so far."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault, opt
from modelwright.cli.output import LANG, print_json, w
from modelwright.cli.verbs._releases import Db
from modelwright.core.words import counted

Model = Annotated[
    str, typer.Argument(metavar="NAME|RUN", help=w("name of releases, run or bundle", "发布名称、运行或模型包"))
]
KeyFile = Annotated[Path | None, opt("key file of the service, where it was named", "服务的密钥文件（若曾指定）")]
_SHOWN = 20  # refused rows that are printed


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Read feedback on answers from a file: a column `id` or the rows themselves, and `answer`, `thumb` or `outcome`.",
            "从文件导入反馈：含 `id` 列或完整的行，以及 `answer`、`thumb` 或 `outcome`；不给文件则显示统计。",
        )
    )
    def feedback(
        model: Model,
        data: Annotated[
            str | None,
            typer.Argument(
                metavar="FILE",
                help=w(
                    "CSV, JSON Lines, Parquet; counts are shown if not given",
                    "CSV、JSON Lines 或 Parquet；省略则显示统计",
                ),
            ),
        ] = None,
        answer: Annotated[str | None, opt("column with the right answer", "正确答案所在列", metavar="COLUMN")] = None,
        by: Annotated[str, opt("who tells it", "反馈者名称", metavar="NAME")] = "file",
        new: Annotated[bool, opt("take labels that the model does not know", "接受模型未知的新标签")] = False,
        replace: Annotated[bool, opt("change what was told before", "覆盖此前的反馈")] = False,
        key_file: KeyFile = None,
        db: Db = None,
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked
        from modelwright.serve.feedback.place import opened
        from modelwright.serve.feedback.store import Feedback

        with unlocked(vault):
            predictor, home = opened(model, db, key_file)
            store = Feedback(home.url, home.name)
            if data is None:
                _counts(store, json_)
                return
            found = _take(data, predictor, home, store, answer, by, new, replace)
        if json_:
            print_json(found.to_json())
        else:
            print_taken(found)
        if found.refused:
            raise typer.Exit(2)


def _take(
    data: str, predictor: Any, home: Any, store: Any, answer: str | None, by: str, new: bool, replace: bool
) -> Any:
    from modelwright.core.errors import DataError
    from modelwright.core.schema import Schema
    from modelwright.data.series import gathered, layouts_of
    from modelwright.data.sources import batches
    from modelwright.serve.feedback.bulk import Columns, check_teller, take
    from modelwright.serve.feedback.place import ids_of

    by = check_teller(by)
    misfits: list[Any] = []
    layouts = layouts_of(Schema((predictor.schema.target,) if predictor.schema.target else ()))  # of answers alone
    parts = (gathered(part, layouts) for part in batches(data, misfits=misfits))
    first = next(parts, None)
    if first is None or (not first.num_rows and not misfits):
        raise DataError(f"{data} holds no rows.", f"{data} 没有数据行。")
    names = first.column_names
    target = predictor.schema.target
    columns = Columns.of(names, target.name if target else predictor.card.get("target"), answer)

    def rows() -> Any:
        yield from first.to_pylist()
        for part in parts:
            yield from part.to_pylist()

    return take(
        rows(), columns, predictor, ids_of(predictor, home), store, by, new=new, replacing=replace, misfits=misfits
    )


def print_taken(found: Any) -> None:
    """Print what became of a file's rows."""
    sys.stdout.write(
        w(
            f"{found.taken} taken, {found.same} told before, {found.replaced} replaced, {len(found.refused)} refused of {counted(found.rows, 'row')}.\n",
            f"共 {found.rows} 行：采纳 {found.taken}，此前已有 {found.same}，覆盖 {found.replaced}，拒绝 {len(found.refused)}。\n",
        )
    )
    for number, words in found.refused[:_SHOWN]:
        sys.stderr.write(w(f"row {number}: ", f"第 {number} 行：") + words.to(LANG) + "\n")
    more = len(found.refused) - _SHOWN
    if more > 0:
        sys.stderr.write(w(f"and {more} more; --json lists all.\n", f"另有 {more} 行；--json 列出全部。\n"))


def _counts(store: Any, json_: bool) -> None:
    counts = {version: c.to_json() for version, c in sorted(store.counts().items())}
    if json_:
        print_json({"versions": counts, "kept": store.count_kept()})
        return
    for version, c in counts.items():
        name = w(f"version {version}", f"版本 {version}") if version else w("rows without an id", "无 id 的行")
        sys.stdout.write(
            w(
                f"{name}: {c['right']} right, {c['wrong']} wrong of {c['answers']} answers told, {c['thumbs_up']} up, {c['thumbs_down']} down, {c['outcomes']} outcomes, {c['new_labels']} with a new label\n",
                f"{name}：反馈答案 {c['answers']} 条（正确 {c['right']}，错误 {c['wrong']}），赞 {c['thumbs_up']}，踩 {c['thumbs_down']}，结果 {c['outcomes']}，新标签 {c['new_labels']}\n",
            )
        )
    if not counts:
        sys.stdout.write(w("Nothing was told yet.\n", "尚无反馈。\n"))
    sys.stdout.write(w(f"{store.count_kept()} requests are kept.\n", f"留存请求 {store.count_kept()} 条。\n"))
