"""Whole runs from a folder of sounds or clips and a pretrained encoder, by the command line."""

import json
import shutil
import subprocess
import sys

import pytest

from modelwright.api import load
from modelwright.data.kinds.base import kind_of
from pretrained_made import tiny_audio, tiny_image, tiny_video


def folder_of(modality, place, suffix, rows=36):
    states = [i % 2 for i in range(rows)]
    for i, (state, cell) in enumerate(zip(states, kind_of(modality).sample(states, 0), strict=True)):
        (place / "ab"[state]).mkdir(parents=True, exist_ok=True)
        (place / "ab"[state] / f"{i}{suffix}").write_bytes(cell)
    return place


@pytest.mark.parametrize(("modality", "suffix", "make", "kind"), [
    ("audio", ".wav", tiny_audio, "wav2vec2"),
    pytest.param("audio", ".wav", tiny_audio, "whisper", marks=pytest.mark.slow),
    pytest.param("audio", ".wav", tiny_audio, "audio-spectrogram-transformer", marks=pytest.mark.slow),
    pytest.param("video", ".mp4", tiny_video, "videomae", marks=pytest.mark.slow),
    pytest.param("video", ".mp4", tiny_image, "vit", marks=pytest.mark.slow),
])  # fmt: skip
def test_a_run_from_the_command_line(tmp_path, modality, suffix, make, kind):
    data, base = folder_of(modality, tmp_path / "data", suffix), make(tmp_path / "hidden-place" / kind, kind)
    (base / "README.md").write_text("---\nlicense: mit\n---\narXiv:2006.11477")
    recipes = ["constant", "frozen"] if kind == "wav2vec2" else ["constant", "frozen", "finetune", "lora"]
    start = "from modelwright.cli.app import main; main()"
    call = [sys.executable, "-c", start, "run", str(data), "-t", "label", "--pretrained", str(base), "-b", "120s"]
    call += ["--folds", "1", "--search", "none", "--out", str(tmp_path / "runs"), "--name", "r", "--json"]
    call += [a for r in recipes for a in ("--recipe", r)]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    run = tmp_path / "runs" / "r"
    facts = json.loads((run / "report.json").read_text(encoding="utf-8"))
    tried = {r["recipe"]: r.get("reason") for r in facts["leaderboard"]}
    assert {r for r, reason in tried.items() if not reason} >= set(recipes), tried
    rows = [{modality: p.read_bytes()} for p in sorted(data.rglob(f"*{suffix}"))[:6]]
    before = load(run).predict(rows, scores=True)
    shutil.rmtree(base.parent)
    assert load(run).predict(rows, scores=True) == before
    card = (run / "bundle" / "card.md").read_text(encoding="utf-8")
    assert f"pretrained encoder {kind}" in card
    assert "mit" in card
    assert "2006.11477" in card
    assert not [p for p in (run / "bundle").rglob("*") if p.is_file() and b"hidden-place" in p.read_bytes()]
