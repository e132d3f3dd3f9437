#!/usr/bin/env bash
# duckdb 2.0.1: a text is equal to a whole number that it rounds to: '1.6' and '2.4' are found by WHERE code = 2, and joined with the number 2.
#
# In an equality, an IN list or a join the text is cast to the integer, and the cast of a text with decimals rounds. So a version, a grade or a paragraph "2.4" is row 2 of the
# other table, once for each text that rounds there, and counts and sums of the join are too large without a word. With 2.0 in place of 2 nothing but '2' matches. Greater and
# less than are refused ("an explicit cast is required"), which one would expect of equality as well. The documentation tells that a text is cast in a comparison; that the cast
# rounds is told of numbers. Halves of a text go up, of a double to the even one. What helps: code = '2', or a cast of the number to VARCHAR.
# Discussed: issues 13378 (2024, closed as stale) and 15559 (2025) of duckdb/duckdb; change 10115 kept equality on purpose.
# Output seen:
#   code = 2:      ['1.6', '2', '2.4']
#   code IN (2,3): ['1.6', '2', '2.4', '2.5']
#   joined with 2: ['1.6', '2', '2.4']
#   code = 2.0:    ['2']
#   code = '2':    ['2']
#   code > 2:      refused
#   2.5 to a whole number: from a text 3, from a double 2
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" duckdb==2.0.1
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import duckdb

TABLE = "(VALUES ('1.4'), ('1.6'), ('2'), ('2.4'), ('2.5')) t(code)"
QUERIES = {
    "code = 2": f"SELECT code FROM {TABLE} WHERE code = 2",
    "code IN (2,3)": f"SELECT code FROM {TABLE} WHERE code IN (2, 3)",
    "joined with 2": f"SELECT code FROM {TABLE} JOIN (VALUES (2)) n(number) ON code = number",
    "code = 2.0": f"SELECT code FROM {TABLE} WHERE code = 2.0",
    "code = '2'": f"SELECT code FROM {TABLE} WHERE code = '2'",
    "code > 2": f"SELECT code FROM {TABLE} WHERE code > 2",
}


def ask(query):
    try:
        return sorted(row[0] for row in duckdb.sql(query).fetchall())
    except duckdb.BinderException:
        return "refused"


seen = {name: ask(query) for name, query in QUERIES.items()}
for name, answer in seen.items():
    print(f"{name + ':':14} {answer}")
halves = duckdb.sql("SELECT '2.5'::INT, 2.5::DOUBLE::INT").fetchall()[0]
print(f"2.5 to a whole number: from a text {halves[0]}, from a double {halves[1]}")
rounded = ["1.6", "2", "2.4"]
right = [rounded, [*rounded, "2.5"], rounded, ["2"], ["2"], "refused"]
sys.exit(0 if list(seen.values()) == right and halves == (3, 2) else 1)
PY
