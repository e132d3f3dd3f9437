"""Things followed from frame to frame, by where their boxes are: who is who, and how many there were.

Boxes that are sure are matched first to where things should be by now, then those that are less sure to what is left, so that a
thing that is half hidden is not lost (ByteTrack, Zhang et al., arXiv 2110.06864). A thing moves on as it moved before.
Legend: T tracks, D boxes of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.answers.objects import box_of
from modelwright.models.overlap import overlaps_np

_NEAR, _FIRST = 0.25, 0.2  # overlaps from which a box is a thing that was followed, and one that was seen once only
_MOMENTUM = 0.6  # of the speed that was known before
_SURE_OF = 2  # frames from which a thing counts
_LOST = 15  # frames after which what was not seen again is gone


@dataclass
class Track:
    """One thing: its box now, its speed in pixels a frame, and since when it is followed."""

    number: int
    label: str
    box: np.ndarray
    score: float
    first: int
    last: int
    seen: int = 1
    speed: np.ndarray = field(default_factory=lambda: np.zeros(4))

    def at(self, frame: int) -> np.ndarray:
        """Return where it should be in a frame: a box [4]."""
        moved: np.ndarray = self.box + self.speed * (frame - self.last)
        return moved

    def take(self, box: np.ndarray, score: float, frame: int) -> None:
        """Go on with a box [4]."""
        gap = max(1, frame - self.last)
        known = _MOMENTUM if self.seen > 1 else 0.0
        self.speed = known * self.speed + (1 - known) * (box - self.box) / gap
        self.box, self.score, self.last, self.seen = box, score, frame, self.seen + 1


class Follower:
    """Follows the boxes of frame after frame; `lost` is after how many frames a thing that is not seen is given up."""

    def __init__(self, lost: int = _LOST) -> None:
        self.lost = lost
        self.tracks: list[Track] = []
        self.counts: dict[str, int] = {}  # things that there were so far, by label
        self._next = 1

    def frame(self, number: int, boxes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take the boxes of a frame {box, label, score, sure}; return those that belong to a thing, each with its `track`."""
        sure = [b for b in boxes if b.get("sure", True)]
        unsure = [b for b in boxes if not b.get("sure", True) and b["score"] >= 0.1]
        out: list[dict[str, Any]] = []
        self.tracks = [t for t in self.tracks if number - t.last <= self.lost]
        open_ = list(self.tracks)
        open_, left = self._match(open_, sure, number, out)
        open_, _ = self._match([t for t in open_ if t.seen > 1], unsure, number, out)
        for b in left:
            made = Track(self._next, b["label"], np.array(b["box"], float), b["score"], number, number)
            self._next += 1
            self.tracks.append(made)
            out.append({**box_of(b), "track": made.number})
        for t in self.tracks:
            if t.seen == _SURE_OF and t.last == number:
                self.counts[t.label] = self.counts.get(t.label, 0) + 1
        return sorted(out, key=lambda b: int(b["track"]))

    def _match(
        self, tracks: list[Track], boxes: list[dict[str, Any]], number: int, out: list[dict[str, Any]]
    ) -> tuple[list[Track], list[dict[str, Any]]]:
        """Give boxes to tracks; return the tracks and the boxes that are left."""
        from scipy.optimize import linear_sum_assignment

        if not tracks or not boxes:
            return tracks, boxes
        there = np.array([t.at(number) for t in tracks])
        over = overlaps_np(there, np.array([b["box"] for b in boxes], float))
        same = np.array([[t.label == b["label"] for b in boxes] for t in tracks])
        gain = np.where(same, over, 0.0)
        rows, columns = linear_sum_assignment(-gain)
        taken: set[int] = set()
        given: set[int] = set()
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            if gain[i, j] >= (_NEAR if tracks[i].seen > 1 else _FIRST):
                tracks[i].take(np.array(boxes[j]["box"], float), boxes[j]["score"], number)
                out.append({**box_of(boxes[j]), "track": tracks[i].number})
                taken.add(i)
                given.add(j)
        return [t for i, t in enumerate(tracks) if i not in taken], [b for j, b in enumerate(boxes) if j not in given]


def follow(found: Iterable[tuple[int, float, Sequence[dict[str, Any]]]], lost: int = _LOST) -> Iterator[dict[str, Any]]:
    """Yield for each frame (number, second, boxes) its boxes with their tracks, how many of each label are there, and were so far."""
    follower = Follower(lost)
    for number, second, boxes in found:
        tracked = follower.frame(number, boxes)
        now: dict[str, int] = {}
        for b in tracked:
            now[b["label"]] = now.get(b["label"], 0) + 1
        yield {
            "frame": number,
            "second": round(second, 3),
            "boxes": tracked,
            "now": now,
            "so_far": dict(follower.counts),
        }
