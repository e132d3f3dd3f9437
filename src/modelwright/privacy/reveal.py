"""Pseudonyms that are remembered in the vault, and copies in which they are turned back.

`modelwright anonymise --remember STORE` keeps each value with its pseudonym in one encrypted file; `--reveal STORE` writes a
copy in which the pseudonyms that the store knows are the originals again. Surrogates and masks do not lead back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.words import Words, counted
from modelwright.data.json_text import json_rows
from modelwright.data.records import Misfit
from modelwright.data.sources import batches
from modelwright.data.write import TableWriter, flat
from modelwright.privacy.anonymise import OUT_FORMATS, check_out, nested, stand_empty
from modelwright.privacy.catalogue import TYPES
from modelwright.privacy.nested_columns import changed, is_nested
from modelwright.privacy.pseudonyms import Remember
from modelwright.privacy.redact import in_batches
from modelwright.privacy.reversible import PseudonymStore

# what `Pseudonyms.of` makes: the type and 80 bits in base 32. Nothing divides it from letters beside it, or from the next one,
# where Han text had nothing between two values
PSEUDONYM = re.compile(
    rf"(?:{'|'.join(sorted((t.replace('-', '_') for t in TYPES), key=len, reverse=True))})_[a-z2-7]{{16}}"
)


@dataclass
class Revealed:
    """What came of turning back: rows written, pseudonyms turned back, and those that the store does not know."""

    out: Path
    source: str = ""
    rows: int = 0
    revealed: int = 0
    unknown: int = 0
    unread: list[Misfit] = field(default_factory=list)  # rows that could not be read and stand empty

    def lines(self) -> list[Words]:
        """Say it."""
        out = [
            Words(
                f"{counted(self.revealed, 'pseudonym')} turned back; {counted(self.rows, 'row')} written to {self.out}",
                f"已还原 {self.revealed:,} 个假名；已写出 {self.rows:,} 行：{self.out}",
            )
        ]
        if self.unknown:
            out.append(
                Words(
                    f"{counted(self.unknown, 'pseudonym')} not in the store: kept as they are",
                    f"{self.unknown:,} 个假名不在该库中，保持不变",
                )
            )
        return [*stand_empty(self.source, self.unread), *out]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; no value is in it."""
        return {
            "out": str(self.out),
            "rows": self.rows,
            "revealed": self.revealed,
            "unknown": self.unknown,
            "unread": len(self.unread),
        }


def remember_in(store: PseudonymStore) -> Remember:
    """Return what tells a store each value with its pseudonym; of several spellings the first is kept, surrogates are not."""

    def remember(kind: str, original: str, made: str) -> None:
        if PSEUDONYM.fullmatch(made) and store.reveal(made) is None:
            store.remember(original, made)

    return remember


def reveal(source: str, out: Path, store: PseudonymStore, *, force: bool = False, **reading: Any) -> Revealed:
    """Write a copy of a table in which the pseudonyms that `store` knows are the originals again.

    Raises OptionError where the copy exists (unless `force`), DataError for folders and what cannot be read.
    """
    check_out(source, out, force)
    if Path(source).is_dir():
        raise DataError(
            f"Expected a table or JSON Lines, received the folder {source}: pseudonyms in files are not turned back.",
            f"应为表格或 JSON Lines，收到的是文件夹 {source}：文件中的假名不能还原。",
        )
    done = Revealed(out, source)

    def turned(found: re.Match[str]) -> str:
        original = store.reveal(found.group())
        done.revealed += original is not None
        done.unknown += original is None
        return found.group() if original is None else original

    def back(text: str) -> str:
        return PSEUDONYM.sub(turned, text)

    with TableWriter(out, OUT_FORMATS) as writer:
        if nested(source, out):
            for block in in_batches(json_rows(Path(source), misfits=done.unread)):
                writer.write_rows([_walked(row, back) for row in block])
                done.rows += len(block)
            return done
        for table in batches(source, misfits=done.unread, **reading):
            columns = {n: _column(table.column(i), back) for i, n in enumerate(table.column_names)}
            if writer.suffix == ".xlsx" or writer.suffix in (".csv", ".tsv"):
                columns = {n: flat(c, writer.suffix) for n, c in columns.items()}
            writer.write_table(pa.table(columns))
            done.rows += len(table)
    return done


def _column(values: Any, back: Callable[[str], str]) -> Any:
    if is_nested(values.type):
        return changed("", values, lambda _, part: _column(part, back))
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values
    return pa.array([c if c is None else back(c) for c in values.to_pylist()], values.type)


def _walked(value: Any, back: Callable[[str], str]) -> Any:
    """Return a JSON value in which all texts are turned back, those that are keys too."""
    if isinstance(value, str):
        return back(value)
    if isinstance(value, dict):
        return {back(k): _walked(v, back) for k, v in value.items()}
    return [_walked(v, back) for v in value] if isinstance(value, list) else value
