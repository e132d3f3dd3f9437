"""LSTMs in both directions over rows of different lengths: as PyTorch's packed ones, and in time that grows with the length."""

import time

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from modelwright.models.both_ways import both_ways


def packed(lstm, x, lengths):
    rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(rows)[0], batch_first=True, total_length=x.shape[1])[0]


@pytest.mark.parametrize("layers", [1, 3])
def test_it_says_and_learns_what_packed_rows_do(layers):
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(5, 7, layers, batch_first=True, bidirectional=True)
    lengths = torch.tensor([9, 1, 6, 9])
    found = []
    for way in (packed, both_ways):
        x = torch.randn(4, 11, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        lstm.zero_grad()
        out = way(lstm, x, lengths)
        (out * torch.arange(14.0)).sum().backward()
        found.append([out, x.grad, *(p.grad.clone() for p in lstm.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)


def test_dropout_stands_between_layers_in_training_alone():
    lstm = torch.nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.5)
    x, lengths = torch.randn(2, 5, 3), torch.tensor([5, 3])
    assert not torch.equal(both_ways(lstm, x, lengths), both_ways(lstm, x, lengths))
    lstm.eval()
    assert torch.equal(both_ways(lstm, x, lengths), both_ways(lstm, x, lengths))


def test_training_takes_no_square_of_the_length():
    lstm = torch.nn.LSTM(64, 64, 1, batch_first=True, bidirectional=True)
    lengths = torch.tensor([600, 450, 550, 500])
    x = torch.randn(4, 600, 64)

    def seconds(way):
        start = time.process_time()
        way(lstm, x, lengths).sum().backward()
        return time.process_time() - start

    seconds(both_ways)
    assert seconds(both_ways) < 0.5 * seconds(packed)
