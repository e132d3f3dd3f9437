"""Start the service and ask it, with nothing but the standard library on the client's side.

python examples/serve_client.py
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import modelwright as mw
from modelwright.data import samples

tickets = samples.write("tickets", Path("tickets.csv"), overwrite=True)
run = mw.fit(tickets, target="queue", budget="30s", name="tickets")

with socket.socket() as s:  # any port that is free
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
url, key = f"http://127.0.0.1:{port}", secrets.token_urlsafe(32)


def ask(path: str, body: object = None, with_key: bool = True) -> dict:
    request = urllib.request.Request(url + path, headers={"Content-Type": "application/json"})
    if with_key:
        request.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


server = subprocess.Popen(
    [sys.executable, "-m", "modelwright.cli", "serve", str(run.folder), "--port", str(port)],
    env={**os.environ, "MODELWRIGHT_KEY": key},
)
try:
    for _ in range(240):
        try:
            if ask("/readyz", with_key=False)["ready"]:
                break
        except OSError:
            time.sleep(0.25)

    print(ask("/predict", {"text": "Where is my parcel?"}))
    print(ask("/predict", {"rows": [{"text": "我要退货"}, {"text": "the app crashes"}], "scores": False}))
    print(ask("/explain", {"text": "I was charged twice this month"})["explanation"][:3])
    try:
        ask("/predict", {"text": "hello"}, with_key=False)
    except urllib.error.HTTPError as e:
        print(e.code, json.load(e)["error"]["message"])
finally:
    server.terminate()
    server.wait(20)
