#!/usr/bin/env bash
# pyarrow 26.0.1: a signal that the application handles by itself ends `read_csv` all the same.
#
# While a CSV file is read, pyarrow listens for SIGINT and SIGTERM too. A program whose own handler of SIGTERM only notes that it should end soon (to save
# its work first) finds its read broken off by ArrowCancelled. What helps: `pyarrow.enable_signal_handlers(False)` at the
# start; the handler is then called and the read comes to its end.
# Output seen:
#   as it comes             handler called: True   read: ArrowCancelled
#   handlers switched off   handler called: True   read: done
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pyarrow==26.0.1
cat >"$place/read.py" <<'PY'
import os
import signal
import sys
import threading
import time

import pyarrow as pa
import pyarrow.csv

if sys.argv[2] == "off":
    pa.enable_signal_handlers(False)
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
row = b",".join(b"%d.5" % i for i in range(40)) + b"\n"
data = pa.py_buffer(b",".join(b"c%d" % i for i in range(40)) + b"\n" + row * 400_000)
reading = threading.Event()


def later():
    reading.wait()
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=later, daemon=True).start()
try:
    reading.set()
    pa.csv.read_csv(data, pa.csv.ReadOptions(use_threads=False))
    said = "done"
except Exception as e:
    said = type(e).__name__
time.sleep(0.2)
print(f"{sys.argv[1]:<23} handler called: {bool(heard)!s:<5}  read: {said}")
PY
PYTHONPATH=$place python3 "$place/read.py" "as it comes" on | tee "$place/out"
PYTHONPATH=$place python3 "$place/read.py" "handlers switched off" off | tee -a "$place/out"
grep -q "as it comes  *handler called: True   read: ArrowCancelled" "$place/out"
grep -q "switched off  *handler called: True   read: done" "$place/out"
