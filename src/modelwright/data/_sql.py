"""Rows from a database through SQLAlchemy, in a stream. Needs the extra `sql`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError, MissingExtra, unknown
from modelwright.core.words import Words
from modelwright.data._shapes import EXACT
from modelwright.data.text import column


def sql_batches(url: str, query: str | None, table: str | None, rows: int) -> Iterator[pa.Table]:
    """Yield the rows of a query or a table. Raises DataError where the database, the table or the query fails."""
    try:
        import sqlalchemy as sa
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    except ImportError as e:
        raise MissingExtra("sql", "Reading a database", "读取数据库") from e
    if (query is None) == (table is None):
        raise DataError(
            "A database URL needs either --query SQL or --table NAME.",
            "数据库 URL 需要 --query SQL 或 --table 表名 之一。",
        )
    try:
        engine = sa.create_engine(url)
        shown = engine.url.render_as_string(hide_password=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as e:
        kind = url.split("://", 1)[0]
        raise DataError(
            f"No driver for databases of kind `{kind}` ({e}).", f"没有 `{kind}` 类数据库的驱动（{e}）。"
        ) from e
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
                yield pa.table({n: column([_plain(r[i]) for r in block]) for i, n in enumerate(heads)})
    except SQLAlchemyError as e:
        reason = str(getattr(e, "orig", None) or e).splitlines()[0]
        raise DataError(f"The database {shown} says: {reason}", f"数据库 {shown} 报告：{reason}") from e
    finally:
        engine.dispose()


def _plain(value: Any) -> Any:
    """Return a database value as one Arrow knows: decimals as numbers."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if abs(value) > EXACT and value == value.to_integral_value() else float(value)
    return value
