"""Fits under the planner: what each may cost, its share of the time, and what comes of it or goes wrong."""

from __future__ import annotations

import importlib
import math
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from modelwright.core.budget import Deadline, duration_words, parse_duration, show_duration
from modelwright.core.device import free_cores, free_memory, pick_device
from modelwright.core.errors import CannotWrite, ClusterLost, MemoryTooSmall, ModelwrightError
from modelwright.core.events import Probing
from modelwright.core.memory_pages import return_pages
from modelwright.core.recipe import Estimate, FitContext, Options, Recipe, get_recipe, guesses, on_torch
from modelwright.core.stored_data import sealing
from modelwright.core.threads import one_thread, use_threads
from modelwright.tune.attempt import Broken, attempt
from modelwright.tune.candidate import Candidate, Fold, add_fold, candidate_of, fit_fold, save_candidate, stays_here
from modelwright.tune.climb import Climb
from modelwright.tune.no_model import no_memory
from modelwright.tune.pace import Pace, Stopwatch
from modelwright.tune.search import Search
from modelwright.tune.shares import DEAR_RANK
from modelwright.tune.without_media import seen

_PROBE = 0.04  # share of the budget that telling what a fit takes may cost, all probes together
_PROBES_MOST = 0.01  # of one probe
_TORCH_WORTH = 5.0  # seconds left on an idle machine below which loading torch, which takes two, is not worth it
_TORCH_MEMORY = 300 << 20  # bytes that torch takes when it is loaded, and the least that a network needs beside it
_UNKNOWN = 0.5  # share of the time left that a network is taken to need where nothing may be tried out any more
_DEAR = 0.35  # share of its time without which a dear network is not begun
_PROBE_ALONE = 0.15  # share of the time of a fit that a probe may cost beyond that, where nothing of the recipe could begin otherwise


@dataclass
class Fits:
    """Trains candidates fold by fold for a climb, and learns what they take."""

    climb: Climb
    pace: Pace
    quickest: float | None = None  # seconds that the quickest model would have taken of those that did not fit
    refused: dict[str, float] = field(
        default_factory=dict
    )  # least seconds of recipes that were not begun for want of time
    _probes: dict[Any, Any] = field(default_factory=dict)
    _probed: float = 0.0  # processor seconds that probes took
    _known: dict[str, Estimate] = field(default_factory=dict)  # estimates by recipe and options
    _full: bool = False  # whether the disk has refused a candidate
    urgent: bool = (
        False  # whether nothing better than a guess stands and the time is over: what is begun then is not weighed long
    )

    def context(self, name: str, deadline: Deadline, seed: int | None = None, *, torch: bool = False) -> FitContext:
        """Return the context of a fit under this plan; the device is looked up only for recipes on torch."""
        p = self.climb
        return FitContext(
            loss=p.task.loss,
            target=p.validation.target,
            deadline=deadline,
            events=p.events,
            metric=p.validation.metric,
            name=name,
            seed=p.config.seed if seed is None else seed,
            threads=self._threads(),
            device=pick_device(p.device) if torch else "cpu",
            folder=None if p.folder is None or sealing() else p.folder / f".{name}.checkpoints",
            class_weight=p.config.class_weight,
            memory=p.memory,
            private=p.private.spending if p.private else None,
            sensitive=tuple(p.config.sensitive) if p.config.mitigate == "reweigh" else (),
            rest=p.rest,
            cache=self._probes,
            probe=self._probe_seconds(),
            crew=p.crew,
            cluster=p.cluster,
            load=self.pace.load,
            accumulate=p.config.accumulate,
            shard=p.config.shard,
            compiles=p.config.compile,
            recompute=p.config.activation_checkpointing,
            latency=p.latency,
        )

    def _threads(self) -> int:
        """Return the threads of the next piece of work: what other programs leave now."""
        self.pace.threads = free_cores()
        use_threads(self.pace.threads)
        return self.pace.threads

    def _probe_seconds(self) -> float:
        budget = self._budget()
        return max(0.05, min(3.0, _PROBES_MOST * budget, _PROBE * budget - self._probed))

    def _budget(self) -> float:
        """Return the processor seconds that the whole budget comes to, as busy as the machine is."""
        return parse_duration(self.climb.config.budget) / self.pace.load

    def estimate(self, recipe: Recipe, options: Options, name: str = "", *, needed: bool = False) -> Estimate:
        """Return what a fit on one fold is to cost, asked once for the same options, whatever the probes had where it is `needed`.

        Raises what the recipe raises.
        """
        key = f"{recipe.name} {options.model_dump_json()}"
        if key not in self._known:
            p = self.climb
            if on_torch(recipe):
                self._load_torch()
                if not needed and not self._may_probe():
                    return self._like(recipe)
            p.events.emit(Probing(name or recipe.name, recipe.name))
            ctx = self.context(name or recipe.name, p.deadline, torch=on_torch(recipe))
            ctx = replace(ctx, threads=1, crew=None, encoded=p.validation.caches[0].keys())
            with one_thread(), Stopwatch() as watch:
                self._known[key] = recipe.estimate(seen(p.validation.parts[0][0], options), options, ctx)
            self._probed += watch.cpu
            if on_torch(recipe):
                self.pace.learn(recipe, watch, threads=1)
                if p.memory is not None:
                    return_pages()  # of what was encoded and of the network, before what is left is told
        return self._known[key]

    def _load_torch(self) -> None:
        """Import torch, which is no part of a probe. Raises ModelwrightError where the time left is too short for a network."""
        if "torch" in sys.modules:
            return
        self._spare_memory(_TORCH_MEMORY)
        need, left = _TORCH_WORTH * self.pace.load, self.climb.left()
        if left < need:
            raise _too_little(need, left)
        importlib.import_module("torch")

    def _may_probe(self) -> bool:
        """Return whether a further probe keeps within what all of them may take."""
        return self._probed == 0 or self._probed + self._probe_seconds() <= _PROBE * self._budget()

    def _like(self, recipe: Recipe) -> Estimate:
        """Return what was told for other options of a network, else a guess: it trains until its time ends.

        Raises ModelwrightError where it is dear and nothing is known.
        """
        for key, cost in reversed(self._known.items()):
            if key.startswith(f"{recipe.name} "):
                return cost
        if type(recipe).rank >= DEAR_RANK:
            raise ModelwrightError(
                "not tried: there was no time left to find out what it takes", "未尝试：已没有时间估计所需的时长"
            )
        return Estimate(_UNKNOWN * self.climb.left() / self.pace.load, 0)

    def expected(self, recipe: Recipe, options: Options) -> float:
        """Return the seconds on the clock that a fit on one fold is to take, what was learnt so far counted in."""
        found = attempt(lambda: self.estimate(recipe, options), recipe.name, None)
        if isinstance(found, Broken):
            return float("inf")
        return self.pace.seconds(recipe, found.seconds)

    def least(self, recipe: Recipe, options: Options) -> float:
        """Return the seconds on the clock below which a fit on one fold is not begun."""
        found = attempt(lambda: self.estimate(recipe, options), recipe.name, None)
        return float("inf") if isinstance(found, Broken) else self.pace.seconds(recipe, _worth(recipe, found))

    def that_begins(self, recipe: Recipe, options: Options, share: float) -> Options:
        """Return the options where a fit of them begins within so many seconds, else the dearest smaller ones of which one does; the
        options as they are where none does, which is told when they are begun."""
        p = self.climb
        if type(recipe).baseline or not share < self.least(recipe, options) < float("inf"):
            return options
        for other in recipe.smaller(options, p.validation.table.schema):
            begun = self._probed
            found = attempt(partial(self.estimate, recipe, other, needed=True), recipe.name, None)
            if isinstance(found, Broken):
                break
            if self.pace.seconds(recipe, _worth(recipe, found)) <= share:
                return other
            if (self._probed - begun) * self.pace.load > _PROBE_ALONE * share:  # a second one would take as long
                break
        return options

    def in_earnest(self, recipe: Recipe, options: Options) -> float:
        """Return the seconds on the clock that the least fit on one fold takes where the machine is only about as busy as the square
        root of what it was: how busy it will be nobody knows, and a model that is late by a little is better than none."""
        found = attempt(lambda: self.estimate(recipe, options), recipe.name, None)
        return float("inf") if isinstance(found, Broken) else _worth(recipe, found) * self.pace.load**0.5

    def begin(
        self, recipe: Recipe, options: Options, name: str, share: float, *, seed: int | None = None,
        search: tuple[Search, Any] | None = None, folds: tuple[int, ...] | None = None,
    ) -> Candidate | None:  # fmt: skip
        """Train on the folds (all where none are named) and keep what came of it; None where nothing did, which is told."""
        p = self.climb
        if not self.urgent:  # the last resort was given what is left, part of what is kept for the end among it
            share = max(0.0, min(share, p.until_end() - self._scoring(recipe, options)))
        splits = tuple(range(len(p.validation.splits))) if folds is None else folds
        made: list[Candidate] = []
        begun: list[bool] = []

        def work() -> None:
            cost = self.estimate(recipe, options, name)
            self._check(recipe, cost, share, len(splits))
            begun.append(True)
            for i, split in enumerate(splits):
                deadline = p.deadline.sub(share / (len(splits) - i) if made else share)
                ctx = self.context(name, deadline, seed, torch=on_torch(recipe))
                pruner = search[0].watch(search[1], name, deadline) if search else None
                if pruner:
                    p.events.listen(pruner)
                try:
                    self._fold(made, name, recipe, options, split, ctx, cost)
                finally:
                    if pruner:
                        p.events.forget(pruner)

        failed = attempt(work, name, p.folder.parent if p.folder else None)
        if isinstance(failed, Broken) and not made:
            was_begun = failed.fault or bool(begun)
            p.fail(name, failed.words, fault=failed.fault, memory=failed.memory, node=failed.node, begun=was_begun)
            return None
        self._save(made[0])
        return made[0]

    def _scoring(self, recipe: Recipe, options: Options) -> float:
        """Return the seconds on the clock that scoring one more candidate of a recipe takes after its fit, by what one of them took, or by
        its estimate where none was scored yet: on the rows that a fold holds out, and on the test rows, where it may stand in the winner."""
        p = self.climb
        took = [c.batch_ms for c in p.candidates if c.recipe == recipe.name]
        if took:
            each = max(took)
        else:
            found = attempt(lambda: self.estimate(recipe, options), recipe.name, None)
            each = 0.0 if isinstance(found, Broken) else 1000 * found.row
        held_out = len(p.validation.parts[0][1]) * each / 1000
        return (held_out + p.reserve(each) - p.reserve(0.0)) * self.pace.load

    def extend(self, candidate: Candidate, split: int, share: float) -> bool:
        """Train a candidate on one more fold, in place; return whether it was."""
        p = self.climb
        recipe = get_recipe(candidate.recipe)
        recipe.bases = p.bases
        options = type(recipe).options(**candidate.options)
        share = min(share, p.until_end())
        ctx = self.context(candidate.name, p.deadline.sub(share), candidate.seed, torch=on_torch(recipe))
        made = [candidate]
        found = attempt(
            lambda: self._fold(made, candidate.name, recipe, options, split, ctx, None),
            candidate.name,
            p.folder.parent if p.folder else None,
        )
        if isinstance(found, Broken):
            p.standings.beaten.setdefault(candidate.name, found.words)
            return False
        if len(candidate.folds) == len(p.validation.splits):
            self._save(candidate)
        return True

    def _fold(
        self, made: list[Candidate], name: str, recipe: Recipe, options: Options, split: int, ctx: FitContext,
        cost: Estimate | None,
    ) -> None:  # fmt: skip
        """Fit one fold and add it to the candidate in `made`, or begin it there; learn what it took."""
        validation = self.climb.validation
        fresh = ("fitted", recipe.name) not in validation.caches[split]
        watch = Stopwatch()
        fold = self._fitted(name, recipe, options, split, ctx, watch)
        if made:
            add_fold(made[0], fold, validation)
        else:
            made.append(candidate_of(name, recipe, options, validation, fold, ctx.seed))
        validation.caches[split]["fitted", recipe.name] = True
        estimated = cost.seconds if cost is not None and fresh else 0.0  # a further one finds its columns encoded
        self.pace.learn(recipe, watch, estimated, whole=not ctx.deadline.expired())

    def _fitted(
        self, name: str, recipe: Recipe, options: Options, split: int, ctx: FitContext, watch: Stopwatch
    ) -> Fold:
        """Fit one fold: on the cluster where there is one and the fit is worth it, guesses aside; here where it was lost, or rows are to be
        read that no other machine was given."""
        cluster = self.climb.cluster
        elsewhere = cluster is not None and not guesses(recipe.name) and not stays_here(recipe, ctx.rest)
        if elsewhere and cluster.worth(self.expected(recipe, options)):
            with suppress(ClusterLost):
                found: Fold = cluster.fold(recipe, options, split, ctx, watch)
                return found
        return fit_fold(name, recipe, options, self.climb.validation, split, ctx, watch)

    def ahead(
        self, recipe: Recipe, options: Options, name: str, share: float, split: int, *, seed: int | None = None
    ) -> None:
        """Hand a fit that will be wanted to the cluster, where there is one and it has the time and memory for it."""
        p = self.climb
        if p.cluster is None or guesses(recipe.name) or stays_here(recipe, p.rest):
            return
        share = min(share, p.until_end())

        def work() -> None:
            self._check(recipe, self.estimate(recipe, options, name), share, 1)
            if not p.cluster.worth(self.expected(recipe, options)):
                return
            ctx = self.context(name, p.deadline.sub(share), seed, torch=False)
            p.cluster.ahead(recipe, options, ctx, split)

        attempt(work, name, None)

    def _check(self, recipe: Recipe, cost: Estimate, share: float, folds: int) -> None:
        """Raise MemoryTooSmall where memory does not suffice, ModelwrightError where not even a short fit would end in time."""
        self._spare_memory(cost.memory)
        least = self.pace.seconds(recipe, _worth(recipe, cost)) * folds
        if least > share and not type(recipe).baseline and not self.urgent:
            if self.quickest is None or least < self.quickest:
                self.quickest = least
            self.refused[recipe.name] = least
            raise _too_little(least, share)

    def _spare_memory(self, need: int) -> None:
        """Raise ModelwrightError where so many bytes cannot be had here; workers of a cluster have memory of their own."""
        if self.climb.cluster is None:
            _spare_memory(need)

    def _save(self, candidate: Candidate) -> None:
        """Keep a candidate on disk; where the disk refuses, it stays in memory, and that is said once."""
        p = self.climb
        if p.folder is None or self._full:
            return
        try:
            save_candidate(candidate, p.folder / candidate.name, p.validation.target)
        except CannotWrite as e:
            self._full = True
            p.events.warn(
                f"{e.words.en} Candidates are kept in memory only; --resume will not find them.",
                f"{e.words.zh} 候选模型只保留在内存中；--resume 将找不到它们。",
            )


def _worth(recipe: Recipe, cost: Estimate) -> float:
    """Return the processor seconds below which a fit is not worth its beginning."""
    dear = type(recipe).rank >= DEAR_RANK
    return max(cost.least_seconds, _DEAR * cost.seconds) if dear else cost.least_seconds


def _spare_memory(need: int) -> None:
    """Raise MemoryTooSmall where so many bytes cannot be had beside what the run holds already."""
    have = free_memory()
    if need > have:  # what was freed may still be with the process
        return_pages()
        have = free_memory()
    if need > have:
        raise MemoryTooSmall(no_memory(need, have))


def _too_little(need: float, have: float) -> ModelwrightError:
    """Return why a recipe is not begun: it needs more seconds than it can have."""
    need, have = _apart(need, have)
    return ModelwrightError(
        f"not tried: needs about {show_duration(need)}, {show_duration(have)} can be given to it",
        f"未尝试：约需 {duration_words(need).zh}，可分配 {duration_words(have).zh}",
    )


def _apart(need: float, have: float) -> tuple[float, float]:
    """Return two durations, the second shorter, as they are to be shown: rounded away from each other, so that both are true."""
    step = 0.1 if need < 9.95 else 1.0 if need < 3600 else 60.0
    return math.floor(need / step + 1) * step, math.floor(have / step) * step
