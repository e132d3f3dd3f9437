"""A detector in the service: boxes at `/predict`, what is followed at `/track`."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.testing import context, sample_table

KEY = "a-key-for-these-tests"
HEAD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def client():
    task = get_task("object-detection")
    table, target = sample_table(task, 24)
    made = get_recipe("mean-boxes")
    model = made.fit(table, None, made.options(), context(task, target))
    model.of_pixels = model.boxes_in = lambda pixels: [
        {"box": [1.0, 2.0, 20.0, 30.0], "label": "disc", "score": 0.8, "sure": True}
    ]
    predictor = Predictor(task, table.schema, target, [(1.0, model)], name="plates")
    with TestClient(create_app(predictor, keys=KeyRing.of({"test": KEY}))) as opened:
        yield opened


def picture(width=64, height=48):
    held = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()


def test_boxes_are_answered_in_pixels_of_the_picture_that_was_sent(client):
    small, large = (
        client.post("/predict", json={"picture": picture(64 * k, 48 * k)}, headers=HEAD).json() for k in (1, 2)
    )
    assert {b["label"] for b in small["prediction"]} == {"disc", "bar"}
    for a, b in zip(small["prediction"], large["prediction"], strict=True):
        assert set(a) == {"box", "label", "score"}
        assert b["box"] == pytest.approx([2 * v for v in a["box"]], abs=0.03)


def test_a_picture_that_is_none_is_refused(client):
    reply = client.post("/predict", json={"picture": "data:image/png;base64,AAAA"}, headers=HEAD)
    assert reply.status_code == 422
    assert "picture" in json.dumps(reply.json())


def test_the_page_draws_boxes(client):
    told = client.get("/schema", headers=HEAD).json()
    assert told["made"] is True
    page = client.get("/?form=1", headers=HEAD).text
    assert "boxesFigure" in page
    assert "使用摄像头" in page


def clip(frames=6):
    av = pytest.importorskip("av")
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(frames):
            shown = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            for packet in stream.encode(shown):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return "data:video/mp4;base64," + base64.b64encode(held.getvalue()).decode()


def test_a_clip_is_followed(client):
    told = client.post("/track", json={"video": clip(), "every": 2}, headers=HEAD).json()
    assert [f["frame"] for f in told["frames"]] == [0, 2, 4]
    assert [b["track"] for f in told["frames"] for b in f["boxes"]] == [1, 1, 1]
    assert (told["things"], told["cut"]) == ({"disc": 1}, False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 422),
        ({"video": "data:video/mp4;base64,AAAA"}, 422),
        ({"video": 3}, 422),
        ({"video": "/etc/passwd"}, 422),
        ({"video": "x", "every": 0}, 422),
    ],
)
def test_what_is_no_clip_is_refused(client, body, code):
    reply = client.post("/track", json=body, headers=HEAD)
    assert reply.status_code == code
    assert reply.json()["error"]["message"]


def test_a_clip_needs_a_key(client):
    assert client.post("/track", json={"video": "x"}).status_code == 401
