"""Receivers of CDRs on loopback: a file server, an object store, and a service that makes something of each CDR. Each checks what it documents."""

import hashlib
import http.server
import json
import threading
import time

import sigv4
from hubtest import Call, Vanish, wait_until


class Receiver:
    """Answers as `answer` says; keeps every request in `calls`. `script`: functions that are asked first, oldest first; each is asked until it says
    something else than None, then it is done. Can be stopped and started again on the same port."""

    def __init__(self):
        self.calls, self.script, self.lock, self.port = [], [], threading.RLock(), 0
        self.start()

    def start(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def say(self, status, body=b"", headers=None, times=1):
        """What the next requests get instead."""
        with self.lock:
            self.script += [lambda call: (status, headers or {}, body)] * times

    def answer(self, call):
        raise NotImplementedError

    def _answer(self, call):
        with self.lock:
            self.calls.append(call)
            scripted = self.script.pop(0) if self.script else None
        made = scripted(call) if scripted else None
        return made or self.answer(call)

    def _handler(receiver):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def work(self):
                path, _, query = self.path.partition("?")
                call = Call(self.command, path, query, self.headers, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                try:
                    status, headers, body = receiver._answer(call)
                except Vanish:
                    self.close_connection = True
                    return
                except Exception as error:  # a broken script shows in the test, not as a hang
                    status, headers, body = 500, {}, repr(error).encode()
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = work

        return Handler

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


class Files(Receiver):
    """PUT stores, 201 the first time and 204 afterwards, as WebDAV servers do. `puts`: names in the order of their coming."""

    def __init__(self):
        self.files, self.types, self.puts = {}, {}, []
        super().__init__()

    def problem(self, call):
        return None

    def answer(self, call):
        if call.method != "PUT":
            return 405, {"Allow": "PUT"}, b""
        if call.headers.get("Content-Length") is None:
            return 411, {}, b""
        problem = self.problem(call)
        if problem:
            return problem
        with self.lock:
            fresh = call.path not in self.files
            self.files[call.path], self.types[call.path] = call.raw, call.headers.get("Content-Type")
            self.puts.append(call.path)
        return 201 if fresh else 204, {}, b""

    def wait_for(self, count=1, timeout=20.0):
        return wait_until(lambda: len(self.files) >= count and dict(self.files), timeout, what=f"{count} files; there: {list(self.files)}")


class ObjectStore(Files):
    """An S3 bucket: each request is signed (Signature Version 4), the body's hash is said and right."""

    access, secret, region = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"

    def __init__(self, session=None):
        self.session, self.refused = session, []
        super().__init__()

    def problem(self, call):
        target = call.path + ("?" + call.query if call.query else "")
        why = sigv4.problem(call.method, target, call.headers.items(), call.raw, self.access, self.secret, self.region, "s3", self.session)
        if not why:
            return None
        with self.lock:
            self.refused.append(why)
        error = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SignatureDoesNotMatch</Code><Message>{why}</Message></Error>'
        return 403, {"Content-Type": "application/xml"}, error.encode()


class Service(Receiver):
    """Makes one thing of each Idempotency-Key: 201 with what `made` says of it. The same key with the same body gets the same answer again, with
    another body 422; a key is never used for two CDRs, a CDR never comes under two keys."""

    def __init__(self, made=lambda number: {"reference": f"R{number}"}, headers=lambda number: {}, check=lambda call: None):
        self.made, self.headers, self.check = made, headers, check
        self.things, self.problems = {}, []  # key -> (hash, answer, call)
        super().__init__()

    def answer(self, call):
        refused = self.check(call)
        if refused:
            return refused
        if call.method != "POST" or not call.headers.get("Idempotency-Key") or not call.headers.get("Content-Type"):
            self.problems.append((call, dict(call.headers)))
            return 400, {}, {"detail": "a POST with Idempotency-Key and Content-Type is asked for"}
        key, digest = call.headers["Idempotency-Key"], hashlib.sha256(call.raw).hexdigest()
        with self.lock:
            if key not in self.things:
                number = len(self.things) + 1
                self.things[key] = digest, (201, self.headers(number), self.made(number)), call
            elif self.things[key][0] != digest:
                self.problems.append((call, "another body"))
                return 422, {}, {"detail": "this Idempotency-Key came with another body"}
            return self.things[key][1]

    def stored_but_never_answered(self, times=1):
        def lose(call):
            self.answer(call)
            raise Vanish
        with self.lock:
            self.script += [lose] * times

    def bodies(self):
        """The JSON of what was made, by the CDR's id."""
        with self.lock:
            made = [json.loads(call.raw) for _, _, call in self.things.values()]
        by_id = {body["cdr"]["id"]: body for body in made}
        assert len(by_id) == len(made), "a CDR came under two keys"
        assert not self.problems, self.problems
        return by_id

    def wait_for(self, *ids, timeout=20.0):
        return wait_until(lambda: set(ids) <= set(found := self.bodies()) and found, timeout,
                          what=f"{ids}; made: {list(self.bodies())}, calls: {len(self.calls)}")


def quiet(receiver, seconds=1.5):
    """So many more requests came within this time."""
    before = len(receiver.calls)
    time.sleep(seconds)
    return len(receiver.calls) - before
