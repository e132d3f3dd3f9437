#!/usr/bin/env bash
# pydantic 2.14.4: the date 20240315, which ISO 8601 writes so, becomes the 23rd of August 1970, and with a time behind it the year 2611.
#
# A text of nothing but digits is taken for seconds since 1970, from 20 thousand millions on for milliseconds. So compact dates, years and times without separators, as
# file names, exports of databases and standards of banks and hospitals write them, are accepted by a field of type datetime and come out decades or centuries away, with a zone
# that nobody gave; the date with hyphens gets none. A field of type date refuses the same texts. The documentation says that numbers in a text are Unix times, not that
# compact ISO dates are such numbers; Python's own datetime.fromisoformat reads them as dates. What helps: a BeforeValidator with fromisoformat, or checking that the year is plausible.
# Discussed: issue 7940 of pydantic/pydantic (2023) is about seconds and milliseconds being guessed; of compact dates we found nothing.
# Output seen:
#   2024-03-15:     datetime 2024-03-15 00:00:00, date 2024-03-15, fromisoformat 2024-03-15 00:00:00
#   20240315:       datetime 1970-08-23 06:18:35+00:00, date refused, fromisoformat 2024-03-15 00:00:00
#   20240315120000: datetime 2611-05-23 21:45:20+00:00, date refused, fromisoformat refused
#   2024:           datetime 1970-01-01 00:33:44+00:00, date refused, fromisoformat refused
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pydantic==2.14.4
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import datetime
import sys

from pydantic import TypeAdapter

READERS = {
    "datetime": TypeAdapter(datetime.datetime).validate_python,
    "date": TypeAdapter(datetime.date).validate_python,
    "fromisoformat": datetime.datetime.fromisoformat,
}


def read(reader, text):
    try:
        return str(reader(text))
    except ValueError:  # pydantic's ValidationError is one
        return "refused"


seen = {text: {name: read(reader, text) for name, reader in READERS.items()} for text in ("2024-03-15", "20240315", "20240315120000", "2024")}
for text, answers in seen.items():
    print(f"{text + ':':15} " + ", ".join(f"{name} {answer}" for name, answer in answers.items()))
far = [answers["datetime"][:4] for answers in seen.values()] == ["2024", "1970", "2611", "1970"]
refused = [answers["date"] for answers in seen.values()] == ["2024-03-15", "refused", "refused", "refused"]
sys.exit(0 if far and refused else 1)
PY
