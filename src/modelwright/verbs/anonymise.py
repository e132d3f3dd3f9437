"""`modelwright anonymise IN OUT`: a copy without personal data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelwright.verbs._common import LANG, Header, Json, Lang, opt, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Write a copy without personal data: tables, JSON Lines, or a folder of pictures.",
            "写出不含个人数据的副本：表格、JSON Lines 或图片文件夹。",
        )
    )
    def anonymise(
        source: Annotated[
            str, typer.Argument(metavar="IN", help=w("file, folder or database URL", "文件、文件夹或数据库 URL"))
        ],
        out: Annotated[
            Path,
            typer.Argument(
                metavar="OUT",
                help=w(
                    "file to write (.csv .tsv .jsonl .parquet .xlsx), or folder",
                    "输出文件（.csv .tsv .jsonl .parquet .xlsx）或文件夹",
                ),
            ),
        ],
        private: Annotated[
            list[str] | None,
            typer.Option(
                metavar="ACTION[:NAME]",
                help=w(
                    "keep, placeholder, mask, generalise, pseudonym, surrogate or drop; for all, a type or a column",
                    "keep、placeholder、mask、generalise、pseudonym、surrogate 或 drop；对全部、某类型或某列",
                ),
            ),
        ] = None,
        key_file: Annotated[
            Path | None,
            opt(
                "key of the pseudonyms: the same key gives the same ones; made if absent",
                "假名密钥文件：同一密钥得到同样的假名；不存在则新建",
            ),
        ] = None,
        k: Annotated[
            int | None,
            typer.Option(
                "--k", help=w("rows that must share the values of --quasi", "--quasi 各列取值至少由多少行共享")
            ),
        ] = None,
        quasi: Annotated[
            str | None, opt("columns that tell a person together: age,zip,gender", "合起来能认出人的列：age,zip,gender")
        ] = None,
        recogniser: Annotated[list[str] | None, opt("another recogniser: presidio", "附加识别器：presidio")] = None,
        query: Annotated[str | None, opt("SQL query", "SQL 查询")] = None,
        table: Annotated[str | None, opt("SQL table", "SQL 表")] = None,
        sheet: Annotated[str | None, opt("Excel sheet", "Excel 工作表")] = None,
        header: Header = None,
        force: Annotated[bool, opt("replace an existing file", "覆盖已有文件")] = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.words import Words
        from modelwright.privacy import anonymise as making
        from modelwright.privacy.anonymity import parse_quasi
        from modelwright.privacy.files import clean_folder
        from modelwright.privacy.pseudonyms import Pseudonyms, key_from

        pseudonyms, made = None, False
        if key_file is not None:
            making.check_out(source, out, force)  # so that a refused copy leaves no key behind
            key, made = key_from(key_file)
            pseudonyms = Pseudonyms(key)
        said: list[Words] = []
        if Path(source).is_dir():
            result = clean_folder(Path(source), out, rules=private or [], pseudonyms=pseudonyms, force=force)
            facts, lines = result.to_json(), result.lines()
        else:
            copied = making.anonymise(
                source, out, rules=private or [], pseudonyms=pseudonyms, k=k, quasi=parse_quasi(quasi or ""),
                also=recogniser or [], force=force, query=query, table=table, sheet=sheet, header=header,
            )  # fmt: skip
            facts, lines = copied.to_json(), copied.redactor.lines()
            lines += [copied.anonymous.words] if copied.anonymous else []
            said.append(Words(f"{copied.rows:,} rows written to {out}", f"已写出 {copied.rows:,} 行：{out}"))
        if made:
            said.append(
                Words(
                    f"A new key was made: {key_file}. Keep it apart from the data.",
                    f"已生成新密钥：{key_file}。请与数据分开保存。",
                )
            )
        elif key_file is None:
            said.append(
                Words(
                    "No --key-file was named: pseudonyms agree within this copy only.",
                    "未指定 --key-file：假名只在本副本内一致。",
                )
            )
        for words in [*lines, *said]:
            sys.stderr.write(words.to(LANG) + "\n")
        if json_:
            print_json(facts)
