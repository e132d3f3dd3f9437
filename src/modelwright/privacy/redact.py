"""Copies of data without personal data: tables in a stream, type by type as a policy says, consistently under one key.

First a sample of every column is looked at: a column that holds little but one type counts as that type whole, so that a
mistyped phone number goes with the others. Then the source is read again in batches and written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, count
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.privacy.catalogue import TYPES, get_type
from modelwright.privacy.detect import SURE, as_cells, by_share, find, find_cells, summary, whole_number
from modelwright.privacy.nested_columns import changed, is_nested, leaves, one_array
from modelwright.privacy.policy import ACTIONS, Policy
from modelwright.privacy.protect import BORN, NAMES, POSITION, WHOLE
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.recognisers.base import Match, speaks_of
from modelwright.privacy.replace import cell_without, replaced
from modelwright.privacy.shield import to_months

SAMPLE = 20_000  # rows that are looked at first
_WHOLE_NAMES = 0.8  # names are told less surely than numbers, so more of a column must be names


@dataclass(frozen=True)
class Plan:
    """What a column is (`whole` is the type that it holds, if one) and whether it is left out; `some` of its numbers may be private."""

    whole: str | None = None
    some: bool = False
    drop: bool = False
    position: bool = False
    born: bool = False


@dataclass
class Redactor:
    """Replaces what is private in columns and in single cells, and counts what it did: `done[column, type, action]`.

    `unread` are columns of bytes, which nothing is looked for in.
    """

    policy: Policy
    pseudonyms: Pseudonyms
    also: tuple[str, ...] = ()
    plans: dict[str, Plan] = field(default_factory=dict)
    done: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)

    def action(self, kind: str, column: str) -> str:
        """Return what is done with a type in a column."""
        return self.policy.action(get_type(kind), column, get_type(kind).anonymise)

    def plan(self, name: str, values: pa.ChunkedArray | pa.Array) -> Plan:
        """Look at a sample of a column and remember what it is."""
        made = self._plan(name, values)
        self.plans[name] = made
        return made

    def _plan(self, name: str, values: pa.ChunkedArray | pa.Array) -> Plan:
        if self.policy.columns.get(name) == "drop":
            return Plan(drop=True)
        kind = values.type
        numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        if is_nested(kind):
            inner = [(path, self.plan(path, part)) for path, part in leaves(name, values)]
            own = [plan for path, plan in inner if path == name]  # of a list: the column is what its values are
            return own[-1] if own else Plan(drop=bool(inner) and all(plan.drop for _, plan in inner))
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            self.unread.append(name)
            return Plan()
        if POSITION.search(_last(name)) and (numeric or _are_degrees(values)):
            return Plan(drop=self.action("gps", name) not in ("keep", "generalise"), position=True)
        if pa.types.is_temporal(kind):
            born = BORN.search(name) is not None
            return Plan(drop=born and self.action("birth-date", name) not in ("keep", "generalise"), born=born)
        cells, indices = as_cells(values, _least(name))
        if not cells:
            return Plan()
        matches = by_share(find_cells(cells, name, also=self.also, least=0.0)[0])
        counts = np.bincount(indices[indices >= 0], minlength=len(cells))
        read = counts.sum() / max(1, len(values) - values.null_count)  # small numbers and fractions are no cells
        for found in sorted(summary(name, cells, matches, counts), key=lambda f: -f.share):
            least = _WHOLE_NAMES if found.type in NAMES else WHOLE
            if found.share * read >= least and get_type(found.type).direct:
                return Plan(found.type, drop=self.action(found.type, name) == "drop")
        goes = any(self.action(m.type, name) != "keep" for found in matches.held.values() for m in found)
        return Plan(some=goes)

    def table(self, data: pa.Table) -> pa.Table:
        """Return a batch without personal data; columns that go are left out."""
        out = {}
        for i, name in enumerate(data.column_names):
            plan = self.plans.get(name) or self.plan(name, data.column(i))
            if not plan.drop:
                out[name] = self.column(name, data.column(i), plan)
        return pa.table(out)

    def column(self, name: str, values: pa.ChunkedArray, plan: Plan) -> Any:
        """Return one column of a batch without personal data."""
        if is_nested(values.type):
            return changed(name, values, self._within)
        if plan.position:
            return self._positions(name, values)
        if pa.types.is_temporal(values.type):
            if plan.born and self.action("birth-date", name) == "generalise":
                self.done[name, "birth-date", "generalise"] += len(values) - values.null_count
                whole = values.combine_chunks().cast(pa.timestamp("us"))
                return to_months(whole).cast(values.type)
            return values
        if pa.types.is_dictionary(values.type):  # what a library codes is text like any other
            values = values.cast(pa.string())
        numbers = not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type))
        if numbers and plan.whole is None and not plan.some:
            return values
        cells, indices = as_cells(values, _least(name))
        if not cells:
            return values.cast(pa.string()) if numbers else values
        new = self.cells(name, cells, plan, np.bincount(indices[indices >= 0], minlength=len(cells)))
        if new == cells and not numbers:
            return values
        made = pa.array(new, pa.string()).take(pa.array(indices, mask=indices < 0))
        # numbers that are no cells, such as fractions, stay beside the private ones
        return made if plan.whole is not None or not numbers else pc.coalesce(made, values.cast(pa.string()))

    def _within(self, path: str, values: pa.Array) -> pa.Array | None:
        """Return the plain values of a path within a nested column without personal data; None where they go."""
        plan = self.plans.get(path) or self.plan(path, values)
        if plan.drop:
            return None
        return one_array(self.column(path, pa.chunked_array([values]), plan))

    def cells(self, name: str, cells: Sequence[str], plan: Plan, counts: np.ndarray) -> list[str]:
        """Return distinct cells without personal data; `counts` [V] are the rows that hold each."""
        if plan.whole is not None:
            action = self.action(plan.whole, name)
            filled = [bool(c.strip()) for c in cells]
            self.done[name, plan.whole, action] += int(counts[filled].sum())
            return [replaced(c, plan.whole, action, self.pseudonyms) if f else c for c, f in zip(cells, filled)]
        matches, _ = find_cells(cells, name, also=self.also)
        out = []
        for cell, found, n in zip(cells, matches, counts.tolist()):
            kept = [m for m in found if m.score >= SURE and self._goes(m, name, n)]
            out.append(cell_without(cell, kept, lambda kind: self.action(kind, name), self.pseudonyms))
        return out

    def _goes(self, match: Match, name: str, rows: int) -> bool:
        action = self.action(match.type, name)
        self.done[name, match.type, action] += rows
        return action != "keep"

    def _positions(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        action = self.action("gps", name)
        self.done[name, "gps", action] += len(values) - values.null_count
        if action == "keep":
            return values
        text = pa.types.is_string(values.type)
        if text:
            distinct = values.dictionary_encode().combine_chunks()
            new = [None if v is None else _rounded(v) for v in distinct.dictionary.to_pylist()]
            return pa.chunked_array([pa.array(new, pa.string()).take(distinct.indices)])
        rounded = pc.round(values.cast(pa.float64(), safe=False), ndigits=1)
        return rounded.cast(values.type, safe=False)

    def lines(self) -> list[Words]:
        """Say what was done, column by column."""
        out = []
        for (column, kind, action), n in sorted(self.done.items()):
            counted, done = TYPES[kind].counted(n), ACTIONS[action]
            out.append(Words(f"`{column}`: {counted.en} {done.en}", f"`{column}`：{counted.zh}{done.zh}"))
        out += [Words(f"`{c}`: left out", f"`{c}`：已移除") for c, p in self.plans.items() if p.drop]
        return out + [
            Words(
                f"`{c}`: bytes, which are copied as they are and not looked through",
                f"`{c}`：二进制内容，原样复制，未作检查",
            )
            for c in dict.fromkeys(self.unread)
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """Return what was done as JSON values; no value is in it."""
        done = [{"column": c, "type": t, "action": a, "cells": n} for (c, t, a), n in sorted(self.done.items())]
        return done + [
            {"column": c, "type": p.whole, "action": "drop", "cells": None} for c, p in self.plans.items() if p.drop
        ]


def _last(path: str) -> str:
    """Return the last name of a path within objects."""
    return path.rpartition(".")[2]


def _least(name: str) -> float:
    """Return the least number that may be private: postcodes and short codes are, where the column's name says so."""
    return 1e4 if speaks_of(name) else 1e6


_DEGREE = r"^\s*[-+−]?[0-9]{1,3}(?:[.,][0-9]+)?\s*°?\s*[NSEWnsew]?\s*$"


def _are_degrees(values: pa.ChunkedArray | pa.Array) -> bool:
    """Whether most texts that are there are degrees: one `n/a` among them does not let the others go out exact."""
    if not pa.types.is_string(values.type):
        return False
    held = values.filter(pc.match_substring_regex(values, r"\S"))
    return len(held) > 0 and pc.mean(pc.match_substring_regex(held, _DEGREE)).as_py() >= WHOLE


_MAY_BE_KEY = re.compile(r"[0-9]{5}|[0-9] [0-9]|@")

Leaf = tuple[Callable[[str], None], str]


class Objects:
    """Redacts nested objects, as JSON Lines hold them: every text and long number, by its path as the column's name.

    Keys lose what has a form of its own, such as phone numbers that entries are filed under; names as keys stay, as most
    words that are keys are no persons.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._keys: dict[str, list[Match]] = {}

    def plan(self, rows: Sequence[dict[str, Any]]) -> None:
        """Look at a sample."""
        self._rename(rows)
        self._redactor.done.clear()
        for path, held in _leaves(rows).items():
            self._redactor.plan(path, pa.array([value for _, value in held], pa.string()))

    def redact(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace what is private in objects, in place, and return them."""
        self._rename(rows)
        for path, held in _leaves(rows).items():
            texts = [value for _, value in held]
            plan = self._redactor.plans.get(path) or self._redactor.plan(path, pa.array(texts, pa.string()))
            if plan.drop or plan.position:
                if plan.position:
                    self._redactor.done[path, "gps", self._redactor.action("gps", path)] += len(held)
                    if self._redactor.action("gps", path) == "keep":
                        continue
                for put, value in held:
                    put("" if plan.drop else _rounded(value))
                continue
            for (put, value), new in zip(held, self._redactor.cells(path, texts, plan, np.ones(len(texts), np.int64))):
                if new != value:
                    put(new)
        return rows

    def _rename(self, value: Any, path: str = "") -> None:
        """Replace what is private in the keys of objects, in place."""
        if isinstance(value, list):
            for inner in value:
                self._rename(inner, path)
        if not isinstance(value, dict):
            return
        for key in list(value):
            self._rename(value[key], f"{path}.{key}" if path else key)
        if any(self._secrets_in(key) for key in value):
            held = list(value.items())
            value.clear()
            for key, inner in held:
                found = [m for m in self._secrets_in(key) if self._redactor.action(m.type, path) != "keep"]
                for m in found:
                    self._redactor.done[path, m.type, self._redactor.action(m.type, path)] += 1
                new = cell_without(
                    key, found, lambda kind: self._redactor.action(kind, path), self._redactor.pseudonyms
                )
                if new or not key:  # what is to be dropped goes with what is filed under it
                    value[_free(new, value)] = inner

    def _secrets_in(self, key: str) -> list[Match]:
        if not _MAY_BE_KEY.search(key):
            return []
        if key not in self._keys:
            self._keys[key] = [m for m in find(key) if m.type not in NAMES]
        return self._keys[key]


def _free(key: str, taken: dict[str, Any]) -> str:
    """Return a key that stands for no other entry."""
    return next(k for k in chain([key], (f"{key}_{i}" for i in count(2))) if k not in taken)


def _leaves(rows: Sequence[dict[str, Any]]) -> dict[str, list[Leaf]]:
    out: dict[str, list[Leaf]] = {}
    least = cache(_least)

    def walk(value: Any, path: str, put: Callable[[Any], None]) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key), _setter(value, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                walk(inner, path, _setter(value, i))
        elif isinstance(value, str):
            if value.strip():
                out.setdefault(path, []).append((put, whole_number(value)))
        elif not isinstance(value, bool) and isinstance(value, (int, float)):
            if POSITION.search(_last(path)):
                out.setdefault(path, []).append((_number(put), str(value)))
            elif abs(value) >= least(path) and float(value).is_integer():
                out.setdefault(path, []).append((put, str(int(value))))

    for row in rows:
        walk(row, "", lambda _: None)
    return out


def _rounded(text: str) -> str:
    """Return a degree with one decimal, written as it was; what is none becomes the placeholder where it holds digits."""
    if re.match(_DEGREE, text):
        return re.sub(
            r"([0-9]+)(?:([.,])([0-9]+))?",
            lambda m: f"{float(f'{m[1]}.{m[3] or 0}'):.1f}".replace(".", m[2] or "."),
            text,
        )
    return get_type("gps").placeholder if any(c.isdigit() for c in text) else text


def _number(put: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return what puts a number back as the number that it was, where it still is one."""

    def back(text: str) -> None:
        try:
            put(float(text))
        except ValueError:
            put(text)

    return back


def _setter(holder: Any, key: Any) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        holder[key] = value

    return put


def in_batches(rows: Iterator[dict[str, Any]], size: int = 4096) -> Iterator[list[dict[str, Any]]]:
    """Yield rows in lists of up to `size`."""
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def texts_of(data: pa.Table, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the cells of columns row by row as texts, missing ones empty."""
    columns = [[_text(v) for v in data.column(n).to_pylist()] for n in names]
    return list(zip(*columns))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return re.sub(r"\.0$", "", str(value)) if isinstance(value, float) else str(value)
