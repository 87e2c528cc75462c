"""Integrations of type Webhook: signed events at a real receiver, tried again by themselves; the delivery page, 410, off and on, kill -9.
What holds of every connector (retry, cursor, pauses) is tried here, too, as far as it shows in seconds; the rest is core_connector_test."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, free_port, wait_until  # noqa: E402
from objects import cdr, connect, location, session, tariff  # noqa: E402

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Checks each request as the Standard Webhooks specification has it, then answers what `script` says (a status, or status and headers;
    None: 200)."""

    def __init__(self, port=0, key=KEY):
        self.key, self.calls, self.wrong, self.script, self.lock = key, [], [], lambda body: None, threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.take(self.path, self.headers, raw)
                status, headers = answer if isinstance(answer, tuple) else (answer or 200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, path, headers, raw):
        ident, stamp, signatures = (headers.get("webhook-" + name, "") for name in ("id", "timestamp", "signature"))
        mac = base64.b64encode(hmac.new(self.key, f"{ident}.{stamp}.".encode() + raw, hashlib.sha256).digest()).decode()
        body = json.loads(raw)
        with self.lock:
            if "v1," + mac not in signatures.split() or not ident or abs(time.time() - int(stamp or 0)) > 60:
                self.wrong.append((ident, stamp, signatures))
            if headers.get("Content-Type") != "application/json" or path != "/hook" or set(body) != {"type", "timestamp", "data"}:
                self.wrong.append((path, dict(headers), body))
            answer = self.script(body)
            self.calls.append((ident, body, answer))
        return answer

    def taken(self, kind=None):
        """The bodies that were answered 200, in order."""
        with self.lock:
            return [body for _, body, answer in self.calls if answer is None and kind in (None, body["type"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()
        assert kind or not self.wrong, self.wrong[:3]


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        yield hub


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def subscribe(hub, url, events=(), **more):
    made = hub.post("/v1/integrations", {"integrationName": "hook", "integrationType": "Webhook",
                                         "settings": {"url": url, "events": list(events), "secret": SECRET}, **more})
    return "/v1/integrations/" + made["id"]


def status(hub, path):
    return hub.get(path)["integrationStatus"]


def put(hub, module, thing):
    hub.put(f"/v1/{module}/NL/ABC/{thing['id']}", thing)


def row(hub, path):
    rows = hub.get(path + "/delivery")["modules"]
    assert len(rows) == 1, rows
    return rows[0]


def wait_taken(receiver, count, kind=None, timeout=15):
    return wait_until(lambda: len(found := receiver.taken(kind)) >= count and found, timeout, what=f"{count} × {kind}; {len(receiver.calls)} came")


def numbered(bodies):
    return [(b["type"], b["data"]["id"]) for b in bodies]


# ---- what is told


def test_every_event_is_told_once_as_the_feed_has_it(hub, receiver):
    path = subscribe(hub, receiver.url)
    put(hub, "tariffs", tariff("T1"))
    put(hub, "locations", location("L1"))
    put(hub, "sessions", session("S1"))
    put(hub, "cdrs", cdr("C1"))
    wait_taken(receiver, 4)
    hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": "L1", "evse_uid": "E1", "status": "CHARGING"}], status=200)
    assert hub.request("DELETE", "/v1/tariffs/NL/ABC/T1").status == 204
    wait_taken(receiver, 1, "evse.updated")
    wait_taken(receiver, 1, "tariff.deleted")
    bodies = receiver.taken()
    assert sorted(b["type"] for b in bodies) == ["cdr.created", "evse.updated", "location.created", "session.created", "tariff.created", "tariff.deleted"]
    for body in bodies:
        event = body["data"]
        assert body["timestamp"] == event["time"] and event["type"] == body["type"] and event["direction"] == "own"
        assert (event["object"] is None) == (body["type"] == "tariff.deleted")
        assert event["id"].upper() in ("T1", "L1", "S1", "C1") and event["countryCode"] == "NL" and event["partyId"] == "ABC"
    feed = {e["seq"]: e for e in hub.get("/v1/events?include=object&limit=1000")["events"]}
    evse = next(b["data"] for b in bodies if b["type"] == "evse.updated")
    assert evse["object"]["status"] == "CHARGING" and evse["evseUid"] == "E1"
    made = next(b["data"] for b in bodies if b["type"] == "cdr.created")
    assert feed[made["seq"]] == made  # data.seq answers to `after`
    last = max(b["data"]["seq"] for b in bodies)
    assert [e for e in hub.get(f"/v1/events?after={last}")["events"] if e["type"].split(".")[0] != "integration"] == []
    wait_until(lambda: status(hub, path) == "CONNECTED", what="CONNECTED")
    page = wait_until(lambda: (r := row(hub, path))["sent"] == 6 and r)
    assert page["direction"] == "deliver" and page["module"] == "events" and page["running"] and page["failed"] == page["retrying"] == page["parked"] == 0
    assert page["lastSuccess"] and page["lastError"] is None and page["nextAttempt"] is None and page["rates"]["sentPerMinute"] == 6
    wait_until(lambda: row(hub, path)["lag"] <= 2)  # its own status may be behind the cursor
    assert 'ocpi_hub_delivered_total{result="ok",platform="default"} 6' in hub.request("GET", "/metrics").body.decode()


def test_what_was_there_comes_first_and_what_a_partner_gave_too(hub, receiver):
    put(hub, "tariffs", tariff("T1"))
    with Partner(role="CPO", party="CPX") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        other = connect(hub, partner, ["EMSP"])
        reply = partner.call_hub(hub, "PUT", partner.hub_endpoint("tariffs", "RECEIVER") + "/DE/CPX/TX", tariff("TX", "DE", "CPX"))
        assert reply.ocpi_status == 1000, reply
        subscribe(hub, receiver.url, ["tariff.created", "integration.created", "integration.status"])
        bodies = wait_taken(receiver, 2, "tariff.created")
        received = next(b["data"] for b in bodies if b["data"]["id"] == "TX")
        assert received["direction"] == "received" and received["integrationId"] == other and received["object"]["id"] == "TX"
        told = wait_taken(receiver, 1, "integration.status")
        assert {b["data"]["integrationId"] for b in told} == {other}


def test_events_choose(hub, receiver):
    subscribe(hub, receiver.url, ["session.created", "tariff.deleted"])
    put(hub, "tariffs", tariff("T1"))
    put(hub, "sessions", session("S1"))
    put(hub, "sessions", session("S1", kwh=7))
    put(hub, "cdrs", cdr("C1"))
    hub.request("DELETE", "/v1/tariffs/NL/ABC/T1")
    wait_taken(receiver, 2)
    time.sleep(0.5)
    assert sorted(numbered(receiver.taken())) == [("session.created", "S1"), ("tariff.deleted", "T1")]


def test_where_it_begins_may_be_said(hub, receiver):
    put(hub, "tariffs", tariff("T1"))
    after = hub.get("/v1/events")["next"]
    put(hub, "tariffs", tariff("T2"))
    subscribe(hub, receiver.url, ["tariff.created"], configData={"after": after})
    wait_taken(receiver, 1)
    time.sleep(0.3)
    assert numbered(receiver.taken()) == [("tariff.created", "T2")]


# ---- failures


def test_a_delivery_that_fails_goes_again_and_others_do_not_wait(hub, receiver):
    failing = {"T1": 1}

    def script(body):
        with_tariff = body["data"]["id"]
        if failing.get(with_tariff, 0) > 0:
            failing[with_tariff] -= 1
            return 500
        return None

    receiver.script = script
    path = subscribe(hub, receiver.url, ["tariff.created"])
    put(hub, "tariffs", tariff("T1"))
    wait_until(lambda: row(hub, path)["retrying"] == 1, what="a record")
    put(hub, "tariffs", tariff("T2"))
    wait_taken(receiver, 1)
    assert numbered(receiver.taken()) == [("tariff.created", "T2")]
    page = row(hub, path)
    assert page["retrying"] == 1 and page["nextAttempt"] and page["lastError"] == "HTTP 500" and page["failed"] == 1
    wait_until(lambda: status(hub, path) == "DEGRADED", what="DEGRADED")
    wait_taken(receiver, 2)  # 5 s
    ids = [ident for ident, body, _ in receiver.calls if body["data"]["id"] == "T1"]
    assert len(ids) == 2 and ids[0] == ids[1]  # a receiver tells repeats by the id
    wait_until(lambda: status(hub, path) == "CONNECTED", what="CONNECTED")
    assert row(hub, path)["retrying"] == 0


def test_a_receiver_that_was_away_gets_the_latest_state_once(hub):
    port = free_port()
    path = subscribe(hub, f"http://127.0.0.1:{port}/hook", ["session.created", "session.updated"])
    for kwh in range(1, 6):
        put(hub, "sessions", session("S1", kwh=kwh))
        put(hub, "sessions", session("S2", kwh=kwh))
        time.sleep(0.05)
    wait_until(lambda: status(hub, path) in ("DEGRADED", "OFFLINE"), what="trouble")
    assert row(hub, path)["backoffUntil"]
    put(hub, "sessions", session("S1", kwh=99))
    with Receiver(port) as receiver:
        wait_taken(receiver, 2, timeout=30)
        time.sleep(1)
        assert sorted((b["type"], b["data"]["id"], b["data"]["object"]["kwh"]) for b in receiver.taken()) == [
            ("session.created", "S1", 99), ("session.created", "S2", 5)]
        wait_until(lambda: status(hub, path) == "CONNECTED", what="CONNECTED")


def test_busy_makes_everything_wait_as_long_as_it_says(hub, receiver):
    answers = [(503, {"Retry-After": "2"})]
    receiver.script = lambda body: answers.pop() if answers else None
    subscribe(hub, receiver.url, ["tariff.created"])
    begin = time.monotonic()
    put(hub, "tariffs", tariff("T1"))
    wait_taken(receiver, 1)
    assert time.monotonic() - begin > 1.9


def test_gone_and_credentials_refused(hub, receiver):
    receiver.script = lambda body: 410
    path = subscribe(hub, receiver.url, ["tariff.created"])
    put(hub, "tariffs", tariff("T1"))
    wait_until(lambda: status(hub, path) == "FAILED", what="FAILED")
    assert "410" in hub.get(path)["statusDescription"]
    put(hub, "tariffs", tariff("T2"))
    time.sleep(2)
    assert len(receiver.calls) == 1
    receiver.script = lambda body: 401
    assert hub.request("PATCH", path, {"settings": {"url": receiver.url}}).status == 204
    wait_until(lambda: "credentials" in hub.get(path)["statusDescription"], what="refused credentials")
    assert status(hub, path) == "FAILED"
    receiver.script = lambda body: None
    wait_taken(receiver, 2, timeout=30)
    wait_until(lambda: status(hub, path) == "CONNECTED", what="CONNECTED")


def test_off_and_on_again(hub, receiver):
    path = subscribe(hub, receiver.url, ["tariff.created"])
    put(hub, "tariffs", tariff("T1"))
    wait_taken(receiver, 1)
    assert hub.request("PATCH", path, {"enabled": False}).status == 204
    assert status(hub, path) == "SUSPENDED"
    wait_until(lambda: not row(hub, path)["running"])
    put(hub, "tariffs", tariff("T2"))
    time.sleep(0.5)
    assert len(receiver.taken()) == 1 and row(hub, path)["whyNot"]
    assert hub.request("PATCH", path, {"enabled": True}).status == 204
    wait_taken(receiver, 2)
    time.sleep(0.3)
    assert numbered(receiver.taken()) == [("tariff.created", "T1"), ("tariff.created", "T2")]


def test_a_deleted_integration_leaves_nothing_behind(hub, receiver):
    receiver.script = lambda body: 500
    path = subscribe(hub, receiver.url, ["tariff.created"])
    put(hub, "tariffs", tariff("T1"))
    wait_until(lambda: row(hub, path)["retrying"] == 1)
    assert hub.request("DELETE", path).status == 204
    calls = len(receiver.calls)
    put(hub, "tariffs", tariff("T2"))
    time.sleep(6)
    assert len(receiver.calls) == calls
    hub.restart()
    assert hub.request("GET", path).status == 404


# ---- restarts


def test_restart_goes_on_where_it_was(hub, receiver):
    path = subscribe(hub, receiver.url, ["tariff.created"])
    put(hub, "tariffs", tariff("T1"))
    wait_taken(receiver, 1)
    receiver.script = lambda body: 500
    put(hub, "tariffs", tariff("T2"))
    wait_until(lambda: row(hub, path)["retrying"] == 1)
    hub.restart()
    assert row(hub, path)["retrying"] == 1  # it was written down
    receiver.script = lambda body: None
    put(hub, "tariffs", tariff("T3"))
    wait_taken(receiver, 3, timeout=30)
    assert sorted(numbered(receiver.taken())) == [("tariff.created", f"T{i}") for i in (1, 2, 3)]


def test_kill_under_load_loses_nothing(hub, receiver):
    subscribe(hub, receiver.url, ["tariff.created"])
    stored = set()
    for life in range(3):
        stop = threading.Event()

        def write(worker):
            for i in range(10000):
                name = f"T{life}-{worker}-{i}"
                try:
                    if hub.request("PUT", f"/v1/tariffs/NL/ABC/{name}", tariff(name)).status == 201:
                        stored.add(name)
                except OSError:
                    return
                except Exception:
                    return
                if stop.is_set():
                    return

        threads = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        hub.kill9()
        stop.set()
        for thread in threads:
            thread.join()
        hub.start()
    assert len(stored) > 50
    wait_until(lambda: stored <= {b["data"]["id"] for b in receiver.taken()}, 60, what="all of them")


def test_the_secret_is_told_to_nobody(hub, receiver):
    receiver.script = lambda body: 500
    path = subscribe(hub, receiver.url)
    put(hub, "tariffs", tariff("T1"))
    wait_until(lambda: row(hub, path)["failed"] >= 1)
    told = json.dumps(hub.get(path)) + json.dumps(hub.get(path + "/delivery")) + json.dumps(hub.get(path + "/quarantine"))
    hub.stop()
    everything = b"".join(f.read_bytes() for f in hub.data.rglob("*") if f.is_file()) + hub.log().encode() + told.encode()
    assert SECRET.encode() not in everything and SECRET[6:].encode() not in everything and KEY not in everything
    hub.start()
