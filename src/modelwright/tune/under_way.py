"""A fit that was handed to a cluster: the tasks of Ray that do it, one or several that begin together."""

from __future__ import annotations

import contextlib
import os
import platform
import uuid
from dataclasses import dataclass
from typing import Any

TRIES = 3  # times that a fit is begun anew where its worker was lost


def sign_of(key: str, rank: int) -> str:
    """Return what the signs of life of a worker stand under: the key of its fit, with its rank where it is not the first of several."""
    return key if rank == 0 else f"{key} #{rank}"


def this_worker() -> str:
    """Return how messages call this process: its node, and its number there."""
    return f"{platform.node()} (pid {os.getpid()})"


@dataclass
class UnderWay:
    """The tasks of a fit, that of the first worker first; `group` holds the places of several that begin together."""

    refs: list[Any]
    group: Any = None
    tries: int = 0

    @classmethod
    def begun(cls, ray: Any, fit: Any, key: str, job: dict[str, Any], files: Any, mailbox: Any, gpu: bool) -> UnderWay:
        """Hand `job` to as many workers as it names; those of a network get a GPU each where the cluster has any."""
        gpus = {"num_gpus": 1} if job["torch"] and gpu else {}
        size, threads, attempt = job["workers"], job["threads"], f"{key} #{uuid.uuid4().hex}"
        jobs = [{**job, "peers": (rank, size, attempt)} for rank in range(size)]
        if size == 1:
            task = fit.options(num_cpus=threads, max_retries=TRIES, **gpus)
            return cls([task.remote(files, jobs[0], mailbox)])
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        # all or none: a part of them would hold its places and wait for the others
        needs = {"CPU": float(threads), **({"GPU": 1.0} if gpus else {})}
        group = placement_group([needs] * size, strategy="SPREAD")
        refs = []
        for rank, own in enumerate(jobs):
            place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
            task = fit.options(num_cpus=threads, max_retries=0, scheduling_strategy=place, **gpus)
            refs.append(task.remote(files, own, mailbox))
        return cls(refs, group)

    def end(self, ray: Any) -> None:
        """End the tasks, wherever they stand, and give their places back."""
        for ref in self.refs:
            with contextlib.suppress(Exception):
                ray.cancel(ref, force=True)
        if self.group is not None:
            from ray.util.placement_group import remove_placement_group

            with contextlib.suppress(Exception):
                remove_placement_group(self.group)
