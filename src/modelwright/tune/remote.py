"""A fit on a node of a cluster: rows come from the cluster's store of objects, events go to a mailbox, the model comes back as a folder.

Ray calls `fit`; whoever asked for it reads the answer with `opened`. Legend: V rows held out, K outputs.
"""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import shutil
import signal
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core import plain_json
from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.device import grant_memory, peak_memory
from modelwright.core.errors import DataError, MemoryTooSmall, MissingExtra, ModelwrightError, NodeAtFault, PeersLost
from modelwright.core.events import EventStream
from modelwright.core.libraries import process_is_ours
from modelwright.core.recipe import FitContext, Model, get_recipe
from modelwright.core.rows_not_held import Rest
from modelwright.core.schema import Table
from modelwright.core.threads import use_threads
from modelwright.core.version import VERSION
from modelwright.core.words import Words
from modelwright.tune.candidate import fit_fold
from modelwright.tune.pace import Stopwatch
from modelwright.tune.payload import Shipped, check_paths, unship
from modelwright.tune.peers import RayPeers
from modelwright.tune.under_way import sign_of, this_worker
from modelwright.tune.without_media import seen

_FLUSH = 0.3  # seconds between two letters of events
_held: dict[str, Shipped] = {}  # what this process has unpacked, by the name of the climb


class Mailbox:
    """Where workers leave events, and learn that a fit is to end; an actor on the cluster."""

    def __init__(self) -> None:
        self._letters: list[tuple[str, Any]] = []
        self._beats: dict[str, tuple[float, str]] = {}
        self._ended: set[str] = set()
        self._said: dict[str, Any] = {}
        self._places: dict[str, tuple[str, int]] = {}

    def say(self, key: str, value: Any) -> None:
        """Keep what a process tells the others that fit with it."""
        self._said[key] = value

    def said(self, keys: list[str]) -> dict[str, Any]:
        """Return what was said so far under these keys."""
        return {k: self._said[k] for k in keys if k in self._said}

    def put(self, key: str, where: str, events: list[Any], place: tuple[str, int] = ("", 0)) -> bool:
        """Take events of a fit, and its sign of life; return whether it is to end. `place` is its node for Ray, and its process there."""
        self._beats[key] = time.monotonic(), where
        self._places[key] = place
        self._letters += [(key, e) for e in events]
        return key in self._ended

    def take(self) -> tuple[list[tuple[str, Any]], dict[str, tuple[float, str]]]:
        """Return the events since the last time, and for each fit the seconds since its last sign of life and where it runs."""
        letters, self._letters = self._letters, []
        now = time.monotonic()
        return letters, {k: (now - at, where) for k, (at, where) in self._beats.items()}

    def place(self, key: str) -> tuple[str, int]:
        """Return where a fit runs: its node for Ray, and its process there."""
        return self._places.get(key, ("", 0))

    def end(self, keys: list[str]) -> None:
        """Let fits end at their next step."""
        self._ended.update(keys)

    def forget(self, key: str) -> None:
        """Forget the signs of life of a fit that is begun anew elsewhere, and what its processes said."""
        for known in (self._beats, self._said):
            for k in [k for k in known if k == key or k.startswith(f"{key} #")]:
                del known[k]


def look() -> tuple[str, str, int]:
    """Return the version on this node, where it keeps temporary files, and how many bytes are free there."""
    place = tempfile.gettempdir()
    return VERSION, place, shutil.disk_usage(place).free


def unseen(files: Mapping[str, Any]) -> list[str] | None:
    """Return, in both languages, which of the files that cells name this node does not see; None where it sees those looked at."""
    try:
        check_paths(unship(files).validation.table)
    except DataError as e:
        return [e.words.en, e.words.zh]
    return None


def end_process(pid: int) -> None:
    """End a process of this node that does not end by itself."""
    os.kill(pid, signal.SIGKILL)


class _Line:
    """The line of a fit to whoever asked for it, open while a block lasts: events, signs of life, and the word that it is to end.

    A worker gives its first sign before it unpacks the rows, so that one which hangs at once is found too.
    """

    def __init__(self, mailbox: Any, told: Mapping[str, Any], where: str) -> None:
        rank, _, _ = told["peers"]
        self.deadline = Deadline.after(max(0.0, min(told["seconds"], told["until"] - time.time())))
        self.events, self._letters = EventStream(), list[Any]()
        if rank == 0:  # all go the same way: one tells of it
            self.events.listen(self._letters.append)
        self._sign = sign_of(told["key"], rank)
        self._mailbox, self._where, self._stop = mailbox, where, threading.Event()
        self._thread = threading.Thread(target=self._post, daemon=True)

    def __enter__(self) -> _Line:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join(5)

    def _post(self) -> None:
        """Send events and signs of life until told to stop; end the fit where the answer says so."""
        try:
            import ray

            if not ray.is_initialized():  # asked for by name, without a cluster
                return
            place = ray.get_runtime_context().get_node_id(), os.getpid()
            while True:
                events, self._letters[:] = self._letters[:], []
                answer = self._mailbox.put.remote(self._sign, self._where, events, place)
                if ray.wait([answer], timeout=2.0)[0] and ray.get(answer):
                    self.deadline.stop()
                if self._stop.is_set() and not self._letters:
                    return
                self._stop.wait(_FLUSH)
        except Exception:  # whoever asked has gone: the fit ends with the worker
            return


def fit(files: Mapping[str, Any], told: dict[str, Any], mailbox: Any) -> dict[str, Any]:
    """Fit and score one fold (or fit all rows where `split` is None); return what `opened` reads, or why there is nothing."""
    where = this_worker()
    grant_memory(told.get("grant"))
    try:
        with _Line(mailbox, told, where) as line:
            shipped = _held.get(told["climb"])
            if shipped is None:
                _held.clear()
                shipped = _held[told["climb"]] = _unpacked(files)
            found = _fitted(shipped, told, mailbox, line)
        return {**found, "where": where, "peak": peak_memory()}
    except (MissingExtra, ModuleNotFoundError) as e:
        node, words = platform.node(), _lacking(e, told["recipe"]).words
        return {
            "refused": [f"on the node {node}: {words.en}", f"节点 {node}：{words.zh}"],
            "where": where,
            "kind": "NodeAtFault",
        }
    except ModelwrightError as e:
        return {
            "refused": [e.words.en, e.words.zh], "where": where, "again": isinstance(e, PeersLost), "kind": type(e).__name__,
        }  # fmt: skip
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
            "kind": "NodeAtFault",
        }


def refusal(found: Mapping[str, Any]) -> ModelwrightError:
    """Return why a worker gave nothing, as an error of the kind that it was there, where what follows depends on it."""
    kinds: dict[str, type[ModelwrightError]] = {k.__name__: k for k in (NodeAtFault, MemoryTooSmall)}
    return kinds.get(found["kind"], ModelwrightError)(Words(*found["refused"]))


def _unpacked(files: Mapping[str, Any]) -> Shipped:
    """Return what was shipped. Raises NodeAtFault where this node has another version, or does not see the files that cells name."""
    try:
        shipped = unship(files)
        check_paths(shipped.validation.table)
    except DataError as e:
        raise NodeAtFault(e.words) from e
    return shipped


def _lacking(error: MissingExtra | ModuleNotFoundError, name: str) -> MissingExtra:
    """Return which extra a recipe lacks on this node. Raises what is no matter of an extra."""
    if isinstance(error, MissingExtra):
        return error
    extra = type(get_recipe(name)).extra
    if not extra or (error.name or "").partition(".")[0] == "modelwright":
        raise error
    return MissingExtra(extra, name)


def _fitted(shipped: Shipped, told: dict[str, Any], mailbox: Any, line: _Line) -> dict[str, Any]:
    from modelwright.core.device import pick_device

    process_is_ours()
    v, split = shipped.validation, told["split"]
    recipe = get_recipe(told["recipe"])
    recipe.bases = shipped.bases
    options = type(recipe).options(**told["options"])
    use_threads(told["threads"])
    os.environ["MODELWRIGHT_THREADS"] = str(told["threads"])  # of this process: Ray gave it so many cores
    rank, size, attempt = told["peers"]
    peers = RayPeers(mailbox, attempt, rank, size) if size > 1 else None
    ctx = FitContext(
        loss=shipped.task.loss, target=v.target, deadline=line.deadline, events=line.events, metric=v.metric, name=told["name"],
        seed=told["seed"], threads=told["threads"], device=pick_device(told["device"]) if told["torch"] else "cpu",
        extent=told["extent"], class_weight=told["class_weight"], memory=told["memory"], sensitive=tuple(told["sensitive"]),
        probe=told["probe"], accumulate=told["accumulate"], recompute=told["recompute"], compiles=told["compiles"],
        peers=peers, latency=told["latency"], rest=None if told["rest"] is None else _seen_here(told["rest"](rank, size)),
    )  # fmt: skip
    watch, scores, batch_ms = Stopwatch(), None, 0.0
    begun = time.monotonic()
    if rank > 0:  # the first one judges and returns the model
        train, valid = (v.table, None) if split is None else v.parts[split]
        own = replace(ctx, seed=ctx.seed + (split or 0))
        recipe.fit(seen(train, options), None if valid is None else seen(valid, options), options, own)
        return {}
    if split is None:
        with watch:
            model = recipe.fit(seen(v.table, options), None, options, ctx)
    else:
        fold = fit_fold(told["name"], recipe, options, v, split, ctx, watch)
        model, scores, batch_ms = fold.model, fold.scores, fold.batch_ms
    return {
        "model": packed(model, v.target, scores), "seconds": time.monotonic() - begun, "batch_ms": batch_ms, "wall": watch.wall,
        "cpu": watch.cpu,
    }  # fmt: skip


def _seen_here(rest: Rest) -> Rest:
    """Return rows that are read on this node; where it cannot, its name is told."""

    def tables() -> Iterator[Table]:
        try:
            yield from rest.tables()
        except DataError as e:
            node = platform.node()
            raise NodeAtFault(
                f"on the node {node}: {e.words.en} All nodes must reach the data under the same path or URL.",
                f"节点 {node}：{e.words.zh}所有节点须能以相同路径或 URL 访问数据。",
            ) from e

    return replace(rest, tables=tables)


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
