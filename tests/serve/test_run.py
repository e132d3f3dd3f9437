"""Where the service may bind."""

import socket

import pytest

from modelwright.core.errors import OptionError
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
