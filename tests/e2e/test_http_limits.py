"""Every limit and framing trap, on the whole server."""

import gzip
import json
import socket
import threading
import time

import pytest
from hubtest import Hub

HOST = "Host: h\r\n"
BODY_LIMIT = 8 << 20
BULK_LIMIT = 512 << 20


@pytest.fixture(scope="module")
def hub():
    with Hub("--request-timeout-ms", "1500", "--idle-timeout-ms", "3000", "--send-timeout-ms", "1500") as started:
        yield started


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


FRAMING = {
    "length_and_chunked": "POST /v1/parties HTTP/1.1\r\n" + HOST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": "POST /v1/parties HTTP/1.1\r\n" + HOST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two_equal_lengths": "POST /v1/parties HTTP/1.1\r\n" + HOST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two_encodings": "POST /v1/parties HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "two_hosts": "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "no_host": "GET /healthz HTTP/1.1\r\n\r\n",
    "bare_lf": "GET /healthz HTTP/1.1\nHost: h\n\n",
    "bare_lf_header": "GET /healthz HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "folded": "GET /healthz HTTP/1.1\r\n" + HOST + "X: a\r\n\tb\r\n\r\n",
    "blank_before_colon": "GET /healthz HTTP/1.1\r\n" + HOST + "X : a\r\n\r\n",
    "chunk_bare_lf": "POST /v1/parties HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", FRAMING)
def test_ambiguous_framing_is_refused_and_the_connection_closed(hub, case):
    smuggled = "GET /healthz HTTP/1.1\r\n" + HOST + "\r\n"
    start = time.monotonic()
    answer = hub.raw((FRAMING[case] + smuggled).encode())
    assert status_of(answer) == 400, answer
    assert answer.count(b"HTTP/1.1 ") == 1, "the smuggled request was answered"
    assert b"X-Request-ID: " in answer and b"Connection: close" in answer
    assert time.monotonic() - start < 4


def test_the_body_of_a_refusal_is_a_problem_or_an_envelope(hub):
    answer = hub.raw(b"GET /v1/parties HTTP/1.1\r\n\r\n")
    problem = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert problem["status"] == problem["code"] == 400 and problem["detail"] == problem["message"]
    assert f"X-Request-ID: {problem['trace_id']}".encode() in answer
    assert hub.events("http.refused")[-1]["trace_id"] == problem["trace_id"]
    answer = hub.raw(b"PUT /ocpi/2.2.1/x HTTP/1.1\r\n" + HOST.encode() + b"Content-Length: 99999999999\r\n\r\n")
    assert status_of(answer) == 413
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["status_code"] == 2000


def test_http2_is_neither_spoken_nor_upgraded_to(hub):
    assert status_of(hub.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 505
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    answer = hub.raw(("GET /healthz HTTP/1.1\r\n" + HOST + upgrade + "\r\n").encode(), timeout=0.5)
    assert status_of(answer) == 200


def test_sizes_of_the_header_block(hub):
    def status(line="GET /healthz HTTP/1.1", headers=""):
        return status_of(hub.raw((line + "\r\n" + HOST + headers + "\r\n").encode(), timeout=0.3))

    assert status(f"GET /{'u' * 9000} HTTP/1.1") == 414
    assert status(f"GET /{'u' * 8000} HTTP/1.1") == 404
    assert status(headers=f"X: {'v' * 33000}\r\n") == 431
    assert status(headers=f"X: {'v' * 30000}\r\n") == 200
    assert status(headers="X: y\r\n" * 100) == 431
    assert status(headers="X: y\r\n" * 99) == 200


def test_a_body_over_8_mib_is_413_before_it_is_sent(hub):
    head = f"POST /v1/parties HTTP/1.1\r\n{HOST}X-API-KEY: {hub.admin_key}\r\nContent-Type: application/json\r\n"
    assert status_of(hub.raw(f"{head}Content-Length: {BODY_LIMIT + 1}\r\n\r\n".encode())) == 413
    assert status_of(hub.raw(f"{head}Content-Length: {BODY_LIMIT + 1}\r\nExpect: 100-continue\r\n\r\n".encode())) == 413
    assert status_of(hub.raw(f"POST /v1/locations HTTP/1.1\r\n{HOST}Content-Length: {BULK_LIMIT + 1}\r\n\r\n".encode())) == 413
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    assert status_of(hub.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 9 + b"0\r\n\r\n")) == 413


def test_only_who_is_known_sends_large_bodies(hub):
    """Bodies lie on the disk of the store while they arrive: nobody fills it without a credential."""
    made = hub.post("/v1/keys", {"name": "gone", "permissions": ["OBJECT.WRITE"]})
    assert hub.request("DELETE", "/v1/keys/" + made["id"]).status == 204
    for path in ("/v1/locations", "/v1/parties", "/ocpi/2.2.1/receiver/locations/NL/ABC/L1"):
        head = f"POST {path} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
        for who in ("", "X-API-KEY: nonsense\r\n", f"Authorization: Bearer {made['key']}\r\n", "Authorization: Token bm9uc2Vuc2U=\r\n"):
            for framing in ("Content-Length: 65537\r\n\r\n", "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n",
                            "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + " " * 65537):
                answer = hub.raw((head + who + framing).encode())
                assert status_of(answer) == 401 and b"\r\nWWW-Authenticate: " in answer and b"100 Continue" not in answer, (path, who, framing[:40])
            assert status_of(hub.raw((head + who + "Content-Length: 65536\r\nConnection: close\r\n\r\n" + " " * 65536).encode())) == 401
    assert status_of(hub.raw(f"POST /else HTTP/1.1\r\n{HOST}Content-Length: 65537\r\n\r\n".encode())) == 413
    denied = [e for e in hub.get("/v1/audit") if e["action"] == "denied"]
    assert {(e["status"], e["reason"], e["actor"]) for e in denied} == {(401, "credential", None)}
    assert hub.request("POST", "/v1/locations", b"[" + b" " * 100000 + b"]").status == 200  # who is known may


def test_a_client_that_sends_9_mib_gets_to_read_its_413(hub):
    reply = hub.request("POST", "/v1/parties", b" " * (9 << 20), {"Content-Type": "application/json"})
    assert reply.status == 413 and reply.body["status"] == 413


def test_bulk_may_be_larger_and_memory_stays_flat(hub):
    def resident():
        with open(f"/proc/{hub.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon")) // 1024

    before, peak, done = resident(), [0], threading.Event()

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], resident())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    size = 64 << 20
    with socket.create_connection(("127.0.0.1", hub.port), 20) as s:
        s.sendall(f"POST /v1/evse-status HTTP/1.1\r\n{HOST}Content-Type: application/x-ndjson\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(64):
            s.sendall(b"\n" * (1 << 20))
        answer = s.recv(65536)
    done.set()
    watcher.join()
    assert status_of(answer) == 401, answer  # no key was sent: the body was taken all the same
    assert peak[0] - before < 32, f"{before} MiB before, {peak[0]} MiB at the highest"


def test_expect_100_continue(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 5) as s:
        s.sendall(f"POST /v1/parties HTTP/1.1\r\n{HOST}X-API-KEY: {hub.admin_key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n".encode())
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"{}")
        assert status_of(s.recv(65536)) == 400
    assert status_of(hub.raw(f"POST /v1/parties HTTP/1.1\r\n{HOST}Content-Length: 2\r\nExpect: more\r\n\r\n{{}}".encode())) == 417


def test_head_is_get_without_a_body(hub):
    get, head = hub.request("GET", "/healthz"), hub.request("HEAD", "/healthz")
    assert head.status == get.status == 200 and head.body is None
    assert head.headers["Content-Length"] == get.headers["Content-Length"] != "0"


def test_unknown_methods(hub):
    for method in ("OPTIONS", "TRACE", "BREW"):
        reply = hub.request(method, "/v1/parties")
        assert reply.status in (405, 501), (method, reply.status)
        assert reply.headers["X-Request-ID"]


def test_keep_alive_and_pipelining(hub):
    one = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"
    answer = hub.raw((one * 20 + f"GET /healthz HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n").encode())
    assert answer.count(b"HTTP/1.1 200 OK") == 21
    answer = hub.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert status_of(answer) == 200 and b"Connection: close" in answer


def test_a_slow_request_is_answered_408(hub):
    for start in (b"GET /healthz HT", f"PUT /v1/x HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nabc".encode()):
        begin = time.monotonic()
        answer = hub.raw(start, timeout=6)
        assert status_of(answer) == 408 and 1 < time.monotonic() - begin < 5


def test_an_idle_connection_is_closed(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 8) as s:
        s.sendall(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n".encode())
        assert status_of(s.recv(65536)) == 200
        begin = time.monotonic()
        assert s.recv(10) == b""
        assert 2 < time.monotonic() - begin < 6


def test_the_trace_id_of_a_problem_is_in_the_log(hub):
    for reply in (hub.request("GET", "/v1/integrations/77"), hub.request("POST", "/v1/parties", {}), hub.request("GET", "/v1/parties", key="wrong"),
                  hub.request("GET", "/nothing")):
        assert reply.status >= 400
        line, = [e for e in hub.events("request.failed") if e["trace_id"] == reply.body["trace_id"]]
        assert line["detail"] == reply.body["detail"]
        assert line["http_status"] == reply.status and "wrong" not in str(line)


def test_bytes_that_are_no_text_do_not_spoil_answers_or_log(hub):
    key = b"X-API-KEY: " + hub.admin_key.encode() + b"\r\n"
    answer = hub.raw(b"POST /v1/parties HTTP/1.1\r\nHost: h\r\n" + key + b"Content-Type: \xff\xfe<b>\r\nContent-Length: 2\r\n\r\n{}", timeout=0.5)
    assert answer.startswith(b"HTTP/1.1 415") and json.loads(answer.split(b"\r\n\r\n", 1)[1])["status"] == 415
    assert hub.raw(b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: h\r\n" + key + b"\r\n", timeout=0.5).startswith(b"HTTP/1.1 404")
    hub.log_path.read_bytes().decode()  # UnicodeDecodeError if not


def test_a_compressed_body_is_415(hub):
    body = gzip.compress(b'{"countryCode":"NL"}')
    for path in ("/v1/parties", "/v1/integrations", "/v1/locations", "/v1/evse-status"):
        reply = hub.request("POST", path, body, headers={"Content-Encoding": "gzip"})
        assert reply.status == 415 and "Content-Encoding" in reply.body["detail"], reply
    assert hub.request("POST", "/v1/locations", b"[]", headers={"Content-Encoding": "identity"}).status == 200


def test_every_answer_has_a_request_id(hub):
    for method, path in (("GET", "/healthz"), ("GET", "/nowhere"), ("GET", "/v1/nowhere"), ("POST", "/ocpi/versions"), ("GET", "/ocpi/versions")):
        assert hub.request(method, path).headers["X-Request-ID"], (method, path)
