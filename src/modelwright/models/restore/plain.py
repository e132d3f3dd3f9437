"""Networks of one resolution that mend pictures: ESPCN, FSRCNN, EDSR, SPAN. Legend: B batch, C channels, H height, W width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from modelwright.models.restore.base import Mender, Spread, conv


class ESPCN(Mender):
    """Three convolutions and pixels spread at the end: Shi et al. 2016 (arXiv 1609.05158)."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale)
        self.body = nn.Sequential(conv(given, width, 5), nn.Tanh(), conv(width, width // 2), nn.Tanh())
        self.head = Spread(width // 2, wanted, scale)
        self.reach = 4

    def correction(self, x: Tensor) -> Tensor:
        return self.head(self.body(x - 0.5))


class FSRCNN(Mender):
    """Narrow convolutions between a wide one and a wide enlargement: Dong et al. 2016 (arXiv 1608.00367), d = `width`, m = `blocks`."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale)
        narrow = max(4, width // 5)
        inner = [part for _ in range(blocks) for part in (conv(narrow, narrow), nn.PReLU(narrow))]
        self.body = nn.Sequential(
            conv(given, width, 5), nn.PReLU(width), conv(width, narrow, 1), nn.PReLU(narrow),
            *inner, conv(narrow, width, 1), nn.PReLU(width),
        )  # fmt: skip
        self.head = nn.ConvTranspose2d(width, wanted, 9, stride=scale, padding=4, output_padding=scale - 1)
        nn.init.normal_(self.head.weight, 0.0, 1e-3)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.reach = 2 + blocks + 5

    def correction(self, x: Tensor) -> Tensor:
        return self.head(self.body(x - 0.5))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class EDSR(Mender):
    """Residual blocks without normalisation: Lim et al. 2017 (arXiv 1707.02921), much smaller here."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale)
        self.first = conv(given, width)
        self.body = nn.Sequential(*(_Residual(width) for _ in range(blocks)), conv(width, width))
        self.head = Spread(width, wanted, scale)
        self.reach = 3 + 2 * blocks

    def correction(self, x: Tensor) -> Tensor:
        seen = self.first(x - 0.5)
        return self.head(seen + self.body(seen))


class _Attended(nn.Module):
    """Three convolutions whose result weighs itself: an odd sigmoid of it is the attention, and needs no weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), nn.SiLU(), conv(width, width), nn.SiLU(), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        made = self.body(x)
        return (made + x) * (torch.sigmoid(made) - 0.5)


class SPAN(Mender):
    """Blocks with attention that has no weights, four of which are seen together at the end: Wan et al. 2023 (arXiv 2311.12770)."""

    def __init__(self, given: int, wanted: int, scale: int, width: int, blocks: int) -> None:
        super().__init__(given, wanted, scale)
        self.first = conv(given, width)
        self.blocks = nn.ModuleList(_Attended(width) for _ in range(blocks))
        self.after = conv(width, width)
        self.joined = conv(4 * width, width, 1)
        self.head = Spread(width, wanted, scale)
        self.reach = 3 + 3 * blocks

    def correction(self, x: Tensor) -> Tensor:
        first = seen = self.first(x - 0.5)
        kept = []
        for block in self.blocks:
            seen = block(seen)
            kept.append(seen)
        whole = torch.cat([first, self.after(seen), kept[0], kept[-2] if len(kept) > 1 else kept[0]], 1)
        return self.head(self.joined(whole))
