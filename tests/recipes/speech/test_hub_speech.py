"""Pretrained recognisers: Whisper and encoders with CTC, kept, with adapters, tuned; what they save needs no base."""

import numpy as np
import pytest
import torch

from hub_speech_made import tiny_ctc, tiny_whisper
from modelwright.core.bases import BaseModels
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features.shared.hub_speech import WhisperText, letters_of
from modelwright.models.hub_speech import _loops, monotone
from modelwright.recipes.speech._hub_models import HubFrameModel, WhisperModel
from modelwright.testing import context, sample_table

TASK = get_task("automatic-speech-recognition")
NAMES = ("speech-frozen", "speech-lora", "speech-tuned")


@pytest.fixture(scope="module")
def data():
    return sample_table(TASK, 24)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("speech")
    return {
        "whisper": str(tiny_whisper(place / "whisper")),
        "ctc": str(tiny_ctc(place / "ctc")),
        "base": str(tiny_ctc(place / "base", head=False)),
    }


def recipe_of(name, folder):
    recipe = get_recipe(name)
    recipe.bases = BaseModels(encoders={"audio": (folder,)})
    return recipe


def fitted(name, folder, data, **changes):
    table, target = data
    recipe = recipe_of(name, folder)
    options = recipe.variants(table.schema, target, len(table))[0].model_copy(update={"epochs": 2, **changes})
    ctx = context(TASK, target)
    half = len(table) // 2
    return recipe.fit(table.take(np.arange(half)), table.take(np.arange(half, len(table))), options, ctx)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["whisper", "ctc", "base"])
def test_each_answers_alike_when_saved_and_needs_no_base(name, kind, data, folders, tmp_path):
    table, target = data
    model = fitted(name, folders[kind], data)
    assert isinstance(model, WhisperModel if kind == "whisper" else HubFrameModel)
    told = model.scores(table)[:, 0]
    model.save(tmp_path)
    assert not [p for p in tmp_path.rglob("*") if folders[kind].encode() in p.read_bytes()]
    again = get_recipe(name).model.load(tmp_path, target)
    assert again.recipe == name
    assert [a["text"] for a in told] == [a["text"] for a in again.scores(table)[:, 0]]
    alone = [again.scores(table.take(np.array([i])))[0, 0]["text"] for i in range(4)]
    assert alone == [a["text"] for a in told[:4]]
    assert model.origins[0]["kind"] in ("whisper", "wav2vec2")
    for answer in told:
        for word in answer["words"]:
            assert 0 <= word["start"] <= word["end"] <= answer["seconds"] + 0.02
            assert 0 <= word["confidence"] <= 1


def test_what_is_frozen_does_not_change_and_what_is_tuned_does(data, folders):
    from safetensors.torch import load_file

    before = load_file(f"{folders['whisper']}/model.safetensors")["model.decoder.layers.0.fc1.weight"]
    for name, same in (("speech-frozen", True), ("speech-tuned", False), ("speech-lora", False)):
        now = fitted(name, folders["whisper"], data).network.model.model.decoder.layers[0].fc1.weight
        assert torch.equal(before, now) is same, name


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["whisper", "base"])
def test_tuning_learns_what_is_said(kind, data, folders):
    table, target = data
    model = fitted("speech-tuned", folders[kind], data, epochs=25, lr=3e-3, head_lr=3e-3)
    some = table.take(np.arange(8))
    truth = [str(t) for t in target.encode(some.column("text"))]
    said = [a["text"] for a in model.scores(some)[:, 0]]
    shared = np.mean([set(t.split()) == set(s.split()) for t, s in zip(truth, said, strict=True)])
    assert shared > 0.5, list(zip(truth, said, strict=True))


def test_whisper_writes_what_its_library_does(folders):
    import transformers

    from modelwright.models.hub_speech import HubWhisper, load_whisper

    found = find(folders["whisper"])
    text = WhisperText.fit(found, "en")
    assert len(text.state["prompt"]) == 4
    network = HubWhisper(load_whisper(found.config, found.folder, 200), text.end)
    mel = torch.randn(2, 80, 400, generator=torch.Generator().manual_seed(1))
    made = network.write(mel, text.state["prompt"], text.end, text.state["never"], text.state["first"], 12)
    inner = transformers.WhisperForConditionalGeneration.from_pretrained(found.folder)
    ids = torch.tensor([text.state["prompt"]] * 2)
    with torch.inference_mode():
        for step in range(6):
            logits = inner(input_features=mel, decoder_input_ids=ids).logits[:, -1]
            logits[:, [i for i in text.state["never"] if i != text.end]] = -torch.inf
            if step == 0:
                logits[:, [i for i in text.state["first"] if i != text.end]] = -torch.inf
            ids = torch.cat([ids, logits.argmax(1, keepdim=True)], dim=1)
    for row, (tokens, logs, places) in enumerate(made):
        count = min(6, len(tokens))
        assert tokens[:count] == ids[row, 4 : 4 + count].tolist()
        assert len(logs) == len(tokens) == len(places)


def test_words_of_tokens_in_both_scripts(folders):
    text = WhisperText.fit(find(folders["whisper"]), "zh")
    for written, words in (("hello big world", ["hello", "big", "world"]), ("你好 a", ["你", "好", "a"])):
        ids = text.encode([written])[0]
        found = text.words(ids)
        assert [w for w, _, _ in found] == words
        assert found[0][1] <= 1  # a blank before it may be a token of its own
        assert found[-1][2] == len(ids) - 1
        assert all(a <= b for _, a, b in found)
    assert text.state["prompt"][1] != WhisperText.fit(find(folders["whisper"]), "en").state["prompt"][1]


def test_silence_and_noise_are_no_sentence(data, folders):
    model = fitted("speech-frozen", folders["whisper"], data)
    rate = model.front.rate
    noise = 0.05 * np.random.default_rng(0).standard_normal(2 * rate).astype(np.float32)
    assert model.hear([np.zeros(2 * rate, np.float32), noise, np.zeros(0, np.float32)]) == [[], [], []]


def test_a_head_over_other_letters_is_not_taken(tmp_path, folders):
    assert letters_of(find(folders["ctc"]), ["low mid", "high"])[1][0] == 0
    assert letters_of(find(folders["ctc"]), ["你好"]) is None
    assert letters_of(find(folders["base"]), ["low"]) is None


def test_without_a_recogniser_none_is_tried(data):
    table, target = data
    recipe = recipe_of("speech-tuned", None)
    recipe.bases = BaseModels()
    assert "--pretrained" in recipe.refuses(table.schema, target, 10).en


def test_an_answer_that_goes_in_circles_is_cut():
    assert _loops([1, 2, 3, 4]) == 0
    assert _loops([9, 1, 2, 1, 2, 1, 2, 1, 2]) == 6
    assert _loops([7, 7, 7, 7]) == 3


def test_places_never_go_back():
    weights = np.full((3, 10), 0.01)
    weights[0, 1], weights[1, 5], weights[2, 4], weights[2, 8] = 0.9, 0.9, 0.8, 0.7
    found = monotone(weights)
    assert (np.diff(found) > 0).all()
    assert found[0] == 0
    assert 2 <= found[1] <= 5
    assert found[2] >= 6
