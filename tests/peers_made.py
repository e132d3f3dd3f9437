"""Two processes that fit together without a cluster: what they say to one another stands in files of a folder.

python tests/peers_made.py FOLDER SOURCE RANK SIZE OPTIONS
"""

import json
import sys
from pathlib import Path

import pyarrow as pa

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.reading import Drawn, Reading
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.row_groups import row_groups
from modelwright.data.rows_not_held import Further, Unheld, marks
from modelwright.tune.peers import RayPeers

SCHEMA = Schema((*(Column(f"x{i}", "number") for i in range(4)), Column("y", "category", role="target")))


class Mailbox:
    """The part of a run's mailbox that processes speak through."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def say(self, key, value):
        place = self.folder / key.replace("/", "_")
        place.with_suffix(".part").write_text(json.dumps(value))
        place.with_suffix(".part").rename(place)

    def said(self, keys):
        found = {k: self.folder / k.replace("/", "_") for k in keys}
        return {k: json.loads(p.read_text()) for k, p in found.items() if p.exists()}


class Here(RayPeers):
    """As on a cluster, with another mailbox."""

    def __init__(self, folder, rank, size):
        self.rank, self.size, self.host = rank, size, "127.0.0.1"
        self._mailbox, self._attempt, self._held, self._nodes = Called(Mailbox(folder)), "a", {}, {}
        self._ray = Called(None)


class Called:
    """Answers `mailbox.name.remote(...)` and `ray.get(...)` at once."""

    def __init__(self, what):
        self._what = what

    def __getattr__(self, name):
        class Method:
            remote = staticmethod(getattr(self._what, name))

        return Method

    @staticmethod
    def get(value):
        return value


def weights_of(model):
    return {k: v.flatten().tolist() for k, v in model.network.state_dict().items()}


def context(rest, seconds, peers):
    task = get_task("classification")
    return FitContext(
        loss=task.loss, target=ClassesCodec(["no", "yes"], [1, 1]), deadline=Deadline.after(seconds), events=EventStream(),
        metric=task.metrics[0], rest=rest, peers=peers,
    )  # fmt: skip


def fitted(source, rank=0, size=1, folder=None, seconds=60.0, beyond=True, recipe="trees", **options):
    """Return the model of one of `size` processes, and what was told: the first row groups are held, the others read."""
    groups = row_groups(source)
    first = (0, 1)
    held = pa.concat_tables([t for _, t in groups.read(first, 10_000)])
    how = Drawn(1.0, held.num_rows, held.num_rows, 0.01, first, groups.rows)
    found = Further(source, Reading(), 0, how.cut, how.seen, how.kept, how.seconds, groups, first)
    table = Table.of(held, SCHEMA)
    count = len(table) // 5
    valid, train = table.take(range(count)), table.take(range(count, len(table)))
    rest = Unheld(found, SCHEMA, "rows", marks(valid)).rest()
    rest = rest if size == 1 else rest.share(rank, size)
    ctx = context(rest if beyond else None, seconds, Here(folder, rank, size) if size > 1 else None)
    notes = []
    ctx.events.listen(lambda e: notes.append(e.words.en) if hasattr(e, "words") else None)
    made = get_recipe(recipe)
    plain = (
        {"rounds": 60, "learning_rate": 0.2, "crosses": True}
        if recipe == "trees"
        else {"batch": 128, "epochs": 2, "width": 32}
    )
    model = made.fit(train, valid, made.options(**{**plain, **options}), ctx)
    return model, notes, model.scores(valid), valid


if __name__ == "__main__":
    folder, source, rank, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    try:
        model, notes, scores, _ = fitted(source, rank, size, folder, **json.loads(sys.argv[5]))
    except ModelwrightError as e:
        (Path(folder) / f"failed-{rank}").write_text(e.words.en)
        sys.exit(3)
    told = {
        "text": model.boosters[0].model_to_string() if model.recipe == "trees" else weights_of(model), "notes": notes, "scores": scores[:, 1].tolist(), "extent": model.extent,
    }  # fmt: skip
    (Path(folder) / f"told-{rank}.json").write_text(json.dumps(told))
