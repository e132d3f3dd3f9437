"""What a detector is trained by: which places answer for which box, and how wrong they are.

A box is answered for by the places in it that are best at it now, in label and position alike (task alignment, Feng et al., arXiv
2108.07755); how sure their label should be is how well they fit. Legend: B batch, M boxes of a picture, A places, K labels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from modelwright.models.detection.boxes import generalized_overlap, overlaps
from modelwright.models.detection.network import Raw

NOTHING, CROWD = -1, -2  # labels of rows that only fill up, and of regions that count for nothing
_BEST = 10  # places that answer for a box
_LABEL, _PLACE = 0.5, 6.0  # powers with which label and position weigh
_LEAST = 0.1  # weight of a position however badly it fits: a box that nothing is near must pull places to it
_NEAR = 1.5  # strides from its middle within which a place may answer for a box that is smaller than that
_BOXES, _SIDES = 2.5, 0.5  # weights beside the labels' loss


def detection_loss(raw: Raw, truth: tuple[Tensor, Tensor]) -> Tensor:
    """Return the mean loss of a batch; `truth` is boxes [B, M, 4] in pixels and labels [B, M], NOTHING where there is none."""
    boxes, labels = truth
    with torch.no_grad():
        goal, chosen, weight = assigned(raw, boxes, labels)
        counted = ~_in_crowd(raw, boxes, labels)
    total = goal.sum().clamp_min(1.0)
    kind = F.binary_cross_entropy_with_logits(raw.logits, goal, reduction="none")
    loss = (kind * counted[..., None]).sum() / total
    at = (chosen >= 0).nonzero(as_tuple=True)
    if len(at[0]):
        found, wanted, w = raw.boxes[at], boxes[at[0], chosen[at]], weight[at]
        loss = loss + _BOXES * ((1 - generalized_overlap(found, wanted)) * w).sum() / total
        apart = (found - wanted).abs().mean(1) / raw.strides[at[1]]
        loss = loss + _SIDES * (apart.clamp_max(16.0) * w).sum() / total * 0.1
    return loss


def assigned(raw: Raw, boxes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return goals [B, A, K], the box that each place answers for [B, A] (-1 for none), and the weight of its position [B, A]."""
    batch, places, kinds = raw.logits.shape
    real = labels >= 0
    if boxes.shape[1] == 0 or not bool(real.any()):
        none = raw.logits.new_zeros(batch, places, kinds)
        return none, labels.new_full((batch, places), -1), none[..., 0]
    over = overlaps(boxes, raw.boxes)  # [B, M, A]
    sure = raw.logits.sigmoid().transpose(1, 2).gather(1, labels.clamp_min(0)[..., None].expand(-1, -1, places))
    fit = sure.pow(_LABEL) * over.pow(_PLACE)
    near = _candidates(raw, boxes) & real[..., None]
    # a box of which nothing is near in position yet is answered for by the nearest places
    rank = torch.where(near, fit + 1e-9 * over + 1e-12 * _nearness(raw, boxes), fit.new_tensor(-1.0))
    top = rank.topk(min(_BEST, places), dim=2)
    picked = torch.zeros_like(near).scatter_(2, top.indices, top.values > 0)
    several = picked.sum(1) > 1  # [B, A]: a place answers for the box that it overlaps most
    best = ((over + 1e-6) * picked).argmax(1)
    only = torch.zeros_like(picked).scatter_(1, best[:, None], True)
    picked = torch.where(several[:, None], picked & only, picked)
    chosen = torch.where(picked.any(1), picked.float().argmax(1), -1)
    fit = fit * picked
    # the best place of a box is as sure as it overlaps, the others in proportion
    scale = (over * picked).amax(2, keepdim=True) / fit.amax(2, keepdim=True).clamp_min(1e-12)
    weight = (fit * scale).amax(1)  # [B, A]
    kind = labels.gather(1, chosen.clamp_min(0))
    goal = raw.logits.new_zeros(batch, places, kinds)
    goal.scatter_(
        2, kind.clamp_min(0)[..., None], torch.where(chosen >= 0, weight, torch.zeros_like(weight))[..., None]
    )
    return goal, chosen, weight.clamp_min(_LEAST)


def _candidates(raw: Raw, boxes: Tensor) -> Tensor:
    """Return which places [B, M, A] lie in a box, or near its middle."""
    x, y = raw.points[None, None, :, 0], raw.points[None, None, :, 1]
    left, top, right, bottom = (boxes[..., i, None] for i in range(4))
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    reach = _NEAR * raw.strides
    middle = ((x - (left + right) / 2).abs() < reach) & ((y - (top + bottom) / 2).abs() < reach)
    small = torch.maximum(right - left, bottom - top) < 2 * reach
    return inside | (middle & small)


def _nearness(raw: Raw, boxes: Tensor) -> Tensor:
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    return 1 / (1 + torch.cdist(middle.float(), raw.points[None].expand(len(boxes), -1, -1)))


def _in_crowd(raw: Raw, boxes: Tensor, labels: Tensor) -> Tensor:
    """Return which places [B, A] lie in a region that counts for nothing."""
    crowd = labels == CROWD
    if not bool(crowd.any()):
        return torch.zeros(raw.logits.shape[:2], dtype=torch.bool, device=raw.logits.device)
    x, y = raw.points[None, None, :, 0], raw.points[None, None, :, 1]
    left, top, right, bottom = (boxes[..., i, None] for i in range(4))
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    return (inside & crowd[..., None]).any(1)
