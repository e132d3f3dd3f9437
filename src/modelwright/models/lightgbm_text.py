"""Reading LightGBM's text of trees into arrays, strictly: what a bundle brings is checked before any library sees it.

The library trusts its text: a size that is too large, a child that leads in a circle or a missing line ends the process
or lets it loop, a feature out of range is read from elsewhere. Here every line, count, index and number must be as the
library itself writes them (version v4), and `Forest.text` is what may be handed to it: header and trees, nothing else.

Legend: T trees, I inner nodes and L leaves of all trees together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_END = "end of trees\n"
_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "feature_names",
    "feature_infos", "tree_sizes",
)  # fmt: skip
_INNER = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
_AT_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_OF_INNER = ("internal_value", "internal_weight", "internal_count")
_OF_CATEGORIES = ("cat_boundaries", "cat_threshold")
_PLAIN = ("num_leaves", "num_cat", *_INNER, *_AT_LEAVES, *_OF_INNER, "is_linear", "shrinkage")
_CODED = (*_PLAIN[:-2], *_OF_CATEGORIES, *_PLAIN[-2:])
_WHOLE = (
    "split_feature",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_count",
    "internal_count",
    *_OF_CATEGORIES,
)
_NUMBERS = re.compile(r"[0-9eE+\-. ]*")
_THRESHOLDS = re.compile(
    r"(?:[0-9eE+\-. ]|(?<![^ ])inf(?![^ ]))*"
)  # inf: all values on one side, what is missing on the other
_INTEGERS = re.compile(r"[0-9\- ]*")
_COUNT = re.compile(r"(0|[1-9][0-9]{0,8})")
_OBJECTIVE = re.compile(r"regression|binary sigmoid:1|multiclass num_class:[0-9]{1,6}")
_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a decision; two more tell which values are missing


@dataclass(frozen=True)
class Forest:
    """Trees as flat arrays; `starts` [T + 1] and `leaf_starts` [T + 1] say where those of each tree stand.

    `left` and `right` [I] count from the tree's own first node; below zero they name its leaf -1 - value. A node sends
    a value left where it is at most `threshold` [I]; one with `categorical` [I] where the bit of the value is set in
    `words` from `word_starts[i]` to `word_starts[i + 1]`, i being its place in `word_starts` (`category` [I]).
    """

    text: str
    features: int
    per_round: int  # trees that make one round: one for each class
    objective: str
    starts: np.ndarray
    leaf_starts: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    decision: np.ndarray  # [I] uint8: 1 categorical, 2 what is missing goes left, 4 zero or 8 NaN is missing
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    category: np.ndarray
    word_starts: np.ndarray
    words: np.ndarray

    @property
    def categorical(self) -> np.ndarray:
        """Which nodes [I] ask for categories."""
        return (self.decision & _CATEGORICAL).astype(bool)


def read_forest(text: str, features: int) -> Forest:
    """Read trees over that many features. Raises ValueError for anything that the library would not write."""
    head, body = _split(text)
    per_round, sizes, objective = _header(head, features)
    blocks = _blocks(body, sizes)
    if len(blocks) % per_round:
        raise ValueError("a round of trees is not whole")
    raw: dict[str, list[str]] = {name: [] for name in (*_INNER, *_AT_LEAVES, *_OF_INNER, *_OF_CATEGORIES)}
    leaves, coded = [], []
    for number, block in enumerate(blocks):
        n, c = _tree(number, block, raw)
        leaves.append(n)
        coded.append(c)
    count, inner = np.array(leaves), np.array(leaves) - 1
    some = (inner > 0).astype(np.int64)
    wide = {
        **dict.fromkeys(_INNER, inner),
        "leaf_value": count,
        "leaf_weight": count * some,
        "leaf_count": count,
        **dict.fromkeys(_OF_INNER, inner),
        "cat_boundaries": np.array(coded) + (np.array(coded) > 0),
    }
    of = {name: _numbers(name, raw[name], wide.get(name)) for name in raw}
    starts, leaf_starts = _places(inner), _places(count)
    _check_children(of["left_child"], of["right_child"], starts, count)
    feature, decision = of["split_feature"], of["decision_type"]
    if len(feature) and (feature.min() < 0 or feature.max() >= features):
        raise ValueError("a feature is out of range")
    if len(decision) and (decision.min() < 0 or decision.max() > 15 or ((decision >> 2) == 3).any()):
        raise ValueError("a decision is of no known kind")
    if min((of[name].min(initial=0) for name in ("leaf_count", "internal_count")), default=0) < 0:
        raise ValueError("a count is below zero")
    category, word_starts = _categories(of, starts, np.array(coded))
    return Forest(
        text=f"{head}\n\n{body}{_END}\n", features=features, per_round=per_round, objective=objective, starts=starts,
        leaf_starts=leaf_starts, feature=feature.astype(np.int32), threshold=of["threshold"],
        decision=decision.astype(np.uint8), left=of["left_child"].astype(np.int32), right=of["right_child"].astype(np.int32),
        leaf=of["leaf_value"], category=category, word_starts=word_starts, words=of["cat_threshold"].astype(np.uint32),
    )  # fmt: skip


def _split(text: str) -> tuple[str, str]:
    """Return header and trees; what the library writes after them (importances, parameters) is not needed."""
    if not text.isascii() or "\r" in text or "\0" in text:
        raise ValueError("the text is not plain")
    head, sep, rest = text.partition("\n\nTree=0\n")
    body, end, _ = rest.partition("\n" + _END)
    if not sep or not end:
        raise ValueError("there are no trees")
    return head, "Tree=0\n" + body + "\n"


def _header(head: str, features: int) -> tuple[int, list[int], str]:
    lines = head.split("\n")
    named = [line.partition("=") for line in lines[1:]]
    if lines[0] != "tree" or tuple(name for name, _, _ in named) != _HEADER:
        raise ValueError("the header is of another form")
    of = {name: value for name, _, value in named}
    if of["version"] != "v4" or of["label_index"] != "0" or not _OBJECTIVE.fullmatch(of["objective"]):
        raise ValueError("the header names another kind of model")
    per_round = _count_in(of["num_tree_per_iteration"])
    several = of["objective"].startswith("multiclass")
    if per_round < 1 or _count_in(of["num_class"]) != per_round or several != (per_round > 1):
        raise ValueError("the number of classes does not fit")
    if several and of["objective"] != f"multiclass num_class:{per_round}":
        raise ValueError("the number of classes does not fit")
    if _count_in(of["max_feature_idx"]) + 1 != features:
        raise ValueError("it was made for another number of features")
    if any(len(of[name].split(" ")) != features for name in ("feature_names", "feature_infos")):
        raise ValueError("it names another number of features")
    return per_round, [_count_in(size) for size in of["tree_sizes"].split(" ")], of["objective"]


def _blocks(body: str, sizes: list[int]) -> list[str]:
    """Cut the trees apart by the sizes that the header states, as the library does."""
    if sum(sizes) != len(body):
        raise ValueError("the sizes of the trees do not add up")
    out, at = [], 0
    for size in sizes:
        out.append(body[at : at + size])
        at += size
    return out


def _tree(number: int, block: str, raw: dict[str, list[str]]) -> tuple[int, int]:
    """Put a tree's lines into `raw` and return its leaves and the nodes that ask for categories."""
    if not block.startswith(f"Tree={number}\n") or not block.endswith("\n\n\n"):
        raise ValueError(f"tree {number} does not begin and end as one")
    named = [line.partition("=") for line in block[:-3].split("\n")[1:]]
    of = {name: value for name, _, value in named}
    leaves, coded = _count_in(of.get("num_leaves", "")), _count_in(of.get("num_cat", ""))
    if tuple(name for name, _, _ in named) != (_CODED if coded else _PLAIN) or leaves < 1 or coded > max(0, leaves - 1):
        raise ValueError(f"tree {number} has other lines than a tree")
    if of["is_linear"] != "0" or not _NUMBERS.fullmatch(of["shrinkage"]) or not np.isfinite(float(of["shrinkage"])):
        raise ValueError(f"tree {number} is of another kind")
    if leaves == 1 and of["leaf_count"] == "":
        of["leaf_count"] = "0"
    for name in raw:
        if of.get(name):
            raw[name].append(of[name])
    return leaves, coded


def _count_in(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError("a count is none")
    return int(text)


def _numbers(name: str, lines: list[str], wide: np.ndarray | None) -> np.ndarray:
    """Return the numbers of one field of all trees; `wide` [T] says how many each must have."""
    form = _INTEGERS if name in _WHOLE else _THRESHOLDS if name == "threshold" else _NUMBERS
    for line in lines:
        if not form.fullmatch(line) or "  " in line or line[-1] == " ":
            raise ValueError(f"{name} holds more than numbers")
    if wide is not None and [line.count(" ") + 1 for line in lines] != wide[wide > 0].tolist():
        raise ValueError(f"{name} has another number of values than the tree has places")
    values = " ".join(lines).split(" ") if lines else []
    try:
        found = np.array(values, np.int64 if name in _WHOLE else np.float64)
    except OverflowError:
        raise ValueError(f"{name} holds a number that is too large") from None
    if np.count_nonzero(~np.isfinite(found)) > (values.count("inf") if name == "threshold" else 0):
        raise ValueError(f"{name} holds a number that is not finite")
    if name in _WHOLE and len(found) and (found.min() < -(1 << 31) or found.max() >= 1 << 32):
        raise ValueError(f"{name} holds a number that is too large")
    return found


def _places(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _check_children(left: np.ndarray, right: np.ndarray, starts: np.ndarray, leaves: np.ndarray) -> None:
    """Every node but a tree's first one, and every leaf, is the child of exactly one node that stands before it."""
    inner = np.diff(starts)
    tree = np.repeat(np.arange(len(inner)), inner)
    own = np.arange(len(left)) - starts[tree]
    children = np.concatenate([left, right])
    of, parent = np.concatenate([tree, tree]), np.concatenate([own, own])
    at_leaf = children < 0
    if (children[~at_leaf] >= inner[of[~at_leaf]]).any() or (children[~at_leaf] <= parent[~at_leaf]).any():
        raise ValueError("a child is out of place")
    if (-1 - children[at_leaf] >= leaves[of[at_leaf]]).any():
        raise ValueError("a leaf is out of range")
    nodes = starts[of[~at_leaf]] + children[~at_leaf]
    ends = _places(leaves)[of[at_leaf]] - 1 - children[at_leaf]
    if len(np.unique(nodes)) != len(nodes) or len(np.unique(ends)) != len(ends):
        raise ValueError("two nodes share a child")


def _categories(of: dict[str, np.ndarray], starts: np.ndarray, coded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each node its place among those that ask for categories (-1: none), and where the words of each begin."""
    asks = (of["decision_type"] & _CATEGORICAL).astype(bool)
    tree = np.repeat(np.arange(len(coded)), np.diff(starts))
    category = np.full(len(asks), -1, np.int64)
    if not coded.any():
        if asks.any() or len(of["cat_threshold"]):
            raise ValueError("categories are asked for and none are there")
        return category, np.zeros(1, np.int64)
    which = of["threshold"][asks]
    if (which != np.floor(which)).any() or (which < 0).any() or (which >= coded[tree[asks]]).any():
        raise ValueError("a set of categories is out of range")
    category[asks] = _places(coded)[tree[asks]] + which.astype(np.int64)
    # the borders of each tree count from its own first word: 0, ..., its number of words
    word_starts, at, base = [0], 0, 0
    for count in coded[coded > 0].tolist():
        borders = of["cat_boundaries"][at : at + count + 1]
        if borders[0] != 0 or (np.diff(borders) < 1).any():
            raise ValueError("the borders of categories are out of order")
        word_starts += (base + borders[1:]).tolist()
        at, base = at + count + 1, base + int(borders[-1])
    if base != len(of["cat_threshold"]) or of["cat_threshold"].min() < 0:
        raise ValueError("the sets of categories do not add up")
    return category, np.array(word_starts, np.int64)
