#!/usr/bin/env bash
# pyarrow 26.0.1: the JSON reader takes the offset of a time away, so that times with and without one become a single column.
#
# A text such as 2020-01-01T00:00:00+08:00 becomes a timestamp without a zone, moved to UTC: the day is another one, and nothing tells that it was moved. Times
# without an offset in the same column stay as they are, so an event at midnight in Shanghai and one at midnight by an unknown clock are eight hours apart in one
# column. An explicit schema of timestamps without a zone does the same. The CSV reader gives timestamps in UTC for the first, leaves the mixture as text, and
# refuses offsets where it is told that there are none; so does a cast. What helps: a schema that says string, then a cast.
# The documentation says that texts of the kind YYYY-MM-DD hh:mm:ss become timestamps; it does not speak of offsets. There is no switch for it (issue 46698).
# Output seen:
#   JSON:   timestamp[s]          2019-12-31 16:00:00, 2020-01-01 00:00:00
#   CSV:    string                2020-01-01T00:00:00+08:00, 2020-01-01T00:00:00
#   schema: JSON 2019-12-31 16:00:00, CSV refuses
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pyarrow==26.0.1
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import io
import sys

import pyarrow as pa
from pyarrow import csv, json

times = ["2020-01-01T00:00:00+08:00", "2020-01-01T00:00:00"]
lines = "".join(f'{{"at": "{t}"}}\n' for t in times).encode()
rows = "\n".join(["at", *times, ""]).encode()
from_json = json.read_json(io.BytesIO(lines))["at"]
from_csv = csv.read_csv(io.BytesIO(rows))["at"]
for name, column in (("JSON:", from_json), ("CSV:", from_csv)):
    print(f"{name:7} {str(column.type):21} {', '.join(map(str, column.to_pylist()))}")
plain = pa.schema([("at", pa.timestamp("s"))])
told = json.read_json(io.BytesIO(lines), parse_options=json.ParseOptions(explicit_schema=plain))["at"][0].as_py()
try:
    csv.read_csv(io.BytesIO(rows), convert_options=csv.ConvertOptions(column_types=plain))
    refused = False
except pa.ArrowInvalid:
    refused = True
print(f"schema: JSON {told}, CSV {'refuses' if refused else 'reads'}")
moved = list(map(str, from_json.to_pylist())) == ["2019-12-31 16:00:00", "2020-01-01 00:00:00"]
kinds = from_json.type == pa.timestamp("s") and from_csv.type == pa.string()
sys.exit(0 if moved and kinds and str(told) == "2019-12-31 16:00:00" and refused else 1)
PY
