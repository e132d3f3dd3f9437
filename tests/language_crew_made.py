"""A tiny language model tuned by several processes, as tests ask for it.

python tests/language_crew_made.py PORT RANK SIZE TOLD
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.task import get_task
from modelwright.train import llm
from modelwright.train.crew import Follower, Leader, Over, store_at


def tuned(crew, told):
    """Return the tuned weights by name, the losses and the epochs that were done."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 200, rng.integers(6, 20)).tolist() for _ in range(32)]
    data = [{"input_ids": r, "labels": r} for r in rows]
    if told["pairs"]:
        data = [{"prompt_ids": r[:3], "chosen_ids": r[3:], "rejected_ids": r[:2:-1]} for r in rows]
    task = get_task("classification")
    deadline = Deadline()  # the rate goes by steps alone
    ctx = FitContext(
        loss=task.loss, target=ClassesCodec(["a", "b"], [1, 1]), deadline=deadline, events=EventStream(), metric=task.metrics[0],
        folder=None if told["folder"] is None else Path(told["folder"]), crew=crew, accumulate=told["accumulate"],
    )  # fmt: skip
    llm._RARELY = 0
    if told["early"] and (crew is None or crew.rank == 0):  # stopped in the middle, after a checkpoint
        whole = llm.save_checkpoint

        def stop(folder, network, optimizers, average, state):
            whole(folder, network, optimizers, average, state)
            if state.step == told["early"]:
                deadline.stop()

        llm.save_checkpoint = stop
    options = get_recipe("causal").options(way=told["way"], lr=1e-3, epochs=told["epochs"], batch=8)
    history = []
    with tempfile.TemporaryDirectory() as place:
        done = llm.tune(Path(told["base"]), data, told["pairs"], options, ctx, history, Path(place), 0, told["epochs"])
        from safetensors.torch import load_file

        return load_file(f"{place}/model.safetensors"), history, done


def told_of(base, **more):
    return {
        "base": str(base),
        "pairs": False,
        "way": "full",
        "epochs": 1.0,
        "accumulate": 1,
        "early": 0,
        "folder": None,
        **more,
    }


def tune_with(size, told):
    """Tune with `size` processes; return what the leading one has."""
    if size == 1:
        return tuned(None, told)
    store = store_at("127.0.0.1", 0, leads=True)
    leader = Leader(store, size, (0, size), lambda: None)
    leader.job = 1
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    others = [
        subprocess.Popen([sys.executable, __file__, str(store.port), str(r), str(size), json.dumps(told)], env=env)
        for r in range(1, size)
    ]
    try:
        found = tuned(leader, told)
    finally:
        leader.store.set("1/end", "1")
        leader.leave()
        ended = [other.wait(60) for other in others]
    assert ended == [0] * len(others)
    return found


if __name__ == "__main__":
    port, rank, size, told = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
    torch.set_num_threads(1)
    me = Follower(store_at("127.0.0.1", port, leads=False), rank, size, (rank, size))
    me.job = 1
    with contextlib.suppress(Over):
        tuned(me, told)
    me.leave()
