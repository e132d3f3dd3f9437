"""Rows from a database through SQLAlchemy, in a stream. Needs the extra `sql`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError, MissingExtra, unknown
from modelwright.core.words import Words
from modelwright.data._remote import CACHES, schemes
from modelwright.data._shapes import EXACT
from modelwright.data.text import column


def sql_batches(url: str, query: str | None, table: str | None, rows: int) -> Iterator[pa.Table]:
    """Yield the rows of a query or a table. Raises DataError where the database, the table or the query fails."""
    if "::" in url.partition("://")[0] or re.search(r"::\w+://", url):
        raise DataError(
            f"`{url}` leads through a file system that is not read here; what may stand before `::` are {', '.join(sorted(CACHES))}. "
            "Unpack an archive first, or name the file itself.",
            f"`{url}` 经过了此处不支持的文件系统；`::` 前只能是 {'、'.join(sorted(CACHES))}。请先解压归档，或直接指定文件。",
        )
    try:
        import sqlalchemy as sa
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    except ImportError as e:
        raise MissingExtra("sql", "Reading a database", "读取数据库") from e
    kind = url.split("://", 1)[0]
    try:
        engine = sa.create_engine(url)
        shown = engine.url.render_as_string(hide_password=True)
    except ModuleNotFoundError as e:
        raise DataError(
            f"Reading {kind}:// needs a driver that is not installed (Python's module `{e.name}`): install one beside Modelwright.",
            f"读取 {kind}:// 需要尚未安装的驱动（Python 模块 `{e.name}`）：请将其与 Modelwright 一同安装。",
        ) from e
    except NoSuchModuleError as e:
        near = difflib.get_close_matches(kind, [*schemes(), "postgresql", "sqlite", "mysql", "oracle", "mssql"], 1, 0.7)
        files = ", ".join(schemes())
        hint = (f" Did you mean {near[0]}://?", f"是否指 {near[0]}://？") if near else ("", "")
        raise DataError(
            f"`{kind}://` is neither a store of files ({files}) nor a database that a driver is installed for.{hint[0]}",
            f"`{kind}://` 既不是文件存储（{files}），也不是已安装驱动的数据库。{hint[1]}",
        ) from e
    except (ArgumentError, ValueError) as e:
        raise DataError(f"The database URL cannot be read ({e}).", f"无法解析数据库 URL（{e}）。") from e
    if (query is None) == (table is None):
        raise DataError(
            "A database URL needs either --query SQL or --table NAME.",
            "数据库 URL 需要 --query SQL 或 --table 表名 之一。",
        )
    if engine.dialect.name == "sqlite" and engine.url.database and not Path(engine.url.database).is_file():
        raise DataError(
            f"There is no database file {engine.url.database}.", f"找不到数据库文件 {engine.url.database}。"
        )
    try:
        with engine.connect() as connection:
            statement: Any
            if table is not None:
                names = sa.inspect(connection).get_table_names() + sa.inspect(connection).get_view_names()
                if table not in names:
                    raise unknown(Words("table", "表"), table, names, DataError)
                statement = sa.select(
                    sa.table(table, *[sa.column(c["name"]) for c in sa.inspect(connection).get_columns(table)])
                )
            else:
                statement = sa.text(str(query))
            result = connection.execution_options(stream_results=True).execute(statement)
            heads = [str(k) for k in result.keys()]  # noqa: SIM118 - a result is no mapping
            while block := result.fetchmany(rows):
                yield pa.table({n: column([_arrow_value(r[i]) for r in block]) for i, n in enumerate(heads)})
    except SQLAlchemyError as e:
        reason = str(getattr(e, "orig", None) or e).splitlines()[0]
        raise DataError(f"The database {shown} says: {reason}", f"数据库 {shown} 报告：{reason}") from e
    finally:
        engine.dispose()


def _arrow_value(value: Any) -> Any:
    """Return a database value as one Arrow knows: decimals as numbers."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if abs(value) > EXACT and value == value.to_integral_value() else float(value)
    return value
