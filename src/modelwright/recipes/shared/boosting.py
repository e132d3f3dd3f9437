"""Boosting with LightGBM under a deadline: early stopping on held-out rows, rounds repeated in a refit.

Legend: N rows, D features.
"""

from __future__ import annotations

import platform
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError, PeersLost
from modelwright.core.events import Step
from modelwright.core.libraries import lightgbm
from modelwright.core.peers import Peers
from modelwright.core.recipe import FitContext
from modelwright.recipes.shared.rows_not_held import FurtherRows, check_equal, sequences

_REFIT = 1.05  # a refit has more rows and takes a few more rounds
_ENOUGH = 0.85  # share of the rounds that a refit must have grown when the time ends
_TOLD = 25  # rounds between two events
FASTER = (0.1, 0.2, 0.3)  # learning rates for when time is short
_SMALL = 200_000  # values below which further threads only wait for one another
_TRIED = 5  # rounds that tell what one takes
_GLANCE_ROWS, _GLANCE_ROUNDS = 10_000, 30  # that tell which features lead
_GLANCE = {
    "learning_rate": 0.1, "num_leaves": 16, "min_child_samples": 20, "feature_fraction": 0.5, "bagging_fraction": 0.8, "lambda_l2": 1.0,
    "path_smooth": 0.0, "cat_smooth": 10.0, "max_bin": 63, "extra_trees": False,
}  # fmt: skip
_FIRST_ROUNDS = 30  # after which two sets of features are compared
_QUICK = {"learning_rate": 0.3, "num_leaves": 16, "max_bin": 63, "bagging_fraction": 1.0}  # options of these rounds
_LAST_RATE = 0.05  # the learning rate at the end of a fit whose rate falls as its time passes
_STEPS = 20  # in which it falls
_PATIENT = 15  # rounds without a lower loss after which those of a falling rate are taken back
LEAST_ROUNDS = 25  # rounds below which a fit that is cut short is not worth having
_REACH = 10.0  # seconds in which a port of another node must answer
_MEET = 2  # minutes for which LightGBM waits for another process
_NETWORK = re.compile(r"^\[(?:machines|num_machines|local_listen_port|machine_list_filename|time_out): .*\]\n", re.M)


@dataclass(frozen=True)
class Boosted:
    """Boosters (one, or one per label), the rounds each kept, and the held-out loss over the rounds.

    `rates` are those of the first booster where rounds were taken back, else None: learning rates, each with the share of the kept rounds
    that it begins after.
    """

    boosters: list[Any]
    rounds: list[int]
    history: list[dict[str, float]]
    rates: list[list[float]] | None = None


class _Watch:
    """A LightGBM callback that stops at the deadline, or when the held-out loss has not fallen for `patience` rounds.

    Where a rate falls, rounds after the best one are taken back and slower ones follow, until the rate is at its end.
    """

    order = 30
    before_iteration = False

    def __init__(self, ctx: FitContext, patience: int, total: int, falling: _Falling | None = None) -> None:
        self.ctx, self.patience, self.total, self.falling = ctx, patience, total, falling
        self.best, self.best_round = float("inf"), 0
        self.history: list[dict[str, float]] = []

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        done = env.model.current_iteration()
        if env.evaluation_result_list:
            loss = float(env.evaluation_result_list[0][2])
            if loss < self.best:
                self.best, self.best_round = loss, done
            if done % _TOLD == 0 or done == 1:
                self.history.append({"step": float(done), "valid_loss": loss})
                self.ctx.events.emit(Step(self.ctx.name, done, self.total, {"valid_loss": loss}))
        else:
            self.best_round = done
        late = self.ctx.deadline.expired()
        if self.ctx.peers is not None:
            late = bool(self.ctx.peers.in_force("late", done, late))
        if not late and done - self.best_round >= _PATIENT and self.falling is not None and self.falling.slow():
            for _ in range(done - self.best_round):
                env.model.rollback_one_iter()
            self.falling.forget(self.best_round)
            self.patience = max(self.patience, _patience_of(self.falling.most))
            self.history = [h for h in self.history if h["step"] <= self.best_round]
        elif late or done - self.best_round >= self.patience:
            raise EarlyStopException(max(self.best_round, 1) - 1, env.evaluation_result_list or [])


class _Falling:
    """A LightGBM callback that lets the learning rate fall in steps to `_LAST_RATE`, with the time that passes or, in a refit, the rounds.

    A refit of trees some of whose rounds were taken back has the rates of those that were kept.
    """

    order = 10
    before_iteration = True

    def __init__(self, ctx: FitContext, rate: float, total: int) -> None:
        self.ctx, self.rate, self.total = ctx, rate, total
        self.whole = ctx.deadline.remaining()
        self.at = 0
        self.most = rate
        self.used: list[tuple[int, float]] = [(0, rate)]  # rounds that were done, and the rate from there on
        self.kept: list[list[float]] = (ctx.extent or {}).get("rates") or []

    def __call__(self, env: Any) -> None:
        done = env.model.current_iteration()
        if self.kept:
            wanted = [rate for share, rate in self.kept if share <= done / self.total][-1]
        else:
            wanted = self._by_time(done)
        if wanted != self.used[-1][1]:
            self.used.append((done, wanted))
            env.model.reset_parameter({"learning_rate": wanted})

    def _by_time(self, done: int) -> float:
        if self.ctx.extent:
            passed = done / self.total
        else:
            passed = 1 - self.ctx.deadline.remaining() / self.whole if 0 < self.whole < float("inf") else 0.0
        at = int(_STEPS * min(1.0, passed))
        if self.ctx.peers is not None:
            at = int(self.ctx.peers.in_force("rate", done, at) or 0)
        self.at = at
        return min(self.most, self.rate + (_LAST_RATE - self.rate) * at / _STEPS)

    def slow(self) -> bool:
        """Halve the rate from here on; return whether it can be lower."""
        now = self.used[-1][1]
        # several processes would have to agree on the rate once more
        if self.ctx.peers is not None or self.ctx.extent or now <= _LAST_RATE:
            return False
        self.most = max(_LAST_RATE, now / 2)
        return True

    def forget(self, kept: int) -> None:
        """Let the rates of rounds go that were taken back after the first `kept`."""
        self.used = [u for u in self.used if u[0] < kept] or self.used[:1]

    def shares(self, grown: int) -> list[list[float]] | None:
        """Return the rates of the rounds that were kept, each with the share of them that it begins after; None where none were taken back."""
        return None if self.most >= self.rate else [[done / grown, rate] for done, rate in self.used if done < grown]


def boost(
    matrix: np.ndarray, truth: np.ndarray, matrix_held: np.ndarray | None, held: np.ndarray, categorical: list[int],
    weight: np.ndarray | None, options: Mapping[str, Any], ctx: FitContext, further: FurtherRows | None = None,
) -> Boosted:  # fmt: skip
    """Grow trees on `matrix` [N, D], watching `matrix_held`; without it for the rounds in `ctx.extent`, if any.

    Those of `further`, which weigh as much as any, are binned by the bins of `matrix`. With `ctx.peers` the rows of all are learnt from, by
    LightGBM's own data-parallel learner (Meng et al. 2016, arXiv 1611.01276): `matrix` is the same in all, and each has its share of it.
    """
    lgb = lightgbm()

    target, peers = ctx.target, ctx.peers
    many = target.kind == "label_sets"
    parameters = _parameters(options, len(truth), ctx)
    if matrix.size < _SMALL:
        parameters["num_threads"] = 1
    kept = _of_dataset(parameters)
    dataset = lgb.Dataset(
        matrix, np.zeros(len(truth)) if many else truth, weight=weight, categorical_feature=categorical, params=kept,
        free_raw_data=False,
    )  # fmt: skip
    if further is not None or peers is not None:  # what trees will ask for is said before the rows are binned
        kept["min_child_samples"] = parameters["min_child_samples"]
        dataset.params = dict(kept)
        own = slice(0, None) if peers is None else slice(peers.rank, None, peers.size)
        truth = truth[own] if further is None else np.concatenate([truth[own], further.truth])
        dataset = lgb.Dataset(
            sequences(matrix[own], further), np.zeros(len(truth)) if many else truth, reference=dataset.construct(),
            categorical_feature=categorical, params=kept, free_raw_data=False,
        )  # fmt: skip
        dataset.construct()
        if peers is not None:
            check_equal([matrix], peers)
            parameters |= {"tree_learner": "data", "time_out": _MEET, **_met(peers)}
    boosters: list[Any] = []
    rounds: list[int] = []
    history: list[dict[str, float]] = []
    rates: list[list[float]] | None = None
    for k in range(target.outputs if many else 1):
        total = int(options["rounds"])
        if ctx.extent and ctx.extent.get("rounds"):
            total = max(1, round(ctx.extent["rounds"][k] * _REFIT))
        if many:
            dataset.set_label(truth[:, k].copy())
        sets = []
        if matrix_held is not None:
            sets = [dataset.create_valid(matrix_held, held[:, k].copy() if many else held)]
        falling = _Falling(ctx, options["learning_rate"], total) if options.get("falls") else None
        watch = _Watch(ctx, _patience_of(options["learning_rate"]), total, falling)
        callbacks = [watch] if falling is None else [falling, watch]
        booster = _trained(parameters, dataset, total, valid_sets=sets, callbacks=callbacks)
        grown = watch.best_round or total
        whole_refit(ctx, grown, total)
        # what is kept is exactly the rounds that count, so that the file and the memory agree
        text = _NETWORK.sub("", booster.model_to_string(num_iteration=grown))  # addresses are no part of a model
        boosters.append(lgb.Booster(model_str=text))
        rounds.append(grown)
        if k == 0:
            history, rates = watch.history, None if falling is None else falling.shares(grown)
    return Boosted(boosters, rounds, history, rates)


def _trained(parameters: dict[str, Any], dataset: Any, total: int, **more: Any) -> Any:
    """Return the booster that LightGBM grows. Raises ModelwrightError where the others of a fit cannot be reached."""
    lgb = lightgbm()

    if "machines" not in parameters:
        return lgb.train(parameters, dataset, total, **more)
    try:
        booster = lgb.train(parameters, dataset, total, **more)
    except lgb.basic.LightGBMError as e:
        said, node, port = " ".join(str(e).split())[:160], platform.node(), parameters["local_listen_port"]
        if "ort" in said and "ind" in said:  # "Binding port", "Cannot find any ip ... port"
            raise PeersLost(
                f"port {port} of the node {node} is in use or closed to it ({said}): open ports to the nodes of the cluster",
                f"节点 {node} 的端口 {port} 已被占用或不可用（{said}）：请为集群节点开放端口",
            ) from e
        raise PeersLost(
            f"the worker on {node} lost the others ({said}): look whether the nodes reach one another's ports",
            f"{node} 上的工作进程与其他进程失去联系（{said}）：请检查节点之间的端口是否可达",
        ) from e
    booster.free_network()
    return booster


def _met(peers: Peers) -> dict[str, Any]:
    """Return what LightGBM is to know of the processes: where each listens, and on which port this one does.

    Raises ModelwrightError where one does not reach another: LightGBM would try for minutes.
    """
    with socket.create_server(("", 0), backlog=peers.size) as tried, socket.socket() as own:
        own.bind(("", 0))
        port = int(own.getsockname()[1])
        others = peers.gather("tried", (platform.node(), peers.host, int(tried.getsockname()[1])))
        for node, host, at in others:
            try:
                socket.create_connection((host, at), timeout=_REACH).close()
            except OSError as e:
                here, why = platform.node(), getattr(e, "strerror", None) or e
                raise ModelwrightError(
                    f"the node {here} does not reach {node} at {host}:{at} ({why}): open the ports between the nodes of the cluster",
                    f"节点 {here} 无法连接 {node} 的 {host}:{at}（{why}）：请开放集群节点之间的端口",
                ) from e
        found = peers.gather("listens", f"{peers.host}:{port}")
    return {"machines": ",".join(found), "num_machines": peers.size, "local_listen_port": port}


def leading(matrix: np.ndarray, truth: np.ndarray, features: list[int], ctx: FitContext) -> list[int]:
    """Return `features` of a matrix [N, D], those first that split best in a few quick trees; as given for several labels a row."""
    lgb = lightgbm()

    if ctx.target.kind == "label_sets":
        return list(features)
    some = np.sort(np.random.default_rng(ctx.seed).permutation(len(matrix))[:_GLANCE_ROWS])
    parameters = _parameters(_GLANCE, len(some), ctx)
    data = lgb.Dataset(matrix[some][:, features], truth[some], params=_of_dataset(parameters))
    booster = lgb.train(parameters, data, _GLANCE_ROUNDS)
    gains = booster.feature_importance("gain")
    return [features[k] for k in np.argsort(-gains, kind="stable")]


def first_losses(
    matrix: np.ndarray, truth: np.ndarray, watched: np.ndarray, held: np.ndarray, categorical: list[int],
    options: Mapping[str, Any], ctx: FitContext,
) -> np.ndarray:  # fmt: skip
    """Return the loss of each watched row [W] after a few quick rounds over `matrix` [N, D]: squared errors, or minus the logarithm of the
    probability of its class; for one label or one number a row."""
    lgb = lightgbm()
    parameters = _parameters({**options, **_QUICK}, len(truth), ctx)
    data = lgb.Dataset(matrix, truth, categorical_feature=categorical, params=_of_dataset(parameters))
    found = np.asarray(lgb.train(parameters, data, _FIRST_ROUNDS).predict(watched, num_threads=ctx.threads))
    if ctx.target.kind == "value":
        return np.asarray((found - held) ** 2, np.float64)
    if found.ndim == 1:
        found = np.stack([1 - found, found], axis=1)
    return -np.log(np.maximum(found[np.arange(len(held)), held], 1e-15))


def seconds_a_row(
    matrix: np.ndarray, truth: np.ndarray, categorical: list[int], options: Mapping[str, Any], ctx: FitContext
) -> float:
    """Return the seconds on the clock that a round takes for a row, as measured on a few rounds over `matrix` [N, D]."""
    lgb = lightgbm()

    many = ctx.target.kind == "label_sets"
    parameters = _parameters(options, len(truth), ctx)
    kept = _of_dataset(parameters)
    dataset = lgb.Dataset(matrix, truth[:, 0].copy() if many else truth, categorical_feature=categorical, params=kept)
    booster = lgb.Booster(parameters, dataset)
    booster.update()
    began = time.monotonic()
    for _ in range(_TRIED):
        booster.update()
    return (time.monotonic() - began) / _TRIED / len(truth) * (ctx.target.outputs if many else 1)


def _patience_of(rate: float) -> int:
    """Return for how many rounds of a learning rate the held-out loss may not fall."""
    return max(30, round(3 / rate))


def whole_refit(ctx: FitContext, done: int, total: int) -> None:
    """Raise ModelwrightError where a refit was cut so short that the first fit, which went further, is worth more."""
    if ctx.extent and ctx.extent.get("rounds") and done < _ENOUGH * total:
        raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")


def _of_dataset(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters by which rows are binned."""
    return {k: parameters[k] for k in ("max_bin", "verbosity", "num_threads", "min_data_in_bin")}


def _parameters(options: Mapping[str, Any], rows: int, ctx: FitContext) -> dict[str, Any]:
    target = ctx.target
    names = (
        "learning_rate", "num_leaves", "min_child_samples", "feature_fraction", "bagging_fraction", "lambda_l2",
        "path_smooth", "cat_smooth", "max_bin", "extra_trees",
    )  # fmt: skip
    out = {name: options[name] for name in names}
    out["min_child_samples"] = max(1, min(out["min_child_samples"], rows // 10))
    out |= {
        "verbosity": -1, "num_threads": ctx.threads, "seed": ctx.seed, "deterministic": True, "force_row_wise": True,
        "bagging_freq": 1 if out["bagging_fraction"] < 1 else 0, "min_data_in_bin": min(3, max(1, rows // 20)),
    }  # fmt: skip
    if target.kind == "value":
        return out | {"objective": "regression", "metric": "l2"}
    if target.kind == "classes" and target.outputs > 2:
        return out | {"objective": "multiclass", "metric": "multi_logloss", "num_class": target.outputs}
    return out | {"objective": "binary", "metric": "binary_logloss"}
