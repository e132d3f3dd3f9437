"""Pretrained encoders of sound and clips: every family, frozen, fine-tuned and with adapters; padding changes nothing."""

import json
import shutil

import numpy as np
import pytest
import torch

from modelwright.core.errors import OptionError
from modelwright.core.task import get_task
from modelwright.features._hub_av import HubSound
from modelwright.models.encoders.base import encoder_class
from modelwright.models.pretrained import load_encoder
from modelwright.testing import sample_table
from modelwright.train.batches import collate
from pretrained_made import fitted, offline, tiny_audio, tiny_image, tiny_text, tiny_video  # noqa: F401 - a fixture

SPEECH = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")
FAMILIES = [
    *((tiny_audio, "audio", k) for k in (*SPEECH, "whisper", "audio-spectrogram-transformer")),
    *((tiny_video, "video", k) for k in ("videomae", "timesformer")),
    *((tiny_image, "video", k) for k in ("vit", "convnext")),
]


def check(tmp_path, recipe, make, modality, kind):
    base = make(tmp_path / "secret-place" / kind, kind)
    _, model, table, target = fitted(
        recipe, {modality: (str(base),)}, modality, rows=24, **({} if recipe == "frozen" else {"epochs": 1})
    )
    scores = model.scores(table)
    assert np.isfinite(scores).all()
    alone = np.concatenate([model.scores(table.take(np.array([i]))) for i in (3, 7)])
    assert np.allclose(alone, scores[[3, 7]], atol=1e-5), "the other rows of a batch show in the answers"
    folder = tmp_path / "saved"
    folder.mkdir()
    model.save(folder)
    shutil.rmtree(base.parent)
    again = type(model).load(folder, target)
    assert np.allclose(again.scores(table), scores, atol=1e-5)
    assert again.origins[0]["name"] == kind
    assert not [p for p in folder.rglob("*.json") if "secret-place" in p.read_text()]


@pytest.mark.parametrize(("make", "modality", "kind"), FAMILIES)
def test_frozen_and_saved(tmp_path, offline, make, modality, kind):  # noqa: F811
    check(tmp_path, "frozen", make, modality, kind)


@pytest.mark.parametrize(
    ("recipe", "make", "modality", "kind"),
    [
        ("finetune", tiny_audio, "audio", "wav2vec2"), ("finetune", tiny_audio, "audio", "whisper"),
        ("lora", tiny_audio, "audio", "hubert"), ("lora", tiny_audio, "audio", "audio-spectrogram-transformer"),
        ("finetune", tiny_video, "video", "videomae"), ("lora", tiny_image, "video", "vit"),
    ],
)  # fmt: skip
def test_trained_and_saved(tmp_path, offline, recipe, make, modality, kind):  # noqa: F811
    check(tmp_path, recipe, make, modality, kind)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["finetune", "lora"])
@pytest.mark.parametrize(("make", "modality", "kind"), FAMILIES)
def test_every_family_is_trained_and_saved(tmp_path, offline, recipe, make, modality, kind):  # noqa: F811
    check(tmp_path, recipe, make, modality, kind)


@pytest.mark.parametrize("kind", SPEECH)
def test_a_wave_is_heard_as_by_the_library_itself(tmp_path, kind):
    """The library's own answer to a sound alone, mean over its last layer: padding and normalising are ours."""
    import transformers

    folder = tiny_audio(tmp_path / kind, kind)
    table, _ = sample_table(get_task("classification"), 6, modality="audio")
    column = table.schema["audio"]
    column = type(column)(column.name, "audio", options={"pretrained": str(folder)})
    codec = HubSound.fit(table.column("audio"), column, None, 0)
    encoder = encoder_class("audio", "hub")(codec, None).eval()
    with torch.no_grad():
        encoder.mix_layers.copy_(torch.tensor([-1e9, -1e9, 0.0]))  # the last layer alone
    arrays = codec.encode(table.column("audio"))
    with torch.inference_mode():
        ours = encoder(collate(arrays, np.arange(6))).vector
        plain = transformers.AutoModel.from_pretrained(folder).eval()
        for i in range(6):
            rows = arrays["wave"].values[arrays["wave"].offsets[i] : arrays["wave"].offsets[i + 1]]
            wave = rows.ravel()[: arrays["samples"][i]] / 32767
            wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
            theirs = plain(torch.tensor(wave[None], dtype=torch.float32)).last_hidden_state.mean(1)[0]
            assert torch.allclose(ours[i], theirs, atol=2e-4), (ours[i] - theirs).abs().max()


def test_whispers_decoder_is_left_out(tmp_path):
    base = tiny_audio(tmp_path / "base", "whisper")
    _, model, _, _ = fitted("frozen", {"audio": (str(base),)}, "audio", rows=12)
    assert not [n for n, _ in model.embeddings.encoders[0].named_parameters() if "decoder" in n]


def test_half_an_encoder_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    base = tiny_text(tmp_path / "base")
    held = load_file(str(base / "model.safetensors"))
    some = {k: v for k, v in held.items() if "layer.1" not in k}
    save_file(some, str(base / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(OptionError, match="lacks 16 of the encoder's"):
        load_encoder(json.loads((base / "config.json").read_text()), base)
