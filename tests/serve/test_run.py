"""Where the service may bind, and a whole start and stop."""

import contextlib
import datetime as dt
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from pathlib import Path

import pytest

from modelwright.core.errors import OptionError
from modelwright.release.bundle import save
from modelwright.serve.run import _check_port, check_binding, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_loopback_needs_nothing(host):
    assert is_loopback(host)
    check_binding(host, None, None, False)


@pytest.mark.parametrize("host", ["192.168.1.4", "::", "example.com", "0" + ".0.0.0"])
def test_other_addresses_need_tls_or_a_proxy(host, tmp_path):
    with pytest.raises(OptionError, match="--behind-proxy"):
        check_binding(host, None, None, False)
    check_binding(host, None, None, True)
    cert = tmp_path / "c.pem"
    cert.write_text("")
    with pytest.raises(OptionError, match="both"):
        check_binding(host, cert, None, False)
    check_binding(host, cert, cert, False)


def test_a_port_in_use_is_named():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with pytest.raises(OptionError, match="--port"):
            _check_port("127.0.0.1", s.getsockname()[1])
    with pytest.raises(OptionError):
        _check_port("127.0.0.1", 70_000)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate that signs itself, and its key, for this machine."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        x509.random_serial_number(),
        now - dt.timedelta(hours=1),
        now + dt.timedelta(days=1),
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(plain)
    return folder / "cert.pem", folder / "key.pem"


def speak_old(port: int, cert: Path) -> None:
    """Offer TLS 1.1 and nothing newer."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cert)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        old.wrap_socket(raw, server_hostname="localhost")


def test_tls_is_spoken_and_plain_http_is_not(predictor, tmp_path, row, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_KEY", "a-long-key-of-our-own-making")
    save(predictor, tmp_path / "bundle")
    cert, key = certificate(tmp_path)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from modelwright.serve import wire; wire.HANDSHAKE_SECONDS = 1.5; "
        "from modelwright.serve.run import serve; a = [Path(x) for x in sys.argv[1:5]]; "
        "serve(a[0], port=int(sys.argv[5]), key_file=a[1], tls_cert=a[2], tls_key=a[3])"
    )
    told = [sys.executable, "-c", code, tmp_path / "bundle", tmp_path / "k.json", cert, key, str(port)]
    process = subprocess.Popen(told, stderr=subprocess.PIPE)
    try:
        assert b"https://" in process.stderr.readline()
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        trusted = ssl.create_default_context(cafile=str(cert))
        headers = {"X-API-Key": "a-long-key-of-our-own-making"}
        request = urllib.request.Request(f"https://localhost:{port}/predict", json.dumps(row).encode(), headers)
        with urllib.request.urlopen(request, timeout=20, context=trusted) as reply:
            assert "prediction" in json.loads(reply.read())
        assert send(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[:8] != b"HTTP/1.1"
        with pytest.raises(ssl.SSLError):
            speak_old(port, cert)
        with socket.create_connection(("127.0.0.1", port), 20) as stalled:  # says nothing at all
            stalled.settimeout(20)
            with contextlib.suppress(ConnectionResetError):
                assert stalled.recv(1) == b""
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def send(port: int, data: bytes) -> bytes:
    """Send raw bytes and return what comes back."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        with contextlib.suppress(OSError):  # the service may hang up early
            s.sendall(data)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                got += part
    return got


def test_start_answer_stop(predictor, tmp_path, row, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    save(predictor, tmp_path / "bundle")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from modelwright.serve.run import serve; "
        "serve(Path(sys.argv[1]), port=int(sys.argv[2]), key_file=Path(sys.argv[3]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "bundle", str(port), tmp_path / "keys.json"], stderr=subprocess.PIPE
    )
    try:
        said = [process.stderr.readline().decode() for _ in range(2)]
        key = said[1].split(": ")[1].strip()
        base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        request = urllib.request.Request(
            f"{base}/predict", json.dumps(row).encode(), {"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert "prediction" in json.loads(reply.read())
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {key}\r\n".encode()
        big = b"canary-7" * 800_000  # beyond 4 MiB
        assert b" 413 " in send(port, head + b"Content-Length: 9999999999\r\n\r\n" + big)[:20]
        chunk = b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n"
        assert b" 413 " in send(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)[:20]
        # more than was promised is not read as part of the body
        answer = send(port, head + b"Content-Length: 2\r\n\r\n{}" + big)
        assert b" 422 " in answer[:20]
        # requests under way when the signal comes are answered
        answers = []
        many = json.dumps({"rows": [row] * 900}).encode()
        request = urllib.request.Request(f"{base}/predict", many, {"Authorization": f"Bearer {key}"})

        def ask() -> None:
            with urllib.request.urlopen(request, timeout=20) as reply:
                answers.append(len(json.loads(reply.read())["answers"]))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.03)
        process.send_signal(signal.SIGTERM)
        thread.join(20)
        assert answers == [900]
        assert process.wait(20) == 0
        assert b"canary" not in process.stderr.read()
        assert key not in (tmp_path / "keys.json").read_text()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_keys_that_stood_where_all_bundles_shared_them_are_named(predictor, tmp_path, monkeypatch, capsys):
    from modelwright.cli.verbs.serve import start as serve_verb
    from modelwright.serve import run
    from modelwright.serve.keys import add_key

    save(predictor, tmp_path / "release-3")
    add_key(tmp_path / "serve" / "keys.json", "ann")
    asked = {}
    monkeypatch.setattr(run, "serve", lambda bundle, **named: asked.update(named))

    def start(key_file=None):
        serve_verb(str(tmp_path / "release-3"), key_file, "en", host="127.0.0.1", port=8000)
        return asked["key_file"], capsys.readouterr().err

    place, said = start()
    assert place == tmp_path / "release-3.serve" / "keys.json"
    assert f"--key-file {tmp_path / 'serve' / 'keys.json'}" in said
    add_key(place, "bob")
    assert start()[1] == ""
    assert start(tmp_path / "serve" / "keys.json")[0] == tmp_path / "serve" / "keys.json"


@pytest.mark.parametrize("key", ["env:NO_SUCH_KEY", "file:/nowhere/vault.key", "nonsense"])
def test_a_vault_key_that_is_not_there_is_told_before_anything_starts(predictor, tmp_path, monkeypatch, key):
    from modelwright.cli.verbs.serve import start as serve_verb
    from modelwright.core.errors import VaultError
    from modelwright.serve import run

    save(predictor, tmp_path / "bundle")
    started = []
    monkeypatch.setattr(run, "serve", lambda *args, **named: started.append(args))
    monkeypatch.setenv("MODELWRIGHT_VAULT", key)
    with pytest.raises(VaultError):
        serve_verb(str(tmp_path / "bundle"), None, "en", host="127.0.0.1", port=8000)
    assert not started
    monkeypatch.delenv("MODELWRIGHT_VAULT")
    serve_verb(str(tmp_path / "bundle"), None, "en", host="127.0.0.1", port=8000)
    assert started
