"""Language models against small, plain references, on the CPU.

    MODELWRIGHT_DATA=... python benchmarks/language_model.py quality    tiny Shakespeare in the same wall time as nanoGPT's CPU setting: <= 1.65 nats
    MODELWRIGHT_DATA=... python benchmarks/language_model.py speed      training at equal shape: >= 1.3 times the reference's tokens a second
    python benchmarks/language_model.py decode                          against transformers.generate, equal tokens: >= 1.5 times, batch 1 and 16
    python benchmarks/language_model.py streams                         32 at once: >= 4 times the tokens a second of one

`--threads 1` on a machine that others use too: threads that wait for one another lose most of their time there. The reference
is nanoGPT's CPU setting (4 layers, 4 heads, 128 wide, block 64, batch 12, 2,000 steps, AdamW at 1e-3), written anew below.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BLOCK, BATCH, STEPS = 64, 12, 2000


class Layer(nn.Module):
    """One pre-norm layer of GPT-2 without biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ParameterList([torch.ones(width), torch.ones(width)])
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, T, D = x.shape
        q, k, v = (
            t.view(B, T, self.heads, -1).transpose(1, 2)
            for t in self.qkv(F.layer_norm(x, (D,), self.norms[0])).chunk(3, -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, D)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(F.layer_norm(x, (D,), self.norms[1]))))


class Reference(nn.Module):
    """nanoGPT's network: learnt positions, tied embeddings."""

    def __init__(self, vocab: int, width: int = 128, layers: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(vocab, width), nn.Embedding(BLOCK, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(width))
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * layers) if "out" in name or "down" in name else 0.02)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        h = self.token(x) + self.place(torch.arange(x.shape[1]))
        for layer in self.layers:
            h = layer(h)
        logits = F.linear(F.layer_norm(h, h.shape[-1:], self.norm), self.token.weight)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def optimizer(self) -> torch.optim.Optimizer:
        large, small = [p for p in self.parameters() if p.dim() > 1], [p for p in self.parameters() if p.dim() < 2]
        groups = [{"params": large, "weight_decay": 0.1}, {"params": small, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)


def shakespeare() -> str:
    root = os.environ.get("MODELWRIGHT_DATA")
    if not root:
        raise SystemExit("set MODELWRIGHT_DATA to the folder of data sets")
    return (Path(root) / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")


def step_of_reference(net: Reference, opt: torch.optim.Optimizer, ids: torch.Tensor, gen: torch.Generator) -> None:
    at = torch.randint(len(ids) - BLOCK, (BATCH,), generator=gen)[:, None] + torch.arange(BLOCK + 1)
    rows = ids[at]
    opt.zero_grad(set_to_none=True)
    net(rows[:, :-1], rows[:, 1:]).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()


def blocks(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """All blocks of 64 one after the other: every character is predicted once, from at most 63 before it."""
    n = (len(ids) - 1) // BLOCK
    return ids[: n * BLOCK].view(n, BLOCK), ids[1 : n * BLOCK + 1].view(n, BLOCK)


@torch.inference_mode()
def mean_loss(loss, ids: torch.Tensor) -> float:
    x, y = blocks(ids)
    return sum(float(loss(x[i : i + 128], y[i : i + 128])) * len(x[i : i + 128]) for i in range(0, len(x), 128)) / len(
        x
    )


def quality(args: argparse.Namespace) -> None:
    import pyarrow as pa

    from modelwright.core.budget import Deadline
    from modelwright.core.recipe import get_recipe
    from modelwright.core.schema import Column, Schema, Table
    from modelwright.core.task import get_task
    from modelwright.data.corpus import passages
    from modelwright.testing import context

    text = shakespeare()
    cut = int(0.9 * len(text))
    letters = sorted(set(text))
    index = {c: i for i, c in enumerate(letters)}
    ids = torch.tensor([index[c] for c in text])
    torch.manual_seed(1337)
    net, gen = Reference(len(letters)), torch.Generator().manual_seed(1337)
    opt = net.optimizer()
    start, cpu = time.perf_counter(), time.process_time()
    for step in range(STEPS):
        turn = (step - 100) / (STEPS - 100)
        rate = 1e-3 * (step + 1) / 101 if step < 100 else 1e-4 + 0.5 * (1 + math.cos(math.pi * turn)) * 9e-4
        for group in opt.param_groups:
            group["lr"] = rate
        step_of_reference(net, opt, ids[:cut], gen)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    reference = mean_loss(net, ids[cut:])
    print(f"reference  {reference:.4f} nats  {wall:.0f} s wall  {cpu:.0f} s cpu", flush=True)

    start, begun = time.perf_counter(), time.process_time()
    parts = passages(text[:cut], 2000)
    held = max(1, len(parts) // 50)  # the end of the training part is what training looks at
    schema = Schema((Column("passage", "text", "target"),))
    tables = [Table.of(pa.table({"passage": p}), schema) for p in (parts[:-held], parts[-held:])]
    task, recipe = get_task("text-generation"), get_recipe("gpt")
    target = task.fit_target(tables[0].column("passage"), schema["passage"])
    # width and rate were chosen on the last tenth of the training part
    options = type(recipe).options(context=BLOCK, width=96, lr=4e-3, epochs=1000, looks=200, patience=1000)
    ctx = context(task, target, threads=torch.get_num_threads())
    ctx.deadline = Deadline.after(wall if args.cpu_seconds is None else args.cpu_seconds)
    model = recipe.fit(tables[0], tables[1], options, ctx)
    took, used = time.perf_counter() - start, time.process_time() - begun
    mine = torch.tensor(model.vocabulary.encode(text[cut:]))
    value = mean_loss(lambda x, y: model.network.loss(model.network(x), y), mine)
    print(f"modelwright {value:.4f} nats  {took:.0f} s wall  {used:.0f} s cpu  (bar 1.65)", flush=True)
    print(json.dumps({"reference": reference, "modelwright": value, "seconds": wall, "took": took, "cpu": [cpu, used]}))


def speed(args: argparse.Namespace) -> None:
    from modelwright.models.gpt import GPT, GPTConfig
    from modelwright.train.optim import make_optimizers
    from modelwright.train.precision import bf16_helps

    text = shakespeare()[:200_000]
    letters = sorted(set(text))
    index = {c: i for i, c in enumerate(letters)}
    ids = torch.tensor([index[c] for c in text])
    net = Reference(len(letters))
    opt, gen = net.optimizer(), torch.Generator().manual_seed(0)
    # two thirds of 4 x 128 wide twice is as many weights as 4 x 128 once
    config = GPTConfig(len(letters), 128, 4, 4, 4, 32, 344, BLOCK, norm_weights=False, qk_norm=True)
    compute = torch.bfloat16 if bf16_helps("cpu") else torch.float32
    own = {k: GPT(config, compute) for k in ("adamw", "muon")}
    makers = {k: make_optimizers(n, 2e-3, 0.0, k) for k, n in own.items()}

    def ours(kind: str) -> None:
        at = torch.randint(len(ids) - BLOCK, (BATCH,), generator=gen)[:, None] + torch.arange(BLOCK + 1)
        rows = ids[at]
        for o in makers[kind]:
            o.zero_grad(set_to_none=True)
        own[kind].loss(own[kind](rows[:, :-1]), rows[:, 1:]).backward()
        for o in makers[kind]:
            o.step()

    runs = {
        "reference": lambda: step_of_reference(net, opt, ids, gen),
        "adamw": lambda: ours("adamw"),
        "muon": lambda: ours("muon"),
    }
    print("weights", sum(p.numel() for p in net.parameters()), sum(p.numel() for p in own["adamw"].parameters()))
    best = {k: [math.inf, math.inf] for k in runs}
    for _ in range(args.rounds):
        for name, run in runs.items():
            run()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(args.steps):
                run()
            found = (time.perf_counter() - wall) / args.steps, (time.process_time() - cpu) / args.steps
            best[name] = [min(a, b) for a, b in zip(best[name], found)]
    for name, (wall, cpu) in best.items():
        tokens = BATCH * BLOCK
        print(
            f"{name:10} {tokens / wall:8.0f} tokens/s  {tokens / cpu:8.0f} per cpu second  x{best['reference'][0] / wall:.2f}  cpu x{best['reference'][1] / cpu:.2f}"
        )


def folder_of(size: str, where: Path) -> Path:
    """Write a random Qwen3 of a size, with weights that make its words differ."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    width, layers = {"tiny": (128, 4), "small": (384, 6), "base": (768, 12)}[size]
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=4096, hidden_size=width, intermediate_size=width * 11 // 4, num_hidden_layers=layers, max_position_embeddings=1024,
        num_attention_heads=width // 32, num_key_value_heads=width // 64, head_dim=32, initializer_range=0.08, eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(where)
    return where


def own_engine(
    folder: Path, prompts: list[list[int]], length: int, rounds: int
) -> tuple[tuple[float, float], list[list[int]]]:
    """Return the shortest wall and processor seconds, and the ids."""
    from modelwright.models.decode import CachedGPT, Engine, Stream, run
    from modelwright.models.gpt_layout import read
    from modelwright.models.sampling import Sampling

    net = read(folder)
    pieces = [b"x"] * net.config.vocab
    best, out = (math.inf, math.inf), []
    for _ in range(rounds):
        streams = [Stream(list(p), Sampling(temperature=0, max_tokens=length), frozenset(), pieces) for p in prompts]
        start, cpu = time.perf_counter(), time.process_time()
        run(Engine(CachedGPT(net, len(prompts)), len(prompts)), streams)
        best = min(best[0], time.perf_counter() - start), min(best[1], time.process_time() - cpu)
        out = [s.ids for s in streams]
    return best, out


def decode(args: argparse.Namespace) -> None:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = folder_of(size, Path(place))
            model = AutoModelForCausalLM.from_pretrained(folder).eval()
            model.generation_config.eos_token_id = None
            for batch in (1, 16):
                rng = np.random.default_rng(0)
                prompts = [rng.integers(1, 4096, 32).tolist() for _ in range(batch)]
                ids = torch.tensor(prompts)
                theirs = math.inf, math.inf
                for _ in range(args.rounds):
                    start, cpu = time.perf_counter(), time.process_time()
                    with torch.inference_mode():
                        said = model.generate(
                            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=args.length, min_new_tokens=args.length,
                            pad_token_id=0,
                        )  # fmt: skip
                    theirs = min(theirs[0], time.perf_counter() - start), min(theirs[1], time.process_time() - cpu)
                ours, found = own_engine(folder, prompts, args.length, args.rounds)
                equal = found == said[:, 32:].tolist()
                tokens = batch * args.length
                wall, cpu = theirs[0] / ours[0], theirs[1] / ours[1]
                rates = f"transformers {tokens / theirs[0]:7.0f}  own {tokens / ours[0]:7.0f} tokens/s"
                print(f"{size:6} batch {batch:2}  {rates}  x{wall:.2f}  cpu x{cpu:.2f}  equal {equal}", flush=True)


def streams(args: argparse.Namespace) -> None:
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = folder_of(size, Path(place))
            rng = np.random.default_rng(0)
            prompts = [rng.integers(1, 4096, 32).tolist() for _ in range(32)]
            one, _ = own_engine(folder, prompts[:1], args.length, args.rounds)
            many, _ = own_engine(folder, prompts, args.length, args.rounds)
            a, b = args.length / one[0], 32 * args.length / many[0]
            print(
                f"{size:6} one {a:7.0f}  32 together {b:7.0f} tokens/s  x{b / a:.2f}  cpu x{32 * one[1] / many[1]:.2f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["quality", "speed", "decode", "streams"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--sizes", nargs="+", default=["tiny", "small"])
    parser.add_argument(
        "--cpu-seconds",
        type=float,
        default=None,
        help="seconds for training, where they should differ from the reference's",
    )
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    {"quality": quality, "speed": speed, "decode": decode, "streams": streams}[args.what](args)


if __name__ == "__main__":
    main()
