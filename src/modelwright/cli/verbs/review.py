"""`modelwright review`: kept requests out to Label Studio and its annotations back, and what more labels are worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Vault, opt
from modelwright.cli.output import LANG, print_json, w
from modelwright.cli.verbs._releases import Db
from modelwright.cli.verbs.feedback import KeyFile, Model


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Label kept requests in Label Studio: write tasks, read annotations, estimate what more labels are worth.",
            "用 Label Studio 标注留存的请求：导出任务、导入标注，并估计继续标注的价值。",
        )
    )
    def review(
        model: Model,
        out: Annotated[Path | None, opt("file of tasks to write", "导出任务的文件")] = None,
        read: Annotated[
            Path | None, opt("export of Label Studio to read (JSON)", "要导入的 Label Studio 导出文件（JSON）")
        ] = None,
        config: Annotated[bool, opt("print the labelling configuration", "输出标注配置")] = False,
        worth: Annotated[bool, opt("say what more labels are likely to bring", "估计继续标注的收益")] = False,
        order: Annotated[
            str,
            opt(
                "worth, uncertain, contested, newest or drifted",
                "worth、uncertain、contested、newest 或 drifted",
                metavar="NAME",
            ),
        ] = "worth",
        limit: Annotated[int, opt("tasks at most", "任务数上限")] = 200,
        new: Annotated[bool, opt("take labels that the model does not know", "接受模型未知的新标签")] = False,
        replace: Annotated[bool, opt("change what was told before", "覆盖此前的反馈")] = False,
        key_file: KeyFile = None,
        db: Db = None,
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked
        from modelwright.core.errors import OptionError
        from modelwright.improve import label_studio
        from modelwright.improve.review import agreements, items_kept, labels_worth
        from modelwright.serve.feedback.place import opened
        from modelwright.serve.feedback.store import Feedback

        if limit < 1:
            raise OptionError("--limit is at least 1.", "--limit 至少为 1。")
        with unlocked(vault):
            predictor, home = opened(model, db, key_file)
            store = Feedback(home.url, home.name)
            if config:
                sys.stdout.write(label_studio.config(predictor))
            elif worth:
                words = labels_worth(store, predictor)
                print_json({"words": words._asdict()}) if json_ else sys.stdout.write(words.to(LANG) + "\n")
            elif out is not None:
                made = label_studio.tasks(items_kept(store, predictor, order, "label-studio", limit), predictor)
                _write(out, made)
                said = w(f"{len(made)} tasks written to {out}.\n", f"已将 {len(made)} 个任务写入 {out}。\n")
                print_json({"tasks": len(made), "file": str(out)}) if json_ else sys.stdout.write(said)
            elif read is not None:
                _take_export(read, predictor, home, store, new, replace, json_)
            else:
                found = agreements(store.told(kinds=("answer",)), predictor.target)
                _print(found, store, json_)


def _write(out: Path, made: list[dict[str, Any]]) -> None:
    from modelwright.core.run import write_json

    write_json(out, made)


def _take_export(read: Path, predictor: Any, home: Any, store: Any, new: bool, replace: bool, json_: bool) -> None:
    from modelwright.cli.verbs.feedback import print_taken
    from modelwright.data.text import open_bytes
    from modelwright.improve import label_studio
    from modelwright.serve.feedback.bulk import Columns, take
    from modelwright.serve.feedback.place import ids_of

    with open_bytes(read) as file:
        found = label_studio.answers(file.read(), predictor)
    rows = [{**item.get("row", {}), "id": item.get("id"), "answer": item["answer"], "by": item["by"]} for item in found]
    columns = Columns("id", {"answer": "answer"})
    taken = take(
        rows,
        columns,
        predictor,
        ids_of(predictor, home),
        store,
        None,
        new=new,
        replacing=replace,
        source="label-studio",
    )
    print_json(taken.to_json()) if json_ else print_taken(taken)
    if taken.refused:
        raise typer.Exit(2)


def _print(found: list[Any], store: Any, json_: bool) -> None:
    if json_:
        print_json({"kept": store.count_kept(), "agreement": [a.__dict__ for a in found]})
        return
    sys.stdout.write(
        w(
            f"{store.count_kept()} requests are kept. Review them at /review of the service, or in Label Studio: --out tasks.json, then --read export.json.\n",
            f"留存请求 {store.count_kept()} 条。可在服务的 /review 页面审核，或用 Label Studio：先 --out tasks.json，再 --read export.json。\n",
        )
    )
    for a in found:
        kappa = "" if a.kappa is None else w(f", Cohen's kappa {a.kappa:.2f}", f"，Cohen's kappa {a.kappa:.2f}")
        sys.stdout.write(
            w(
                f"{a.first} and {a.second}: the same answer on {100 * a.share:.0f} % of {a.rows}{kappa}\n",
                f"{a.first} 与 {a.second}：共同标注 {a.rows} 条，{100 * a.share:.0f}% 相同{kappa}\n",
            )
        )
