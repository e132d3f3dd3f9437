#!/usr/bin/env bash
# pyarrow 26.0.1: unique() and value_counts() of a string_view column turn a missing value into the empty text.
#
# A column ["a", null, "a"] of type string gives ["a", null]; the same column as string_view (the layout in which polars
# hands over its texts) gives ["a", ""], with is_null counting one missing value in the very same array. Whoever counts categories that way
# finds an empty one that nobody entered. What helps: cast to string before anything is counted.
# Output seen:
#   string       ['a', None]  [('a', 2), (None, 1)]
#   string_view  ['a', '']  [('a', 2), ('', 1)]  missing: 1
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pyarrow==26.0.1
PYTHONPATH=$place python3 - <<'PY'
import sys

import pyarrow as pa
import pyarrow.compute as pc


def told(kind):
    column = pa.array(["a", None, "a"], kind)
    counts = [(c["values"], c["counts"]) for c in pc.value_counts(column).to_pylist()]
    print(f"{kind!s:<12} {pc.unique(column).to_pylist()}  {counts}  missing: {column.null_count}")
    return pc.unique(column).to_pylist()


plain, view = told(pa.string()), told(pa.string_view())
sys.exit(0 if plain == ["a", None] and view == ["a", ""] else 1)
PY
