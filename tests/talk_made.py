"""What a conversation by voice is tested with: a model that hears tones, one that answers of them, one that says half a second of tone."""

import numpy as np

from modelwright.core.reading import Reading
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table

RATE = 8000
HERTZ = {"low": (250.0, 500.0), "mid": (700.0, 1400.0), "high": (1900.0, 2800.0)}


class Part:
    def __init__(self, samples):
        self.samples = samples


class Speaks:
    """Says half a second of a tone for each sentence."""

    rate = 16000

    def __init__(self, sentences=1):
        self.sentences, self.said = sentences, []

    def speak(self, text):
        self.said.append(text)
        for _ in range(self.sentences):
            yield Part(0.1 * np.sin(np.arange(8000) / 10).astype(np.float32))


class Fake:
    """What stands for a predictor of a voice."""

    def __init__(self, model, name="voice"):
        self.members, self.name, self.task = [(1.0, model)], name, get_task("classification")


def hearing():
    """Return what hears tones."""
    task, recipe = get_task("automatic-speech-recognition"), get_recipe("dtw")
    table, target = sample_table(task, 60)
    table = table.take(np.array([i for i, t in enumerate(table.column("text").to_pylist()) if " " not in t]))
    model = recipe.fit(table, None, recipe.variants(table.schema, target, len(table))[0], context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="tones")


def answering(root):
    """Return what answers of tones, from a table that is written into a folder."""
    (root / "tones.csv").write_text("question,answer\nlow,The low tone opens the door.\nhigh,The high tone shuts it.\n")
    task = get_task("question-answering")
    raw, _ = task.read(root, Reading())
    schema = task.typed(infer_schema(raw, overrides={"answer": "text"}, target="answer"))
    table, _ = coerce(raw, schema)
    target = task.fit_target(table.column("answer"), schema["answer"])
    recipe = get_recipe("answer-bm25")
    model = recipe.fit(table, None, recipe.variants(schema, target, len(table))[0], context(task, target))
    model.trust.threshold = 0.0
    return Predictor(task, task.served(schema), target, [(1.0, model)], name="help")


def said(word, pause=0.8):
    """Return PCM of a word with silence after it."""
    time = np.arange(int(0.16 * RATE)) / RATE
    tone = 0.25 * sum(np.sin(2 * np.pi * f * time) for f in HERTZ[word]) * np.hanning(len(time)) ** 0.3
    samples = np.concatenate([np.zeros(int(0.2 * RATE)), tone, np.zeros(int(pause * RATE))])
    samples += 0.002 * np.random.default_rng(0).standard_normal(len(samples))
    return (32767 * samples).astype("<i2").tobytes()
