"""Inbound TLS with a certificate that openssl has just made."""

import socket
import ssl
import subprocess
import warnings

import pytest
from hubtest import Hub, run


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def hub(certificate):
    started = Hub("--tls-cert", certificate[0], "--tls-key", certificate[1], "--request-timeout-ms", "1000", start=False)
    started.context = ssl.create_default_context(cafile=str(certificate[0]))
    with started.start():
        yield started


def connect(hub, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", hub.port), 5), server_hostname="127.0.0.1")


def test_requests_over_tls(hub):
    assert hub.request("GET", "/healthz").status == 200
    reply = hub.request("POST", "/v1/parties", b" " * (1 << 20), {"Content-Type": "application/json"})
    assert reply.status == 400
    assert hub.request("POST", "/v1/parties", b" " * (9 << 20)).status == 413


def test_pipelined_over_tls_with_the_handshake(hub):
    with connect(hub, hub.context) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 9 + b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
    assert got.count(b"HTTP/1.1 200 OK") == 10


def test_framing_is_judged_under_tls_too(hub):
    with connect(hub, hub.context) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 400")


def test_only_http_1_1_and_tls_1_2_or_newer(hub, certificate):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(hub, context) as s:
        assert s.selected_alpn_protocol() == "http/1.1"
        assert s.version() in ("TLSv1.2", "TLSv1.3")
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        connect(hub, context)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(hub, old)


def test_plain_http_and_silence_on_the_tls_port_end(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 5) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert not s.recv(65536).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", hub.port), 5) as s:
        assert s.recv(10) == b""
    assert hub.request("GET", "/healthz").status == 200


def test_bad_certificates_are_named(certificate, tmp_path):
    common = ["serve", "--data", tmp_path / "d", "--listen", "127.0.0.1:0", "--public-url", "https://h.example"]
    assert run(*common, "--tls-cert", certificate[0]).returncode == 2
    missing = run(*common, "--tls-cert", tmp_path / "none.pem", "--tls-key", certificate[1])
    assert missing.returncode == 1 and "none.pem" in missing.stderr
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other], check=True, capture_output=True)
    wrong = run(*common, "--tls-cert", certificate[0], "--tls-key", other)
    assert wrong.returncode == 1 and "other.pem" in wrong.stderr
