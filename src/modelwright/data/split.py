"""Splits that leak nothing: stratified, grouped, in time; equal rows stay on one side."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError, OptionError
from modelwright.core.schema import MEDIA, Table
from modelwright.data.kinds.base import kind_of
from modelwright.data.splitmix import mix

Pair = tuple[np.ndarray, np.ndarray]
_KIN = 0.2  # of the kept rows, the most that are taken out since a later row is nearly the same
_LEFT_OUT = 0.4  # of all rows, the most that stand in no part where groups are whole and later


def holdout(
    table: Table, codes: np.ndarray | None, *, fraction: float, group: str | None, time: str | None, seed: int,
    split: str = "random", units: np.ndarray | None = None,
) -> Pair:  # fmt: skip
    """Return (kept, held out) row indices; about `fraction` of the rows are held out.

    With `time` the latest rows are held out; with `group` whole groups; with both, the groups that begin last, and what others
    have from then on is in neither part; with the split "scaffold" whole families of molecules; else rows are drawn by chance,
    class by class where `codes` [N] are given. Rows with equal inputs stay together, or those with the same of `units` [N]
    where given; with `time`, earlier rows that share one with a held-out row are in neither part, where they are few.
    Raises DataError for a single group, or groups that cannot be told apart in time, OptionError for a split that the
    columns do not offer.
    """
    _check(split, group, time)
    n = len(table)
    if time is not None:
        times = _times(table, time)
        if group is not None:
            return _later_groups(times, _units(table, group), fraction, group, time)
        order = np.argsort(times, kind="stable")
        cut = min(n - 1, max(1, round(n * (1 - fraction))))
        return _apart(np.sort(order[:cut]), np.sort(order[cut:]), units)
    if units is None or group is not None or split != "random":
        units = _families(table) if split == "scaffold" else _units(table, group)
    return _draw(np.unique(units, return_inverse=True)[1], codes, fraction, np.random.default_rng(seed))


def folds(
    table: Table,
    codes: np.ndarray | None,
    *,
    k: int,
    repeats: int = 1,
    group: str | None,
    time: str | None,
    seed: int,
    split: str = "random",
    units: np.ndarray | None = None,
) -> list[Pair]:
    """Return k pairs of row numbers (train, valid), int64 and rising, `repeats` times over.

    With `time` each fold trains on what came before it, and with `group` as well no group is in both; `codes` [N] and `units` [N] as for
    `holdout`. Raises DataError where there are fewer than k groups, OptionError for settings that contradict one another.
    """
    _check(split, group, time)
    n = len(table)
    if time is not None:
        times = _times(table, time)
        if group is not None:
            return _later_folds(times, _units(table, group), k, group, time)
        blocks = np.array_split(np.argsort(times, kind="stable"), k + 1)
        pairs = [(np.sort(np.concatenate(blocks[: i + 1])), np.sort(blocks[i + 1])) for i in range(k)]
        return [_apart(a, b, units) for a, b in pairs]
    if units is None or group is not None or split != "random":
        units = _families(table) if split == "scaffold" else _units(table, group)
    units = np.unique(units, return_inverse=True)[1]
    if units.max() + 1 < k:
        raise DataError(
            f"{k} folds need at least {k} groups; there are {units.max() + 1}.",
            f"{k} 折至少需要 {k} 个分组；实际为 {units.max() + 1} 个。",
        )
    out = []
    for r in range(repeats):
        place = _deal(units, codes, k, np.random.default_rng(seed + r))
        out += [(np.flatnonzero(place != i), np.flatnonzero(place == i)) for i in range(k)]
    return [(t, v) for t, v in out if len(t) and len(v) and n]


def _apart(kept: np.ndarray, held: np.ndarray, units: np.ndarray | None) -> Pair:
    """Take rows out of what is kept whose unit is held out as well, unless these are more than a fifth of them."""
    if units is None:
        return kept, held
    kin = np.isin(units[kept], units[held])
    return (kept[~kin], held) if kin.mean() <= _KIN else (kept, held)


def _later_groups(times: np.ndarray, groups: np.ndarray, fraction: float, group: str, time: str) -> Pair:
    """Return rows of the groups that begin first, up to when the last ones begin, and those last groups whole.

    So no group is in both parts and every held-out row is later than every kept one. Raises DataError where that leaves too
    little: groups that run through the whole time cannot be told apart in it.
    """
    begins = np.full(groups.max() + 1, np.inf)
    np.minimum.at(begins, groups, times)
    sizes = np.bincount(groups)
    order = np.argsort(-begins, kind="stable")
    # groups that begin at one time stay together, so the start of the later part is the start of a group
    enough = int(np.searchsorted(np.cumsum(sizes[order]), max(1.0, fraction * len(times))))
    start = begins[order[min(enough, len(order) - 1)]]
    held = begins[groups] >= start
    kept = ~held & (times < start)
    left_out = int((~held & ~kept).sum())
    if not kept.any() or not held.any() or len(np.unique(groups[held])) < 2 or left_out > _LEFT_OUT * len(times):
        raise DataError(
            f"--group {group} and --time {time} cannot both hold: the groups run through the whole time, so that whole groups that "
            f"come later would leave out {left_out:,} of {len(times):,} rows. Give --group for new groups, or --time for later rows.",
            f"--group {group} 与 --time {time} 无法同时满足：各组贯穿整个时间段，若要整组且更晚，将舍去 {len(times):,} 行中的 {left_out:,} 行。"
            f"请用 --group 评估新的组，或用 --time 评估更晚的行。",
        )
    return np.flatnonzero(kept), np.flatnonzero(held)


def _later_folds(times: np.ndarray, groups: np.ndarray, k: int, group: str, time: str) -> list[Pair]:
    """Return k (train, valid) pairs forward in time with groups whole; later folds first, then on what was kept before them."""
    rows, out = np.arange(len(times)), []
    for left in range(k, 0, -1):
        kept, held = _later_groups(
            times[rows], np.unique(groups[rows], return_inverse=True)[1], 1 / (left + 1), group, time
        )
        out.append((rows[kept], rows[held]))
        rows = rows[kept]
    return out[::-1]


def _times(table: Table, name: str) -> np.ndarray:
    """Return numbers [N] that stand in the order of time; rows without a time come first. Raises DataError for words."""
    values = table.column(name)
    if pa.types.is_timestamp(values.type) or pa.types.is_boolean(values.type):
        values = values.cast(pa.int64())
    if pa.types.is_string(values.type):
        values = _numbers(values, name)
    if values.null_count == 0:
        return np.asarray(values)
    low = pc.min(values).as_py()
    first = -np.inf if pa.types.is_floating(values.type) else (low or 0) - 1
    return np.asarray(pc.fill_null(values, pa.scalar(first, values.type)))


def _numbers(values: pa.Array, name: str) -> pa.Array:
    """Return a running number that was read as text as numbers: sorted as text, 10 would come before 9."""
    for kind in (pa.int64(), pa.float64()):
        try:
            return values.cast(kind)
        except pa.ArrowInvalid:
            continue
    odd = next(v for v in values.to_pylist() if v is not None and not _reads_as_number(v))
    raise DataError(
        f"--time {name}: `{odd}` is no time and no number, so the rows have no order. Give dates, times or running numbers.",
        f"--time {name}：`{odd}` 既不是时间也不是数字，无法确定先后。请使用日期、时间或流水号。",
    )


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _units(table: Table, group: str | None) -> np.ndarray:
    """Return a number per row [N]; rows that must stay together share it."""
    if group is not None:
        coded = table.column(group).cast(pa.string()).dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        missing = np.flatnonzero(codes < 0)
        codes[missing] = codes.max() + 1 + np.arange(len(missing))
        codes = np.unique(codes, return_inverse=True)[1]
        if codes.max() == 0:
            raise DataError(
                f"Column `{group}` holds a single group; it cannot be split.", f"列 `{group}` 只有一个分组，无法划分。"
            )
        return codes
    return row_codes(table)


def _check(split: str, group: str | None, time: str | None) -> None:
    if split != "random" and (group or time):
        other = "--group" if group else "--time"
        raise OptionError(
            f"--split {split} and {other} cannot be held at once; give one of them.",
            f"--split {split} 与 {other} 不能同时使用；请只给出其一。",
        )


def _families(table: Table) -> np.ndarray:
    """Return a number per row [N], the same for rows of one family; a row without one is a family by itself.

    The first input column whose kind knows families counts.
    """
    for column in table.schema.inputs:
        kind = kind_of(column.modality)
        found = kind.groups(table.column(column.name), column) if kind else None
        if found is not None:
            keys = [f"0{i}" if v is None else f"1{v}" for i, v in enumerate(found)]
            return np.unique(np.array(keys), return_inverse=True)[1]
    held = ", ".join(f"{c.name} ({c.modality})" for c in table.schema.inputs)
    raise OptionError(
        f"--split scaffold needs a column of molecules (SMILES), received {held}. "
        "Say which one it is with --column NAME=molecule, or leave --split out.",
        f"--split scaffold 需要分子（SMILES）列，现有列为 {held}。请用 --column 列名=molecule 指定，或去掉 --split。",
    )


def row_codes(table: Table) -> np.ndarray:
    """Return a number per row [N], the same for rows whose inputs are all equal; without inputs, for equal targets."""
    codes = np.zeros(len(table), np.uint64)
    for column in table.schema.inputs or table.schema.of_role("target"):
        values = table.column(column.name)
        if pa.types.is_floating(values.type):
            codes = _mixed(codes, _bits(values))
            continue
        if values.type == MEDIA:
            values = pc.struct_field(values, "digest")
        elif _is_numbers(values.type):
            values = _bytes_of(values)
        elif pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
            values = pa.array([repr(v) for v in values.to_pylist()])
        index = values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        codes = _mixed(codes, (index.astype(np.int64) + 2).astype(np.uint64))
    return np.unique(codes, return_inverse=True)[1]


def _mixed(codes: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return codes [N] uint64 into which another column [N] uint64 was mixed."""
    codes = codes * np.uint64(0x9E3779B97F4A7C15) + more
    codes ^= codes >> np.uint64(29)
    return codes


def _bits(values: pa.Array) -> np.ndarray:
    """Return numbers as codes [N] uint64, equal ones alike, a missing one unlike all: numbering millions of them takes a table of all."""
    numbers = np.array(values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False))
    bits = np.where(numbers == 0, 0.0, numbers).view(np.uint64)
    bits = mix(bits)  # since the last bits of round numbers are all 0
    if values.null_count:
        bits[np.asarray(values.is_null())] = np.uint64(0x5851F42D4C957F2D)
    return bits


def _is_numbers(kind: pa.DataType) -> bool:
    """Whether cells are lists of numbers, or lists of such lists."""
    nested = pa.types.is_list(kind)
    while pa.types.is_list(kind):
        kind = kind.value_type
    return nested and (pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _bytes_of(values: pa.Array) -> pa.Array:
    """Return lists of numbers as their bytes, which are quicker to compare than what they look like; None where there is none."""
    places, inner = np.asarray(values.offsets), values.values
    while pa.types.is_list(inner.type):
        places, inner = np.asarray(inner.offsets)[places], inner.values
    flat = inner.to_numpy(zero_copy_only=False)
    there = values.is_valid().to_pylist()
    cells = [flat[a:b].tobytes() if ok else None for a, b, ok in zip(places, places[1:], there, strict=False)]
    return pa.array(cells, pa.large_binary())


def _draw(units: np.ndarray, codes: np.ndarray | None, fraction: float, rng: np.random.Generator) -> Pair:
    place = _deal(units, codes, None, rng, fraction)
    return np.flatnonzero(place == 0), np.flatnonzero(place == 1)


def _deal(
    units: np.ndarray, codes: np.ndarray | None, k: int | None, rng: np.random.Generator, fraction: float = 0.0
) -> np.ndarray:
    """Deal units to k folds (or to 0 and 1 by `fraction`), class by class; return the place of each row [N]."""
    first = np.unique(units, return_index=True)[1]
    sizes = np.bincount(units)
    classes = np.zeros(len(first), np.int64) if codes is None else codes[first]
    place = np.zeros(len(first), np.int64)
    start = 0
    by_class = np.argsort(classes, kind="stable")
    for own in np.split(by_class, np.flatnonzero(np.diff(classes[by_class])) + 1):
        members = rng.permutation(own)
        if k is not None:
            # deal on from where the last class ended, so that small classes do not all fall on fold 0
            place[members] = (np.arange(len(members)) + start) % k
            start += len(members)
        else:
            wanted = fraction * sizes[members].sum()
            fits = members[sizes[members] <= wanted / 2]
            if sizes[fits].sum() >= wanted:  # a unit that is most of the part by itself is kept, where others fill it
                members = fits
            so_far = np.cumsum(sizes[members]) - sizes[members] / 2
            place[members] = (so_far < wanted) & (len(members) > 1)
    if k is None and place.sum() == 0 and len(first) > 1:
        place[rng.integers(len(first))] = 1
    return place[units]
