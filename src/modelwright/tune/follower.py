"""A process that follows: `python -m modelwright.tune.follower`, started by a run with several devices, or by torchrun's `modelwright run`.

It waits for what the leading process fits, fits it too, and takes its part of every batch; it writes nothing and keeps nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from modelwright.core.budget import Deadline
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.version import VERSION
from modelwright.tune.launcher import meeting
from modelwright.tune.payload import Shipped, unship
from modelwright.tune.without_media import seen

_LOOK = 0.02  # seconds between two looks for a job
_LEADER = "MODELWRIGHT_LEADER"  # the pid of the process that started this one


def follow() -> int:
    """Follow the leading process until it says goodbye; return the exit code. Raises ModelwrightError."""
    from modelwright.train.crew import Follower, Over, store_at

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", str(rank))), int(os.environ.get("LOCAL_WORLD_SIZE", str(size)))
    host, port = meeting()
    store = store_at(host, port, leads=False)
    me = Follower(store, rank, size, local)
    store.set(f"pid/{rank}", str(os.getpid()))
    stop = threading.Event()
    threading.Thread(target=me.beat, args=(store_at(host, port, leads=False), stop), daemon=True).start()
    threading.Thread(target=_watch_leader, daemon=True).start()
    shipped: Shipped | None = None
    try:
        while True:
            me.job += 1
            me.loops = 0
            while not me.has(f"{me.job}/job"):
                if me.has("bye"):
                    store.set(f"left/{rank}", str(os.getpid()))
                    return 0
                time.sleep(_LOOK)
            told = json.loads(store.get(f"{me.job}/job"))
            shipped = shipped or _shipped(told)
            try:
                _fit(me, shipped, told)
            except Over:
                pass
            except ModelwrightError:  # what does not suit the rows does not suit those of the leading process either
                pass
            store.set(f"{me.job}/over/{rank}", "1")
    finally:
        stop.set()
        me.leave()


def _shipped(told: dict[str, Any]) -> Shipped:
    place = Path(told["folder"])
    if told["version"] != VERSION:
        raise DataError(
            f"{os.uname().nodename} has Modelwright {VERSION}, and the run is of {told['version']}: install the same one there.",
            f"{os.uname().nodename} 上为 Modelwright {VERSION}，而运行使用 {told['version']}：请在该节点安装相同版本。",
        )
    if not place.is_dir():
        raise DataError(
            f"{os.uname().nodename} does not see {place}, where the rows of this run are: point TMPDIR to a folder that all nodes share.",
            f"{os.uname().nodename} 看不到本次运行的数据所在的 {place}：请将 TMPDIR 指向所有节点共享的文件夹。",
        )
    return unship(place)


def _fit(me: Any, shipped: Shipped, told: dict[str, Any]) -> None:
    from modelwright.core.device import pick_device

    v, split = shipped.validation, told["split"]
    recipe = get_recipe(told["recipe"])
    recipe.bases = shipped.bases
    options = type(recipe).options(**told["options"])
    device = f"cuda:{me.local[0]}" if told["device"] == "cuda" else pick_device(told["device"])
    train, valid = (v.table, None) if split is None else v.parts[split]
    ctx = FitContext(
        loss=shipped.task.loss,
        target=v.target,
        deadline=Deadline.after(told["seconds"] + 60.0),  # the leading process says when a loop ends
        events=EventStream(),
        metric=v.metric,
        name=told["name"],
        seed=told["seed"],
        threads=told["threads"],
        device=device,
        extent=told["extent"],
        class_weight=told["class_weight"],
        memory=told["memory"],
        sensitive=tuple(told["sensitive"]),
        cache={} if split is None else v.caches[split],
        probe=told["probe"],
        crew=me,
        accumulate=told["accumulate"],
        shard=told["shard"],
        recompute=told["recompute"],
        latency=told["latency"],
    )
    recipe.fit(seen(train, options), None if valid is None else seen(valid, options), options, ctx)


def _watch_leader() -> None:
    """End with the process that started this one: it has no one else to tell what came of it."""
    leader = os.environ.get(_LEADER)
    while leader:
        if os.getppid() != int(leader):
            os._exit(1)
        time.sleep(0.5)


if __name__ == "__main__":
    try:
        sys.exit(follow())
    except ModelwrightError as e:
        sys.stderr.write(f"{e.words.en}\n")
        sys.exit(1)
