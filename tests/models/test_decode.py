"""Decoding: equal to `transformers.generate`, the same alone as together, fair, seeded, and ended rightly."""

import numpy as np
import pytest
import torch

from language_made import hub
from modelwright.models.decode import CHUNK, CachedGPT, Engine, Stream, run
from modelwright.models.gpt import GPT, GPTConfig
from modelwright.models.gpt_layout import read
from modelwright.models.sampling import Sampling, choose

PIECES = [bytes([97 + i % 26]) for i in range(90)]


def net_of(vocab=90, context=96):
    torch.manual_seed(1)
    net = GPT(GPTConfig(vocab, 32, 2, 4, 2, 8, 48, context, norm_weights=False, qk_norm=True))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return net.eval().requires_grad_(False)


def streams_of(prompts, stops=frozenset(), **sampling):
    return [Stream(list(p), Sampling(**{"max_tokens": 12, **sampling}), stops, PIECES) for p in prompts]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gpt2"])
def test_greedy_equals_transformers(kind, tmp_path):
    model = hub(kind)
    model.save_pretrained(tmp_path)
    model.generation_config.eos_token_id = None
    prompts = torch.randint(3, 90, (3, 7), generator=torch.Generator().manual_seed(0))
    said = model.generate(
        prompts, attention_mask=torch.ones_like(prompts), do_sample=False, max_new_tokens=12, pad_token_id=0
    )
    streams = streams_of(prompts.tolist(), temperature=0)
    run(Engine(CachedGPT(read(tmp_path), 3), 3), streams)
    assert [s.ids for s in streams] == said[:, 7:].tolist()
    assert {s.reason for s in streams} == {"length"}


def test_together_is_as_alone_whoever_joins_and_leaves():
    net, rng = net_of(), np.random.default_rng(0)
    prompts = [rng.integers(0, 90, int(n)).tolist() for n in rng.integers(1, 40, 12)]
    lengths = rng.integers(1, 20, 12)
    alone = []
    for p, n in zip(prompts, lengths):
        one = streams_of([p], temperature=0.9, seed=5, max_tokens=int(n))
        run(Engine(CachedGPT(net, 1), 1), one)
        alone.append(one[0].ids)
    engine = Engine(CachedGPT(net, 4), 4)
    streams = [streams_of([p], temperature=0.9, seed=5, max_tokens=int(n))[0] for p, n in zip(prompts, lengths)]
    for s in streams[:5]:
        engine.add(s)
    for s in streams[5:]:
        engine.step()
        engine.add(s)
    while engine.busy:
        engine.step()
        assert len(engine.running) <= 4
        assert [s.slot for s in engine.running] == list(range(len(engine.running)))
    assert [s.ids for s in streams] == alone


def test_a_long_prompt_holds_nobody_up_for_longer_than_a_chunk():
    net = net_of(context=8 * CHUNK)
    engine = Engine(CachedGPT(net, 4), 4)
    short, long = streams_of([[1, 2]], max_tokens=30)[0], streams_of([[3] * (5 * CHUNK)], max_tokens=3)[0]
    engine.add(short)
    engine.step()
    engine.add(long)
    before = len(short.ids)
    for i in range(4):
        engine.step()
        assert len(short.ids) == before + i + 1
        assert not long.ids
    while engine.busy:
        engine.step()
    alone = streams_of([[3] * (5 * CHUNK)], max_tokens=3, temperature=0)[0]
    whole = net.logits(net(torch.tensor([[3] * (5 * CHUNK)])))[0, -1].argmax()
    run(Engine(CachedGPT(net, 1), 1), [alone])
    assert alone.ids[0] == int(whole)


def test_one_that_is_dropped_leaves_the_others_as_they_were():
    net = net_of()
    kept = streams_of([[5, 6], [7]], temperature=0)
    run(Engine(CachedGPT(net, 2), 2), kept)
    engine = Engine(CachedGPT(net, 3), 3)
    streams = streams_of([[9], [5, 6], [7]], temperature=0)
    for s in streams:
        engine.add(s)
    for _ in range(4):
        engine.step()
    engine.drop(streams[0])
    while engine.busy:
        engine.step()
    assert [s.ids for s in streams[1:]] == [s.ids for s in kept]


def test_the_end_of_the_context_ends_an_answer():
    streams = streams_of([[1] * 90], max_tokens=50)
    run(Engine(CachedGPT(net_of(), 1), 1), streams)
    assert streams[0].reason == "length"
    assert 90 + len(streams[0].ids) <= 97


def test_stop_strings_are_never_told_even_in_parts():
    told = []
    pieces = [b"a", b"b", b"c", "好".encode()[:1], "好".encode()[1:]]
    stream = Stream([0], Sampling(max_tokens=50, stop=("bca", "zz")), frozenset({9}), pieces)
    for token in (0, 1, 2, 1, 3, 4, 1, 2, 0):
        told.append(stream.take(token))
    assert "".join(told) == stream.text == "abcb好"
    assert stream.reason == "stop"
    assert "b" not in told[1]
    half = Stream([0], Sampling(max_tokens=2, stop=("bca",)), frozenset({9}), pieces)
    assert half.take(1) == ""
    assert half.take(2) == "bc"
    assert half.reason == "length"


def draw(logits, ids=(), n=200, mask=None, **sampling):
    rng = np.random.default_rng(0)
    s = Sampling(**sampling)
    return [choose(logits[None].clone(), [(s, rng, [], list(ids))], [mask])[0][0] for _ in range(n)]


def test_sampling_keeps_what_it_says():
    logits = torch.log(torch.tensor([0.5, 0.25, 0.15, 0.07, 0.03]))
    assert set(draw(logits)) == {0, 1, 2, 3, 4}
    assert set(draw(logits, top_k=2)) == {0, 1}
    assert set(draw(logits, top_p=0.7)) == {0, 1}
    assert set(draw(logits, min_p=0.25)) == {0, 1, 2}
    assert set(draw(logits, temperature=0)) == {0}
    assert set(draw(logits, temperature=0, ids=[0, 0], frequency_penalty=1.0)) == {1}
    assert set(draw(logits, temperature=0, ids=[0], presence_penalty=1.0)) == {1}
    assert set(draw(logits, temperature=0, ids=[0], repetition_penalty=4.0)) == {1}
    assert set(draw(logits, mask=np.array([False, False, True, False, True]))) == {2, 4}
    share = np.mean(np.array(draw(logits, n=2000)) == 0)
    assert 0.46 < share < 0.54


def test_seeds_and_log_probabilities():
    net = net_of()
    first, again, other = (streams_of([[4, 5]], seed=s, logprobs=3)[0] for s in (1, 1, 2))
    run(Engine(CachedGPT(net, 3), 3), [first, again, other])
    assert first.ids == again.ids != other.ids
    token, logprob, top = first.logprobs[0]
    said = torch.log_softmax(net.logits(net(torch.tensor([[4, 5]])))[0, -1], -1)
    assert token == first.ids[0]
    assert logprob == pytest.approx(float(said[token]), abs=1e-4)
    assert [t for t, _ in top] == said.topk(3).indices.tolist()


def test_the_lean_step_follows_the_weights():
    from modelwright.models.lean_step import lean_step

    torch.manual_seed(0)
    network = GPT(GPTConfig(vocab=50, width=32, layers=2, heads=4, kv_heads=2, head=8, hidden=40, qk_norm=True)).eval()
    first = lean_step(network)
    assert first is not None
    assert lean_step(network) is first  # kept
    with torch.no_grad():
        network.blocks[0].up.add_(0.1)
    assert lean_step(network) is not first
    learnt = GPT(GPTConfig(vocab=50, width=32, layers=2, heads=4, kv_heads=2, head=8, hidden=40, positions="learned"))
    assert lean_step(learnt) is None
