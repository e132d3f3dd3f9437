"""The sum of clipped gradients of single rows, from one forward and one backward pass.

While a `Tape` is active, every place where a parameter meets an activation is computed with the parameter detached,
and what the parameter's gradient will be made of is kept: the activation and, once backward has passed, the gradient
of the result. Nothing else reaches a parameter, so no row can slip past the clipping. From these parts the norm of
every row's gradient is had without, where that is cheaper, forming the gradient itself (ghost clipping: Bu et al.
2022, arXiv 2205.10683; in one backward pass: arXiv 2210.00038), and then the weighted sum.

The first axis of every activation must be the batch, or the batch times something, row by row (frames of clips, say).
Legend: B rows, T places of a row, D inputs, K outputs, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from modelwright.core.errors import ModelwrightError
from modelwright.train import _per_example_gradients as parts

_HARMLESS = frozenset(
    ("__get__", "__set__", "size", "dim", "numel", "stride", "is_floating_point", "__len__", "detach")
)


class NotPrivate(ModelwrightError):
    """A network does with a parameter what no rule covers: it cannot be trained privately."""


class _Begun(torch.autograd.Function):
    """Lets gradients be told for a result that came from no gradients, without a copy of it."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, anchor: Tensor) -> Tensor:
        """Return the same tensor."""
        ctx.mark_dirty(out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None]:
        """End here."""
        return None, None


class Tape(TorchFunctionMode):
    """Record how the parameters of a network enter the outputs for `rows` rows: `with tape:` forward, then backward.

    `norms()` are then the norms [B] of the rows' gradients, and `clipped(factors)` gives each parameter's sum of
    gradients, each row's times its factor [B]. Raises NotPrivate where a parameter is used in a way that has no rule.
    """

    def __init__(self, network: nn.Module, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.parameters = {id(p): p for p in network.parameters() if p.requires_grad}
        self.made: dict[int, list[parts.Part]] = {key: [] for key in self.parameters}
        self._pieces: dict[int, tuple[int, Any, Tensor]] = {}
        self._anchor = torch.zeros((), requires_grad=True)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _HARMLESS or not self._touches((*args, *kwargs.values())):
            return func(*args, **kwargs)
        rule = _RULES.get(name)
        if rule is None:
            raise NotPrivate(
                f"its operation `{name}` on weights has no private form", f"其权重运算 `{name}` 没有差分隐私形式"
            )
        return rule(self, func, *args, **kwargs)

    def _touches(self, values: Any) -> bool:
        return any(
            self.key(v) is not None if isinstance(v, Tensor) else isinstance(v, (list, tuple)) and self._touches(v)
            for v in values
        )

    def key(self, tensor: Any) -> int | None:
        """Return the key of the parameter that a tensor is or is a piece of, None where it is neither."""
        at = id(tensor)
        if at in self.parameters:
            return at
        found = self._pieces.get(at)
        return found[0] if found is not None else None

    def plain(self, tensor: Any) -> Any:
        """Return a parameter without its gradient; anything else as it is."""
        return tensor.detach() if self.key(tensor) is not None else tensor

    def piece(self, tensor: Tensor, index: Any) -> Tensor:
        """Return a part of a parameter by basic indexing, in the shape that this gives, known as such."""
        key = self.key(tensor)
        if key is None or id(tensor) in self._pieces:
            raise NotPrivate("it takes a part of a part of its weights", "它对权重的局部再取局部")
        found = tensor.detach()[index]
        self._pieces[id(found)] = (key, index, found)  # held, so that no other tensor gets its id
        return found

    def tap(self, out: Tensor, record: Callable[[Tensor], None]) -> Tensor:
        """Return a result whose gradient [B, ...] will be handed to `record`."""
        if not out.requires_grad:
            out = _Begun.apply(out, self._anchor)
        out.register_hook(lambda g: record(g.detach()))
        return out

    def by_row(self, x: Tensor) -> Tensor:
        """Return an activation [B r, ...] as [B, r, ...]. Raises NotPrivate where it does not hold every row."""
        if x.shape[0] % self.rows:
            raise NotPrivate("its activations are not ordered by rows", "其激活值未按行排列")
        return x.reshape(self.rows, x.shape[0] // self.rows, *x.shape[1:])

    def add(self, tensor: Any, part: Callable[[], parts.Part]) -> None:
        """Keep a part of the gradient of a parameter, or of a piece of one; nothing where it is neither."""
        key = self.key(tensor)
        if key is None:
            return
        made = part()
        if id(tensor) in self._pieces:
            made = parts.scattered(made, self.parameters[key].shape, self._pieces[id(tensor)][1])
        self.made[key].append(made)

    def summed(self, g: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the rows' own sums [B, *shape] of g [B r, ...] over the axes along which weights of `shape` were spread."""
        rest = g.shape[1:]
        if len(shape) > len(rest):
            if shape[0] != 1:
                raise NotPrivate("its weights have one value for each row of a batch", "其权重按批内行取值")
            aligned = shape[1:]
        else:
            aligned = (1,) * (len(rest) - len(shape)) + tuple(shape)
        g = self.by_row(g)
        axes = [1, *(i + 2 for i, n in enumerate(aligned) if n == 1 and rest[i] != 1)]
        return g.sum(dim=axes).reshape(self.rows, *shape)

    def norms(self) -> Tensor:
        """Return the norm of every row's gradient over all parameters [B]."""
        total: Tensor | None = None
        for key, p in self.parameters.items():
            if p.grad is not None:
                raise NotPrivate("a gradient went past the clipping", "有梯度绕过了裁剪")
            self.made[key] = parts.together(self.made[key], p.shape)
            for part in self.made[key]:
                squares = part.squares()
                total = squares if total is None else total + squares
        if total is None:
            raise NotPrivate("no weight enters its answer", "没有任何权重参与其输出")
        return total.sqrt()

    def clipped(self, factors: Tensor) -> list[tuple[nn.Parameter, Tensor]]:
        """Return for each parameter the sum of the rows' gradients, each times its factor [B]."""
        out = []
        for key, p in self.parameters.items():
            total = torch.zeros_like(p, dtype=torch.float32)
            for part in self.made[key]:
                total += part.weighted(factors).reshape(p.shape)
            out.append((p, total))
        return out


def _linear(tape: Tape, func: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    kept = x.detach()

    def record(g: Tensor) -> None:
        b = tape.by_row(g).reshape(tape.rows, -1, g.shape[-1])
        tape.add(weight, lambda: parts.Outer(tape.by_row(kept).reshape(tape.rows, -1, kept.shape[-1]), b))
        tape.add(bias, lambda: parts.Dense(b.sum(1)))

    return tape.tap(F.linear(x, tape.plain(weight), tape.plain(bias)), record)


def _convolution(
    tape: Tape, func: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    kept, window = x.detach(), parts.Window.of(weight.shape, stride, padding, dilation, groups)

    def record(g: Tensor) -> None:
        apart = tape.by_row(g)
        tape.add(bias, lambda: parts.Dense(apart.sum(dim=(1, *range(3, apart.ndim)))))
        tape.add(weight, lambda: parts.Convolved(kept, g, window, tape.rows))

    return tape.tap(func(x, tape.plain(weight), tape.plain(bias), stride, padding, dilation, groups), record)


def _embedding(tape: Tape, func: Any, a: Tensor, b: Tensor, padding_idx: int | None = None, *rest: Any, **more: Any) -> Tensor:  # fmt: skip
    # F.embedding(ids, weight, ...) and torch.embedding(weight, ids, padding, ...) come by the same name
    ids, weight = (b, a) if tape.key(a) is not None else (a, b)
    pad = -1 if padding_idx is None else padding_idx

    def record(g: Tensor) -> None:
        index = tape.by_row(ids).reshape(tape.rows, -1)
        tape.add(weight, lambda: parts.Looked(index, g.reshape(*index.shape, g.shape[-1]), weight.shape, pad))

    return tape.tap(F.embedding(ids, weight.detach()), record)


def _affine(tape: Tape, x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Return x times weight plus bias, each seen as `shape`."""
    if weight is None and bias is None:
        return x
    kept, out = x.detach(), x
    if weight is not None:
        out = out * tape.plain(weight).reshape(shape)
    if bias is not None:
        out = out + tape.plain(bias).reshape(shape)

    def record(g: Tensor) -> None:
        if weight is not None:
            tape.add(weight, lambda: parts.Dense(tape.summed(g * kept, shape).reshape(tape.rows, *weight.shape)))
        if bias is not None:
            tape.add(bias, lambda: parts.Dense(tape.summed(g, shape).reshape(tape.rows, *bias.shape)))

    return tape.tap(out, record)


def _layer_norm(tape: Tape, func: Any, x: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:  # fmt: skip
    return _affine(tape, F.layer_norm(x, shape, None, None, eps), weight, bias, tuple(shape))


def _rms_norm(tape: Tape, func: Any, x: Tensor, shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    return _affine(tape, F.rms_norm(x, shape, None, eps), weight, None, tuple(shape))


def _group_norm(tape: Tape, func: Any, x: Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:  # fmt: skip
    return _affine(tape, F.group_norm(x, groups, None, None, eps), weight, bias, (x.shape[1], *(1,) * (x.ndim - 2)))


def _product(tape: Tape, func: Any, a: Tensor, b: Tensor) -> Tensor:
    x, weight = (b, a) if tape.key(a) is not None else (a, b)
    return _affine(tape, _fitting(tape, x, weight), weight, None, tuple(weight.shape))


def _sum(tape: Tape, func: Any, a: Tensor, b: Tensor) -> Tensor:
    x, weight = (b, a) if tape.key(a) is not None else (a, b)
    return _affine(tape, _fitting(tape, x, weight), None, weight, tuple(weight.shape))


def _fitting(tape: Tape, x: Any, weight: Tensor) -> Tensor:
    """Return x where its first axis stays the first of the result. Raises NotPrivate elsewhere."""
    if not isinstance(x, Tensor) or tape.key(x) is not None or x.ndim < weight.ndim or not x.shape[0]:
        raise NotPrivate("it combines weights with weights, or spreads rows over them", "它将权重彼此组合")
    return x


def _einsum(tape: Tape, func: Any, equation: str, x: Tensor, weight: Tensor) -> Tensor:
    """Linear maps side by side: `bgd,gdk->bgk` in any letters; all else by the gradients of single rows."""
    into, out = equation.replace(" ", "").split("->")
    of_x, of_w = into.split(",")
    if tape.key(weight) is None or of_x[0] != out[0] or of_x[0] in of_w:
        raise NotPrivate(f"its product `{equation}` has no private form", f"其乘积 `{equation}` 没有差分隐私形式")
    kept = x.detach()
    grouped = of_x == of_x[0] + of_w[:2] and out == of_x[0] + of_w[0] + of_w[2:] and len(of_w) == 3

    def record(g: Tensor) -> None:
        if grouped and len(kept) == tape.rows:
            tape.add(weight, lambda: parts.Grouped(kept, g))
        elif len(kept) == tape.rows:
            tape.add(weight, lambda: parts.Dense(torch.einsum(f"{of_x},{out}->{of_x[0]}{of_w}", kept, g)))
        else:
            raise NotPrivate("its activations are not ordered by rows", "其激活值未按行排列")

    return tape.tap(torch.einsum(equation, x, weight.detach()), record)


def _getitem(tape: Tape, func: Any, tensor: Tensor, index: Any) -> Tensor:
    return tape.piece(tensor, index)


def _lstm(
    tape: Tape, func: Any, x: Tensor, state: Any, weights: Any, biases: Any, layers: Any, dropout: Any, train: Any = True,
    both_ways: Any = False, batch_first: Any = False,
) -> tuple[Tensor, None, None]:  # fmt: skip
    """Rows as they lie, beginning at zero; packed rows come with other arguments and are refused."""
    began = any(bool(s.any()) for s in state)
    if began or not batch_first or not biases or not isinstance(layers, int) or (dropout and train and layers > 1):
        raise NotPrivate("only plain LSTM layers over whole rows have a private form", "仅支持逐行的普通 LSTM 层")
    each = 4 * (2 if both_ways else 1)
    for i in range(layers):
        own = weights[i * each : (i + 1) * each]
        out = _one_way(tape, x, own[:4])
        if both_ways:
            out = torch.cat([out, _one_way(tape, x.flip(1), own[4:]).flip(1)], dim=2)
        x = out
    return x, None, None


def _one_way(tape: Tape, x: Tensor, weights: Any) -> Tensor:
    """Return hidden states [B, T, H] of x [B, T, D].

    What goes into the gates [B, T, 4 H] is a linear map of x by itself; its gradient is that of the gates at every moment,
    and so serves the hidden weights too, beside the hidden states that went into them. The rest is torch's own LSTM.
    """
    into, hidden, *added = weights
    kept = x.detach()
    gates = F.linear(x, into.detach(), added[0].detach() + added[1].detach())
    states: list[Tensor] = []

    def record(g: Tensor) -> None:
        before = F.pad(states[0][:, :-1], (0, 0, 1, 0))
        tape.add(into, lambda: parts.Outer(kept, g))
        tape.add(hidden, lambda: parts.Outer(before, g))
        for bias in added:
            tape.add(bias, lambda: parts.Dense(g.sum(1)))

    gates = tape.tap(gates, record)
    same = torch.eye(gates.shape[2], dtype=x.dtype, device=x.device)
    none, zero = same.new_zeros(len(same)), x.new_zeros(1, len(x), hidden.shape[1])
    out = torch.lstm(gates, (zero, zero), [same, hidden.detach(), none, none], True, 1, 0.0, True, False, True)[0]
    states.append(out.detach())
    return out


def _attention(
    tape: Tape, func: Any, q: Tensor, k: Tensor, v: Tensor, width: int, heads: int, into: Tensor, bias: Any, bias_k: Any,
    bias_v: Any, zero: bool, dropout: float, out: Tensor, out_bias: Any, training: bool = True, key_padding_mask: Any = None,
    need_weights: bool = True, attn_mask: Any = None, **more: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Self-attention of torch's own layer, which hands over [T, B, D]; without masks, as the fusion of columns uses it."""
    if q is not k or k is not v or key_padding_mask is not None or attn_mask is not None or bias_k is not None:
        raise NotPrivate("this kind of attention has no private form", "该注意力形式不支持差分隐私")
    x = q.transpose(0, 1)
    b, t, d = x.shape
    apart = _linear(tape, None, x, into, bias).view(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(apart[0], apart[1], apart[2], dropout_p=dropout if training else 0.0)
    return _linear(tape, None, y.transpose(1, 2).reshape(b, t, d), out, out_bias).transpose(0, 1), None


def _mixes(tape: Tape, func: Any, *args: Any, **more: Any) -> Tensor:
    raise NotPrivate("batch normalisation mixes the rows of a batch", "批归一化会混合同一批中的各行")


_RULES: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "linear": _linear, "conv1d": _convolution, "conv2d": _convolution, "conv3d": _convolution,
    "embedding": _embedding, "layer_norm": _layer_norm, "rms_norm": _rms_norm, "group_norm": _group_norm,
    "batch_norm": _mixes, "instance_norm": _mixes,
    "mul": _product, "__mul__": _product, "__rmul__": _product, "multiply": _product,
    "add": _sum, "__add__": _sum, "__radd__": _sum, "einsum": _einsum, "__getitem__": _getitem,
    "lstm": _lstm, "multi_head_attention_forward": _attention,
})  # fmt: skip
