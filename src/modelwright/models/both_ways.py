"""Bidirectional LSTMs over rows of different lengths. Legend: B batch, T places, D width, H hidden."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def both_ways(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """Return what a bidirectional LSTM (batch first, with biases) says of rows [B, T, D], each read to its own end: [B, T, 2 H], zero behind it.

    On a CPU packed rows cost the square of T to train, since the gradient of each place is laid into zeros for all of them (PyTorch 2.13); so
    each direction reads padded rows there, the second one with every row turned around within its length.
    """
    if x.device.type != "cpu":
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]
    with torch.autocast("cpu", enabled=False):
        return padded(lstm, x.to(cast(Tensor, lstm.weight_ih_l0).dtype), lengths)


def padded(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """As `both_ways`, [B, T, D] and `lengths` [B] to [B, T, 2 H], on any device, in operations that can be exported and mapped over rows."""
    place = torch.arange(x.shape[1], device=x.device)[None]
    real = place < lengths[:, None]
    back = torch.where(real, lengths[:, None] - 1 - place, place)[:, :, None]
    zero = x.new_zeros(1, x.shape[0], lstm.hidden_size)
    for layer in range(lstm.num_layers):
        found = []
        for way in ("", "_reverse"):
            given = x.gather(1, back.expand(-1, -1, x.shape[2])) if way else x
            weights = [getattr(lstm, f"{name}_l{layer}{way}") for name in _WEIGHTS]
            said = torch.lstm(given, (zero, zero), weights, True, 1, 0.0, False, False, True)[0]
            found.append(said.gather(1, back.expand(-1, -1, said.shape[2])) if way else said)
        x = torch.cat(found, 2)
        if layer < lstm.num_layers - 1:
            x = F.dropout(x, lstm.dropout, lstm.training)
    return x * real[:, :, None].to(x.dtype)
