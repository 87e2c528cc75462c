"""Requests signed with AWS Signature Version 4, judged by a receiver that signs what it reads for itself."""

import hashlib
import http.server
import threading

import pytest

import sigv4
from caller import Caller

ACCESS, SECRET, REGION = "AKIDEXAMPLE", "wJalr:UtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"


class Store(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.items(), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *unused):
        pass


@pytest.fixture
def store():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.seen, server.daemon_threads = [], True
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def call():
    with Caller() as caller:
        yield caller


def sign(session=None, service="s3"):
    return {"access": ACCESS, "secret": SECRET, "region": REGION, "service": service, **({"session": session} if session else {})}


def judge(seen, service="s3", session=None, secret=SECRET):
    return sigv4.problem(*seen, ACCESS, secret, REGION, service, session)


def test_the_judge_agrees_with_the_published_example():
    """GET Object of "Signature Calculations for the Authorization Header"."""
    headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": sigv4.EMPTY, "x-amz-date": "20130524T000000Z"}
    assert sigv4.signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "GET", "/test.txt", headers, sorted(headers), sigv4.EMPTY,
                           "20130524T000000Z", "us-east-1", "s3") == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


@pytest.mark.parametrize("path", ["/bucket/cdrs.csv", "/", "", "/b/date=2026-11-21/a+b/c&d", "/b/sp%20ace/%c3%bc/%2F/%7Etilde", "/b/50%/x!'()*",
                                  "/b/a//b/../c", "/b?list-type=2&prefix=a%2fb", "/b?z=1&a=2&A=3&a1=0&a=1", "/b?uploads", "/b?x=1+1&&y=~",
                                  "?a=b"])
def test_every_form_of_a_url_is_signed_as_it_is_read(call, store, path):
    body = "a,b\n1,2\n"
    done = call(method="PUT", url=store.url + path, body=body, sign=sign(),
                headers={"Content-Type": "text/csv", "x-amz-content-sha256": hashlib.sha256(body.encode()).hexdigest()})
    assert done["err"] == "OK" and done["status"] == 200, done
    seen = store.seen[0]
    assert judge(seen) is None, seen
    assert judge(seen, secret="another") == "SignatureDoesNotMatch"


def test_what_the_url_means_stays(call, store):
    call(method="GET", url=store.url + "/b/x=1/%7e/%2f/a%20b?q=%41%2f&empty", sign=sign(), headers={"x-amz-content-sha256": sigv4.EMPTY})
    assert store.seen[0][1] == "/b/x%3D1/~///a%20b?empty=&q=A%2F" and judge(store.seen[0]) is None


def test_a_session_token_is_sent_and_signed(call, store):
    call(method="GET", url=store.url + "/b", sign=sign(session="IQoJb3//+="), headers={"x-amz-content-sha256": sigv4.EMPTY})
    assert judge(store.seen[0], session="IQoJb3//+=") is None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_other_services_need_no_digest(call, store, method):
    call(method=method, url=store.url + "/stage/cdrs", sign=sign(service="execute-api"), headers={"Idempotency-Key": "msg_1_2", "X-Two": "a  b"})
    assert judge(store.seen[0], service="execute-api") is None


def test_a_large_body_arrives_whole(call, store):
    body = "0123456789abcdef" * 40000  # libcurl asks first from here on (Expect: 100-continue), which must not be signed
    done = call(method="PUT", url=store.url + "/b/big", body=body * 1, sign=sign(), headers={"x-amz-content-sha256": hashlib.sha256(body.encode()).hexdigest()})
    assert done["status"] == 200 and judge(store.seen[0]) is None and len(store.seen[0][3]) == len(body)


def test_the_next_call_of_the_same_handle_is_not_signed(call, store):
    for _ in range(3):
        call(method="GET", url=store.url + "/b", sign=sign(session="s"), headers={"x-amz-content-sha256": sigv4.EMPTY})
        call(method="GET", url=store.url + "/open")
    for seen in store.seen[1::2]:
        assert not {name.lower() for name, _ in seen[2]} & {"authorization", "x-amz-date", "x-amz-security-token"}, seen
    assert len(store.seen) == 6 and all(judge(seen, session="s") is None for seen in store.seen[::2])


@pytest.mark.parametrize("wrong", [{"region": "eu central"}, {"region": ""}, {"service": "s3:x"}, {"service": "a" * 64}, {"access": ""},
                                   {"access": "AK:ID"}, {"session": "a\r\nX-Evil: 1"}])
def test_what_cannot_be_signed_is_not_sent(call, store, wrong):
    done = call(method="GET", url=store.url + "/b", sign={**sign(), **wrong})
    assert done["err"] == "INVALID" and done["detail"] and SECRET not in done["detail"] and not store.seen
    assert call(method="GET", url=store.url + "/b", sign=sign(), headers={"X-Empty": ""})["err"] == "INVALID"
