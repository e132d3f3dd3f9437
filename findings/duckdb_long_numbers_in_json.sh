#!/usr/bin/env bash
# duckdb 2.0.1: whole numbers of 20 digits and more keep all digits when they are read from CSV, and lose most of them when they are read from JSON.
#
# CSV makes them HUGEINT, up to 38 digits. JSON does so below 2**64 only; above, the column is DOUBLE and two numbers that differ in their last digits become
# equal, so that joins and counts of distinct numbers of orders or payments are wrong without a word. One such number takes the others of its column along: those
# of 17 to 19 digits are rounded as well. With the type said (`columns={'id': 'HUGEINT'}`, or VARCHAR) every digit is read, so the reader could.
# Discussed: CSV did the same until issue 22750 of duckdb/duckdb (May 2026); issue 10866 of 2024 about JSON was closed as stale.
# Output seen (how many different numbers are still told apart):
#   CSV:               HUGEINT, 5 of 5
#   JSON:              DOUBLE, 2 of 5
#   JSON as HUGEINT:   HUGEINT, 5 of 5
#   JSON of 19 digits: BIGINT, 3 of 3
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" duckdb==2.0.1
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import json
import sys

import duckdb

SHORT = [1234567890123456789, 1234567890123456788, 1234567890123456787]
NUMBERS = [*SHORT, 2024031522001412345678901234, 2024031522001412345678901235]
with open("orders.csv", "w") as file:
    file.write("id,paid\n" + "".join(f"{n},yes\n" for n in NUMBERS))
for name, numbers in (("orders.json", NUMBERS), ("short.json", SHORT)):
    with open(name, "w") as file:
        file.write("".join(json.dumps({"id": n}) + "\n" for n in numbers))
seen = {}
for name, source in {
    "CSV": "'orders.csv'",
    "JSON": "'orders.json'",
    "JSON as HUGEINT": "read_json('orders.json', columns = {'id': 'HUGEINT'})",
    "JSON of 19 digits": "'short.json'",
}.items():
    seen[name] = duckdb.sql(f"SELECT any_value(typeof(id)), count(DISTINCT id), count(*) FROM {source}").fetchall()[0]
    print(f"{name + ':':18} {seen[name][0]}, {seen[name][1]} of {seen[name][2]}")
expected = {"CSV": ("HUGEINT", 5, 5), "JSON": ("DOUBLE", 2, 5), "JSON as HUGEINT": ("HUGEINT", 5, 5), "JSON of 19 digits": ("BIGINT", 3, 3)}
sys.exit(0 if seen == expected else 1)
PY
