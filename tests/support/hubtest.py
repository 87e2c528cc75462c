"""Starting hubs and scripted partners for the end-to-end tests. Standard library only.

    from hubtest import Hub, Partner, free_port, wait_until

    with Hub() as hub:
        status, headers, body = hub.request("GET", "/v1/parties")
        status, headers, body = hub.ocpi("GET", "/ocpi/versions", token="abc")

The binary is the one that the environment variable HUB_BINARY names (ctest sets it).
"""

import base64
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ADMIN_KEY = "test-admin-key-0123456789abcdef"
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer", "contract broken",
           "Assertion `", "ERROR: UndefinedBehaviorSanitizer")


def binary():
    path = os.environ.get("HUB_BINARY")
    if not path:
        raise RuntimeError("HUB_BINARY does not name the server to test")
    return path


def repository():
    return pathlib.Path(__file__).resolve().parents[2]


def spec_dir():
    """Specification examples and third-party payloads, when there are any: a path or None."""
    path = pathlib.Path(os.environ.get("OCPI_SPEC_DIR", repository().parent / "shared"))
    return path if path.is_dir() else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, timeout=10.0, every=0.02, what=None):
    """The condition's first true value; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or getattr(condition, '__name__', condition)}")
        time.sleep(every)


def token_header(token, encoded=True):
    """Authorization of OCPI 2.2.1: the token in Base64; encoded False: as it is."""
    text = base64.b64encode(token.encode()).decode() if encoded else token
    return {"Authorization": "Token " + text}


class Reply(tuple):
    """(status, headers, body): body is parsed JSON when it is JSON, else bytes. Headers: http.client.HTTPMessage (any case)."""

    status = property(lambda self: self[0])
    headers = property(lambda self: self[1])
    body = property(lambda self: self[2])

    @property
    def data(self):
        """The `data` of an OCPI envelope."""
        return self[2].get("data") if isinstance(self[2], dict) else None

    @property
    def ocpi_status(self):
        return self[2].get("status_code") if isinstance(self[2], dict) else None


def parse_body(raw):
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw


def fetch(url, method="GET", body=None, headers=None, timeout=30, context=None):
    """One request on a connection of its own. body: bytes, str, or anything else as JSON."""
    parts = urllib.parse.urlsplit(url)
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    elif body is not None and not any(h.lower() == "content-type" for h in headers):
        headers["Content-Type"] = "application/json"
    if isinstance(body, str):
        body = body.encode()
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body=body, headers=headers)
        answer = connection.getresponse()
        return Reply((answer.status, answer.headers, parse_body(answer.read())))
    finally:
        connection.close()


class Hub:
    """A hub on a free loopback port with a data directory of its own (kept across restart, removed at the end).

    args: more arguments of `serve`; env: more environment; insecure: allow loopback peers (default).
    """

    def __init__(self, *args, env=None, data=None, insecure=True, workers=2, start=True, name="hub", admin_key=ADMIN_KEY):
        self.name = name
        self.args = [str(a) for a in args]
        self.env = dict(env or {})
        self.own_data = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="ocpi-hub-"))
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.insecure = insecure
        self.workers = workers
        self.admin_key = admin_key
        self.port = free_port()
        self.process = None
        self.context = None
        if start:
            self.start()

    # ---- life

    @property
    def url(self):
        return f"{'https' if '--tls-cert' in self.args else 'http'}://127.0.0.1:{self.port}"

    @property
    def versions_url(self):
        return self.url + "/ocpi/versions"

    def command(self):
        command = [binary(), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", "--public-url", self.url,
                   "--workers", str(self.workers)]
        return command + (["--insecure-peers"] if self.insecure else []) + self.args

    def start(self, timeout=20.0):
        env = {k: v for k, v in os.environ.items() if not k.startswith("OCPI_HUB_")}
        if self.admin_key:
            env["OCPI_HUB_ADMIN_KEY"] = self.admin_key
        env.update(self.env)
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file, env=env)
        end = time.monotonic() + timeout
        while not self.ready():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"{self.name} was not ready within {timeout} s:\n{self.log()}")
            time.sleep(0.02)
        return self

    def ready(self):
        try:
            return fetch(self.url + "/readyz", timeout=2, context=self.context).status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False

    def stop(self, timeout=20.0):
        """SIGTERM; asserts exit code 0 and that no sanitizer has reported anything."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} did not stop within {timeout} s:\n{self.log()[-4000:]}")
        finally:
            self.log_file.close()
        self.check_log()
        assert code == 0, f"{self.name} ended with {code}:\n{self.log()[-4000:]}"

    def kill9(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.log_file.close()
        self.check_log()

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """For the end of a test: stop, then forget the data."""
        try:
            self.stop()
        finally:
            if self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)
                self.log_path.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.close()
            return
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        sys.stderr.write(f"---- log of {self.name}, the last lines\n{self.log()[-3000:]}\n")
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    # ---- log

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, name=None):
        """The log lines as dicts; `name` picks an event."""
        found = []
        for line in self.log().splitlines():
            if line.startswith("{"):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if name is None or event.get("event") == name:
                    found.append(event)
        return found

    def check_log(self):
        text = self.log()
        for report in REPORTS:
            assert report not in text, f"{self.name}: {report}\n{text[max(0, text.find(report) - 200):][:6000]}"

    # ---- requests

    def request(self, method, path, body=None, headers=None, key=None, timeout=30):
        """On the management API, with the admin key unless `key` says otherwise ("" sends none)."""
        headers = dict(headers or {})
        key = self.admin_key if key is None else key
        if key:
            headers.setdefault("X-API-KEY", key)
        return fetch(self.url + path, method, body, headers, timeout, self.context)

    def get(self, path, **more):
        """GET that must succeed: the body."""
        reply = self.request("GET", path, **more)
        assert reply.status == 200, (path, reply.status, reply.body)
        return reply.body

    def post(self, path, body=None, status=201, **more):
        reply = self.request("POST", path, body, **more)
        assert reply.status == status, (path, reply.status, reply.body)
        return reply.body

    def put(self, path, body=None, status=(200, 201), **more):
        reply = self.request("PUT", path, body, **more)
        assert reply.status in (status if isinstance(status, tuple) else (status,)), (path, reply.status, reply.body)
        return reply.body

    def ocpi(self, method, path, token=None, body=None, headers=None, encoded=True, timeout=30):
        """As a partner: `path` may be a whole URL of this hub."""
        headers = dict(headers or {})
        if token is not None:
            headers.update(token_header(token, encoded))
        url = path if path.startswith("http") else self.url + path
        return fetch(url, method, body, headers, timeout, self.context)

    def raw(self, data, timeout=5.0, close=False):
        """Bytes on a connection of their own; what came back until the server closed or `timeout` seconds were silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as s:
            s.sendall(data)
            if close:
                s.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while piece := s.recv(65536):
                    got += piece
            except TimeoutError:
                pass
            except ConnectionError:
                pass
            return got

    # ---- things that every test needs

    def party(self, country="NL", party="ABC", roles=("CPO",), name="Test party"):
        return self.post("/v1/parties", {"countryCode": country, "partyId": party, "roles": list(roles), "businessDetails": {"name": name}})


def run(*args, env=None, timeout=30, stdin=None):
    """The binary as a command: subprocess.CompletedProcess with text output."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OCPI_HUB_")}
    clean.update(env or {})
    return subprocess.run([binary(), *map(str, args)], env=clean, timeout=timeout, input=stdin, text=True, capture_output=True)


# ---- a partner


class Vanish(Exception):
    """Raised by a script: the connection is dropped without an answer."""


class Call:
    """A request that the partner got."""

    def __init__(self, method, path, query, headers, raw):
        self.method, self.path, self.query, self.headers, self.raw = method, path, query, headers, raw
        self.time = time.monotonic()

    @property
    def body(self):
        return parse_body(self.raw)

    @property
    def token(self):
        """The token of the Authorization header, decoded."""
        text = self.headers.get("Authorization", "")
        text = text[6:] if text.startswith("Token ") else text
        try:
            return base64.b64decode(text, validate=True).decode()
        except ValueError:
            return text

    def __repr__(self):
        return f"<{self.method} {self.path}{'?' + self.query if self.query else ''}>"


def envelope(data=None, code=1000, message="OK"):
    body = {"status_code": code, "status_message": message, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    if data is not None:
        body["data"] = data
    return body


class Partner:
    """A scripted OCPI partner on loopback. Serves versions, details and credentials by itself (in the versions that it `speaks`, 2.2.1
    unless told otherwise), stores what is pushed, lists what `objects` holds, and misbehaves where told to. VERSION: the one that it takes
    when it starts the handshake itself.

        with Partner(role="EMSP") as partner:
            partner.on("PUT", "/ocpi/2.2.1/locations/", lambda call: (500, {}, b"no"))   # any path that starts so
            partner.misbehave("slow", seconds=3)         # slow | reset | html | bad_json | status500 | endless | wrong_total | truncated

    A handler gives (status, headers, body); body bytes or JSON; None: go on as if there were no handler. Newest handlers are asked first.
    """

    VERSION = "2.2.1"

    def __init__(self, role="EMSP", country="DE", party="EMS", modules=None, token_a="partner-token-a", roles=None, tls=None, version="2.2.1",
                 speaks=None):
        self.VERSION, self.speaks = version, list(speaks or [version])
        self.role, self.country, self.party, self.token_a = role, country, party, token_a
        self.roles = roles or [{"role": role, "country_code": country, "party_id": party, "business_details": {"name": "Partner " + party}}]
        sides = {"EMSP": ("RECEIVER", "SENDER"), "CPO": ("SENDER", "RECEIVER")}.get(role, ("RECEIVER", "RECEIVER"))
        self.modules = modules if modules is not None else [
            ("credentials", "SENDER"), ("credentials", "RECEIVER"), ("locations", sides[0]), ("tariffs", sides[0]), ("tokens", sides[1])]
        self.calls = []          # every Call, in order
        self.stored = {}         # path below the module's URL -> pushed JSON
        self.objects = {}        # module -> list of objects that its list serves
        self.page = 50
        self.our_token = None    # what the hub must send us (we gave it in credentials)
        self.hub_token = None    # what we must send the hub
        self.hub_url = None      # the hub's versions URL
        self.check_token = False  # True: 401 for any other token than token_a and our_token
        self.handlers, self.bad, self.lock = [], None, threading.RLock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    # ---- addresses

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def versions_url(self):
        return self.url + "/ocpi/versions"

    def module_url(self, module, version=None):
        return f"{self.url}/ocpi/{version or self.VERSION}/{module}"

    # ---- script

    def on(self, method, prefix, handler):
        with self.lock:
            self.handlers.insert(0, (method, prefix, handler))

    def clear(self):
        with self.lock:
            self.handlers, self.bad = [], None

    def misbehave(self, how, prefix=None, method=None, **more):
        with self.lock:
            self.bad = (how, prefix or "/ocpi/" + self.VERSION, method, more) if how else None

    def requests(self, method=None, contains=""):
        with self.lock:
            return [c for c in self.calls if (method is None or c.method == method) and contains in c.path]

    def wait_for(self, method, contains="", count=1, timeout=10.0):
        return wait_until(lambda: len(found := self.requests(method, contains)) >= count and found, timeout,
                          what=f"{count} × {method} …{contains}… at the partner; came: {self.calls[-8:]}")

    # ---- the partner's own calls

    def credentials(self, version=None):
        """Our Credentials object in the shape of the version."""
        shape = {"token": self.our_token, "url": self.versions_url}
        if (version or self.VERSION) != "2.1.1":
            return {**shape, "roles": self.roles}
        return {**shape, **{k: v for k, v in self.roles[0].items() if k != "role"}}

    def endpoints(self, version):
        if version != "2.1.1":
            return [{"identifier": m, "role": r, "url": self.module_url(m, version)} for m, r in self.modules]
        return [{"identifier": m, "url": self.module_url(m, version)} for m in dict.fromkeys(m for m, _ in self.modules)]

    def ask(self, hub, method, path, token, body=None, headers=None):
        """A request to the hub with the token as this version sends it."""
        return hub.ocpi(method, path, token=token, body=body, headers=headers, encoded=self.VERSION != "2.1.1")

    def register(self, hub, token_a, method="POST"):
        """Starts the handshake with the hub as a partner that was given token A. The Reply of the POST."""
        versions = self.ask(hub, "GET", "/ocpi/versions", token_a)
        assert versions.status == 200, versions
        details_url = next(v["url"] for v in versions.data if v["version"] == self.VERSION)
        details = self.ask(hub, "GET", details_url, token_a)
        assert details.status == 200, details
        self.hub_endpoints = details.data["endpoints"]
        self.our_token = "partner-token-b-%d" % len(self.calls)
        url = next(e["url"] for e in self.hub_endpoints if e["identifier"] == "credentials")
        reply = self.ask(hub, method, url, token_a, body=self.credentials())
        if reply.status == 200 and reply.ocpi_status == 1000:
            self.hub_token, self.hub_url = reply.data["token"], reply.data["url"]
            details = self.ask(hub, "GET", details_url, self.hub_token)
            self.hub_endpoints = details.data["endpoints"]
        return reply

    def move(self, hub, version):
        """PUT credentials in another version (C12)."""
        self.VERSION = version
        return self.register(hub, self.hub_token, "PUT")

    def hub_endpoint(self, module, role):
        return next(e["url"] for e in self.hub_endpoints if e["identifier"] == module and e.get("role", role) == role)

    def call_hub(self, hub, method, path, body=None, headers=None):
        return self.ask(hub, method, path, self.hub_token, body, headers)

    # ---- answers

    def answer(self, call):
        with self.lock:
            handlers, bad = list(self.handlers), self.bad
        for method, prefix, handler in handlers:
            if method in (call.method, "*") and call.path.startswith(prefix):
                made = handler(call)
                if made is not None:
                    return made
        if self.check_token and call.token not in (self.token_a, self.our_token):
            return 401, {}, envelope(code=2001, message="unknown token")
        if bad and bad[0] in ("status500", "html", "bad_json") and self._applies(bad, call):
            return {"status500": (500, {}, b"internal"), "html": (200, {"Content-Type": "text/html"}, b"<html>login</html>"),
                    "bad_json": (200, {}, b'{"data": [')}[bad[0]]
        return self._standard(call)

    @staticmethod
    def _applies(bad, call):
        return call.path.startswith(bad[1]) and bad[2] in (None, call.method)

    def _standard(self, call):
        if call.path == "/ocpi/versions":
            return 200, {}, envelope([{"version": v, "url": f"{self.url}/ocpi/{v}"} for v in self.speaks])
        version = next((v for v in self.speaks if (call.path + "/").startswith(f"/ocpi/{v}/")), None)
        if version is None:
            return 404, {}, envelope(code=2000, message="no such version here")
        root = f"/ocpi/{version}"
        if call.path == root:
            return 200, {}, envelope({"version": version, "endpoints": self.endpoints(version)})
        if call.path == root + "/credentials":
            return self._credentials(call, version)
        module, _, rest = call.path[len(root) + 1:].partition("/")
        if call.method == "GET" and not rest:
            return self._list(module, call)
        return self._store(module, rest, call)

    def _credentials(self, call, version):
        if call.method in ("POST", "PUT"):
            self.VERSION = version
            self.hub_token, self.hub_url = call.body["token"], call.body["url"]
            self.our_token = "partner-token-c-%d" % len(self.calls)
        elif call.method == "DELETE":
            self.hub_token = None
            return 200, {}, envelope()
        return 200, {}, envelope(self.credentials(version))

    def _list(self, module, call):
        query = dict(urllib.parse.parse_qsl(call.query))
        objects = self.objects.get(module, [])
        if "date_from" in query:
            objects = [o for o in objects if o.get("last_updated", "") >= query["date_from"]]
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", self.page)), self.page)
        bad = self.bad if self.bad and self._applies(self.bad, call) else (None,)
        total = len(objects) + (7 if bad[0] == "wrong_total" else 0)
        headers = {"X-Total-Count": str(total), "X-Limit": str(self.page)}
        endless = bad[0] == "endless"
        if offset + limit < len(objects) or endless:
            more = urllib.parse.urlencode({**query, "offset": 0 if endless else offset + limit, "limit": limit})
            headers["Link"] = f'<{self.module_url(module)}?{more}>; rel="next"'
        return 200, headers, envelope(objects[offset:offset + limit])

    def _store(self, module, rest, call):
        key = f"{module}/{rest}"
        with self.lock:
            if call.method == "PUT":
                fresh = key not in self.stored
                self.stored[key] = call.body
                return 201 if fresh else 200, {}, envelope()
            if call.method == "PATCH":
                self.stored.setdefault(key + "#patches", []).append(call.body)
                return 200, {}, envelope()
            if call.method == "DELETE":
                self.stored.pop(key, None)
                return 200, {}, envelope()
            if call.method == "GET" and key in self.stored:
                return 200, {}, envelope(self.stored[key])
        return 404, {}, envelope(code=2003, message="unknown")

    def _handler(self):
        partner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def work(self):
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                call = Call(self.command, path, query, self.headers, self.rfile.read(length))
                with partner.lock:
                    partner.calls.append(call)
                    bad = partner.bad
                if bad and partner._applies(bad, call):
                    if bad[0] == "slow":
                        time.sleep(bad[3].get("seconds", 5))
                    elif bad[0] == "reset":
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                        self.close_connection = True
                        self.connection.close()
                        return
                try:
                    status, headers, body = partner.answer(call)
                except Vanish:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                except Exception as error:  # a broken script shows in the test, not as a hang
                    status, headers, body = 500, {}, repr(error).encode()
                self.send(status, headers, body, truncated=bool(bad and bad[0] == "truncated" and partner._applies(bad, call)))

            def send(self, status, headers, body, truncated):
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    names = {n.lower() for n in headers}
                    if "content-type" not in names:
                        self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(raw)))
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(raw[:len(raw) // 2] if truncated else raw)
                    if truncated:
                        self.close_connection = True
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = work

        return Handler

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
