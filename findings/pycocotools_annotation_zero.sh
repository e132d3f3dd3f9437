#!/usr/bin/env bash
# pycocotools 2.0.11: where annotation ids begin at 0, one perfect box counts as missed and its detection as false: 0.56 instead of 1.
#
# COCOeval notes which annotation a detection has matched by its id, in an array of zeros in which 0 means none. The box of id 0 is matched and then read as not. In a small
# validation set, or for a rare class, the average precision falls far; in a large one it is a little too low, and models stay comparable, so that nobody notices. Ids that
# count from 0 are what enumerate() gives, and the COCO class takes and indexes them without a word; a comment in the source says "or 0", the format asks for no lowest id.
# What helps: count from 1.
# Discussed: issue 664 of cocodataset/cocoapi (open); faster_coco_eval warns of it since July 2026 (its pull request 81), with the same numbers.
# Output seen (four boxes on two pictures, each found exactly):
#   ids from 1: AP 1.000, recall 1.000
#   ids from 0: AP 0.564, recall 0.750
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pycocotools==2.0.11 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import contextlib
import io
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def rate(first):
    """Average precision and recall of detections that are the annotations, whose ids begin at `first`."""
    boxes = [{"image_id": 1 + i // 2, "category_id": 1, "bbox": [10 + 50 * (i % 2), 10, 20, 20]} for i in range(4)]
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [box | {"id": first + i, "area": 400, "iscrowd": 0} for i, box in enumerate(boxes)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes([box | {"score": 0.9} for box in boxes]), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0]), float(run.stats[8])


seen = {first: rate(first) for first in (1, 0)}
for first, (precision, recall) in seen.items():
    print(f"ids from {first}: AP {precision:.3f}, recall {recall:.3f}")
sys.exit(0 if min(seen[1]) > 0.999 and seen[0][0] < 0.6 and abs(seen[0][1] - 0.75) < 1e-9 else 1)
PY
