"""A fit on a node of a cluster: rows come from the cluster's store of objects, events go to a mailbox, the model comes back as a folder.

Ray calls `fit`; whoever asked for it reads the answer with `opened`. Legend: V rows held out, K outputs.
"""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core import plain_json
from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, Model, get_recipe
from modelwright.core.threads import use_threads
from modelwright.tune.candidate import fit_fold
from modelwright.tune.lean import seen
from modelwright.tune.pace import Stopwatch
from modelwright.tune.shipped import Shipped, check_paths, unship

_FLUSH = 0.3  # seconds between two letters of events
_held: dict[str, Shipped] = {}  # what this process has unpacked, by the name of the climb


class Mailbox:
    """Where workers leave events, and learn that a fit is to end; an actor on the cluster."""

    def __init__(self) -> None:
        self._letters: list[tuple[str, Any]] = []
        self._beats: dict[str, tuple[float, str]] = {}
        self._ended: set[str] = set()

    def put(self, key: str, where: str, events: list[Any]) -> bool:
        """Take events of a fit, and its sign of life; return whether it is to end."""
        self._beats[key] = time.monotonic(), where
        self._letters += [(key, e) for e in events]
        return key in self._ended

    def take(self) -> tuple[list[tuple[str, Any]], dict[str, tuple[float, str]]]:
        """Return the events since the last time, and for each fit the seconds since its last sign of life and where it runs."""
        letters, self._letters = self._letters, []
        now = time.monotonic()
        return letters, {k: (now - at, where) for k, (at, where) in self._beats.items()}

    def end(self, keys: list[str]) -> None:
        """Let fits end at their next step."""
        self._ended.update(keys)

    def forget(self, key: str) -> None:
        """Forget the signs of life of a fit that is begun anew elsewhere."""
        self._beats.pop(key, None)


def fit(files: Mapping[str, Any], told: dict[str, Any], mailbox: Any) -> dict[str, Any]:
    """Fit and score one fold (or fit all rows where `split` is None); return what `opened` reads, or why there is nothing."""
    where = f"{platform.node()} (pid {os.getpid()})"
    try:
        shipped = _held.get(told["climb"])
        if shipped is None:
            _held.clear()
            shipped = _held[told["climb"]] = unship(files)
            check_paths(shipped.validation.table)
        return {**_fitted(shipped, told, mailbox, where), "where": where}
    except MissingExtra as e:
        node = platform.node()
        return {"refused": [f"on the node {node}: {e.words.en}", f"节点 {node}：{e.words.zh}"], "where": where}
    except ModelwrightError as e:
        return {"refused": [e.words.en, e.words.zh], "where": where}
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        node, place = platform.node(), tempfile.gettempdir()
        return {
            "refused": [
                f"the disk of the node {node} is full: free some space under {place} there, or point TMPDIR to a larger disk",
                f"节点 {node} 的磁盘已满：请在该处清理 {place}，或将 TMPDIR 指向更大的磁盘",
            ],
            "where": where,
        }


def _fitted(shipped: Shipped, told: dict[str, Any], mailbox: Any, where: str) -> dict[str, Any]:
    from modelwright.core.device import pick_device

    v, split = shipped.validation, told["split"]
    recipe = get_recipe(told["recipe"])
    recipe.bases = shipped.bases
    options = type(recipe).options(**told["options"])
    use_threads(told["threads"])
    os.environ["MODELWRIGHT_THREADS"] = str(told["threads"])  # of this process: Ray gave it so many cores
    deadline = Deadline.after(max(0.0, min(told["seconds"], told["until"] - time.time())))
    events, stop = EventStream(), threading.Event()
    letters: list[Any] = []
    events.listen(letters.append)
    post = threading.Thread(target=_post, args=(mailbox, told["key"], where, letters, deadline, stop), daemon=True)
    post.start()
    ctx = FitContext(
        loss=shipped.task.loss, target=v.target, deadline=deadline, events=events, metric=v.metric, name=told["name"],
        seed=told["seed"], threads=told["threads"], device=pick_device(told["device"]) if told["torch"] else "cpu",
        extent=told["extent"], class_weight=told["class_weight"], memory=told["memory"], sensitive=tuple(told["sensitive"]),
        probe=told["probe"], accumulate=told["accumulate"], recompute=told["recompute"], compiles=told["compiles"],
    )  # fmt: skip
    watch, scores, batch_ms = Stopwatch(), None, 0.0
    begun = time.monotonic()
    try:
        if split is None:
            with watch:
                model = recipe.fit(seen(v.table, options), None, options, ctx)
        else:
            fold = fit_fold(told["name"], recipe, options, v, split, ctx, watch)
            model, scores, batch_ms = fold.model, fold.scores, fold.batch_ms
    finally:
        stop.set()
        post.join(5)
    return {
        "model": packed(model, v.target, scores), "seconds": time.monotonic() - begun, "batch_ms": batch_ms, "wall": watch.wall,
        "cpu": watch.cpu,
    }  # fmt: skip


def _post(mailbox: Any, key: str, where: str, letters: list[Any], deadline: Deadline, stop: threading.Event) -> None:
    """Send events and signs of life until told to stop; end the fit where the answer says so."""
    import ray

    last = False
    while not last:
        last = stop.wait(_FLUSH)
        events, letters[:] = letters[:], []
        try:
            answer = mailbox.put.remote(key, where, events)
            if ray.wait([answer], timeout=2.0)[0] and ray.get(answer):
                deadline.stop()
        except Exception:  # whoever asked has gone: the fit ends with the worker
            return


def packed(model: Model, target: TargetCodec, scores: np.ndarray | None) -> bytes:
    """Return a model and its scores [V, K] as the bytes of an archive."""
    out = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="modelwright-") as place:
        folder = Path(place)
        (folder / "model").mkdir()
        model.save(folder / "model")
        if scores is not None:
            (folder / "scores").mkdir()
            target.save_scores(folder / "scores", scores)
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(folder).as_posix())
            archive.writestr("about.json", plain_json.dumps([model.extent, model.history, model.borrowed]))
    return out.getvalue()


@dataclass
class Opened:
    """A model that came from a node, and its scores [V, K]; None where it was fitted on all rows."""

    model: Model
    scores: np.ndarray | None


def opened(data: bytes, recipe: str, target: TargetCodec) -> Opened:
    """Read what `packed` made. Raises BundleError for damaged files."""
    with tempfile.TemporaryDirectory(prefix="modelwright-") as place, zipfile.ZipFile(io.BytesIO(data)) as archive:
        folder = Path(place)
        archive.extractall(folder)
        model = type(get_recipe(recipe)).model.load(folder / "model", target)
        model.extent, model.history, model.borrowed = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        scores = target.load_scores(folder / "scores") if (folder / "scores").is_dir() else None
        return Opened(model, scores)
