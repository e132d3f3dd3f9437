"""Answers that are files: the file itself for who accepts its type, base64 in JSON for all others, and what is refused."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from modelwright.serve.app import create_app
from modelwright.serve.file_answer import wanted
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_folder
from pictures_made import enlarger, picture, png


def url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    place = tmp_path_factory.mktemp("service")
    app = create_app(
        enlarger(), keys=KeyRing.of({"test": "k"}), home=home_of_folder("larger", "1", place / "keys.json")
    )
    with TestClient(app, headers={"Authorization": "Bearer k"}) as c:
        yield c


ROW = {"picture": url(png(picture(1, 20, 24)))}


def test_json_holds_type_and_base64(client):
    answer = client.post("/predict", json=ROW).json()
    assert answer["prediction"]["type"] == "image/png"
    made = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["prediction"]["data"]))))
    assert made.shape == (40, 48, 3)
    assert len(client.post("/predict", json={"rows": [ROW, {"picture": None}]}).json()["answers"]) == 2


@pytest.mark.parametrize("accept", ["image/png", "image/*;q=0.9, */*", "image/webp, image/png"])
def test_the_file_itself(client, accept):
    reply = client.post("/predict", json=ROW, headers={"Accept": accept})
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["x-answer-id"]
    told = client.post("/predict", json=ROW).json()["prediction"]["data"]
    assert reply.content == base64.b64decode(told)


def test_what_cannot_be_given_as_a_file(client):
    assert client.post("/predict", json={"rows": [ROW]}, headers={"Accept": "image/png"}).status_code == 406
    assert client.post("/predict", json=ROW, headers={"Accept": "image/gif"}).status_code == 406
    reply = client.post("/predict", json={"picture": None}, headers={"Accept": "image/png"})
    assert reply.json()["prediction"] is None
    assert (
        client.post(
            "/predict", json={"picture": url(b"no picture at all")}, headers={"Accept": "image/png"}
        ).status_code
        == 422
    )


def test_types_that_are_accepted():
    assert wanted({"accept": "text/html, image/png;q=0.8, */*"}) == ["image/png"]
    assert wanted({"accept": "application/json, image/png"}) == []
    assert wanted({"accept": "*/*"}) == []
    assert wanted(None) == []


def test_openapi_names_the_file(client):
    content = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    assert content["image/png"]["schema"]["format"] == "binary"


def test_the_page_shows_files(client):
    page = client.get("/?lang=en").text
    assert "function madeFile" in page
    assert client.get("/schema").json()["made"] is True
