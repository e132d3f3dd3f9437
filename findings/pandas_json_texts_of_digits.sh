#!/usr/bin/env bash
# pandas 3.1.1: read_json makes numbers of texts in quotes: "01234" becomes 1234, two order numbers become one, a checksum becomes infinite.
#
# JSON marks what is a text, but a column whose texts all look like numbers is converted: postal codes lose their zeros, texts of 20 digits become floats and
# equal, a short commit number such as 12e4567 becomes inf and 00e1234 becomes 0. It needs every row to look so: one with a letter keeps the whole column as text, so that
# the same feed has texts on one day and numbers on the next, and a join on them finds nothing or too much. pandas' own to_json writes such texts, and does not get them
# back. The documentation says that dtype=True infers types, not that quotes do not count. What helps: dtype=False, which keeps numbers numbers and texts texts.
# Discussed: issue 42471 of pandas-dev/pandas (2021, open) about the zeros; 44684 about texts of 18 digits, mended in pandas 3.
# Output seen:
#   ['01234', '90210']: [1234, 90210], with dtype=False as written
#   ['20240315220014123456', '20240315220014123457']: 1 different, with dtype=False as written
#   ['12e4567', '00e1234']: [inf, 0.0], with dtype=False as written
#   ['01234', 'K1A']: ['01234', 'K1A'], with dtype=False as written
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pandas==3.1.1 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import io
import sys

import pandas as pd

COLUMNS = [["01234", "90210"], ["20240315220014123456", "20240315220014123457"], ["12e4567", "00e1234"], ["01234", "K1A"]]
seen, kept = [], []
for texts in COLUMNS:
    written = pd.DataFrame({"code": texts}).to_json(orient="records")
    read = pd.read_json(io.StringIO(written))["code"]
    seen.append(read.tolist())
    kept.append(pd.read_json(io.StringIO(written), dtype=False)["code"].tolist() == texts)
    told = "1 different" if len(set(seen[-1])) == 1 else seen[-1]
    print(f"{texts}: {told}, with dtype=False {'as written' if kept[-1] else 'changed'}")
numbers = seen[0] == [1234, 90210] and len(set(seen[1])) == 1 and seen[2] == [float("inf"), 0.0]
sys.exit(0 if numbers and seen[3] == COLUMNS[3] and all(kept) else 1)
PY
