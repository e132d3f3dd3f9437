#!/usr/bin/env bash
# polars 2.1.0: in a DataFrame of rows, decimals after the hundredth row become whole numbers, though `strict=True` promises an error.
#
# The types of a list of dicts or tuples are guessed from the first 100 rows. Of `strict`, which is on unless told otherwise, the documentation says that a value which does
# not match the type of its column raises an error. Of columns it does; of rows it depends on the value: a text that is no number or a number too large raises an error,
# while 19.99 after a hundred whole prices is stored as 19, 2 after a hundred times True as false, "7" after whole numbers as 7, and a key that comes
# later is left out. Records of an API or of a database, where the first hundred prices happen to be round, lose their cents. What helps: `infer_schema_length=None`.
# Discussed: issues 23152 and 20325 of pola-rs/polars (open) tell of later keys and of texts that numbers become; of decimals cut off we found nothing.
# Output seen:
#   19.99 after 99 rows of 10:  19.99, after 100 rows: 19, after 100 rows with the whole read: 19.99; as a column: TypeError
#   2 after 100 rows of True: False; '7' after 100 rows of 10: 7; 'no price' after 100 rows of 10: ComputeError
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" polars==2.1.0
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import polars as pl


def last(first, then, rows=100, **options):
    """What becomes of a value after that many rows of another: the value, or the name of the error."""
    records = [{"price": first}] * rows + [{"price": then}]
    try:
        return pl.DataFrame(records, strict=True, **options)["price"][-1]
    except (TypeError, pl.exceptions.ComputeError) as error:
        return type(error).__name__


try:
    column = pl.DataFrame({"price": [10] * 100 + [19.99]}, strict=True)["price"][-1]
except TypeError as error:
    column = type(error).__name__
near, far, whole = last(10, 19.99, 99), last(10, 19.99), last(10, 19.99, infer_schema_length=None)
print(f"19.99 after 99 rows of 10:  {near}, after 100 rows: {far}, after 100 rows with the whole read: {whole}; as a column: {column}")
count, text, word = last(True, 2), last(10, "7"), last(10, "no price")
print(f"2 after 100 rows of True: {count}; '7' after 100 rows of 10: {text}; 'no price' after 100 rows of 10: {word}")
numbers = [near, far, whole, column] == [19.99, 19, 19.99, "TypeError"]
sys.exit(0 if numbers and [count, text, word] == [False, 7, "ComputeError"] else 1)
PY
