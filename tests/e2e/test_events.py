"""/v1/events: as pages and as text/event-stream."""

import http.client
import json
import pathlib
import socket
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import ADMIN_KEY, Hub, Partner, wait_until  # noqa: E402
from objects import connect, evse, location, tariff  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "ABC", roles=("CPO",))
        started.party("NL", "MSP", roles=("EMSP",))
        yield started


KEYS = {"seq", "type", "module", "direction", "integrationId", "countryCode", "partyId", "id", "evseUid", "connectorId", "tokenType", "time"}


def end_of(hub):
    """The position after everything that has happened."""
    after = 0
    while True:
        page = hub.get(f"/v1/events?after={after}&limit=1000")
        if page["next"] == after:
            return after
        after = page["next"]


def read(hub, after, query=""):
    page = hub.get(f"/v1/events?after={after}{query}")
    seqs = [e["seq"] for e in page["events"]]
    assert seqs == sorted(set(seqs)) and all(s > after for s in seqs)
    assert page["next"] >= (seqs[-1] if seqs else after)
    return page


def test_the_life_of_an_object(hub):
    after = end_of(hub)
    hub.put("/v1/locations/NL/ABC/Life", location("Life"))
    page = read(hub, after)
    event, = page["events"]
    assert set(event) == KEYS
    assert (event["type"], event["module"], event["direction"], event["countryCode"], event["partyId"], event["id"]) == (
        "location.created", "locations", "own", "NL", "ABC", "Life")
    assert event["integrationId"] is None and event["evseUid"] is None and event["tokenType"] is None and event["time"].endswith("Z")
    after = page["next"]
    assert read(hub, after) == {"events": [], "next": after}
    assert hub.request("POST", "/v1/evse-status", [
        {"country_code": "NL", "party_id": "ABC", "location_id": "Life", "evse_uid": "E1", "status": "CHARGING"}]).status == 200
    page = read(hub, after, "&include=object")
    event, = page["events"]
    assert (event["type"], event["id"], event["evseUid"], event["object"]["status"]) == ("evse.updated", "Life", "E1", "CHARGING")
    after = page["next"]
    for name in ("a", "b"):
        hub.put("/v1/locations/NL/ABC/Life", location("Life", name=name))
    event, = read(hub, after, "&include=object")["events"]  # changed twice: one event, the latest state
    assert event["type"] == "location.updated" and event["object"]["name"] == "b"
    assert [e["type"] for e in read(hub, after - 2)["events"] if e["id"] == "Life"][-1] in ("location.created", "location.updated")


def test_pages_and_parameters(hub):
    after = end_of(hub)
    for i in range(7):
        hub.put(f"/v1/tariffs/NL/ABC/P{i}", tariff(f"P{i}"))
    got, position = [], after
    while True:
        page = read(hub, position, "&limit=3")
        assert len(page["events"]) <= 3
        got += [e["id"] for e in page["events"]]
        if page["next"] == position:
            break
        position = page["next"]
    assert got == [f"P{i}" for i in range(7)]
    assert hub.request("DELETE", "/v1/tariffs/nl/abc/p3").status == 204
    event, = read(hub, position)["events"]
    assert (event["type"], event["countryCode"], event["partyId"], event["id"]) == ("tariff.deleted", "NL", "ABC", "P3")
    for query in ("after=-1", "after=x", "limit=0", "limit=x", "include=all"):
        assert hub.request("GET", "/v1/events?" + query).status == 400, query
    assert hub.request("GET", "/v1/events", key="wrong").status == 401


def test_what_partners_give_and_integrations(hub):
    after = end_of(hub)
    partner = Partner(role="CPO", country="BE", party="BEC", token_a="events-token-a")
    made = connect(hub, partner, ["EMSP"])
    url = partner.hub_endpoint("locations", "RECEIVER") + "/BE/BEC/Given"
    assert partner.call_hub(hub, "PUT", url, location("Given", country="BE", party="BEC")).ocpi_status == 1000
    events = read(hub, after, "&include=object")["events"]
    given = next(e for e in events if e["module"] == "locations")
    assert (given["type"], given["direction"], given["integrationId"], given["id"]) == ("location.created", "received", made, "Given")
    assert given["object"]["id"] == "Given"
    types = {e["type"] for e in events if e["integrationId"] == made and e["module"] == "integrations"}
    assert types & {"integration.created", "integration.updated"} and "integration.status" in types
    after = end_of(hub)
    assert hub.request("DELETE", "/v1/integrations/" + made).status == 204
    wait_until(lambda: any(e["type"] == "integration.deleted" and e["integrationId"] == made for e in read(hub, after)["events"]))
    assert [(e["countryCode"], e["id"]) for e in read(hub, after)["events"] if e["type"] == "location.deleted"] == [("BE", "Given")]
    partner.server.shutdown()


class Stream:
    """An open event stream."""

    def __init__(self, hub, query="", last=None, key=ADMIN_KEY):
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
        headers = {"X-API-KEY": key, "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", "/v1/events" + query, headers=headers)
        self.answer = self.connection.getresponse()

    def next(self):
        """The next event: (id, type, data)."""
        found = {}
        while True:
            line = self.answer.readline()
            assert line, "the stream ended"
            line = line.decode().rstrip("\n")
            if not line and "data" in found:
                return int(found["id"]), found["event"], json.loads(found["data"])
            name, _, value = line.partition(": ")
            found[name] = value

    def close(self):
        self.answer.close()
        self.connection.close()


def test_a_stream_waits_for_what_comes(hub):
    after = end_of(hub)
    stream = Stream(hub, f"?after={after}&include=object")
    assert stream.answer.status == 200 and stream.answer.headers["Content-Type"].startswith("text/event-stream")
    hub.put("/v1/locations/NL/ABC/Stream1", location("Stream1"))
    began = time.monotonic()
    ident, kind, data = stream.next()
    assert time.monotonic() - began < 1
    assert (kind, data["id"], data["seq"], data["object"]["id"]) == ("location.created", "Stream1", ident, "Stream1")
    hub.put("/v1/locations/NL/ABC/Stream1", location("Stream1", name="new"))
    second, kind, data = stream.next()
    assert kind == "location.updated" and second > ident and data["object"]["name"] == "new"
    stream.close()
    hub.put("/v1/locations/NL/ABC/Stream2", location("Stream2", evses=[evse("A"), evse("B")]))
    again = Stream(hub, last=second)  # what was missed comes first
    assert again.next()[2]["id"] == "Stream2"
    again.close()


def test_a_stream_begins_with_everything(hub):
    for i in range(150):  # more than one look
        hub.put(f"/v1/tariffs/NL/ABC/S{i}", tariff(f"S{i}"))
    stream, seen = Stream(hub), []
    while not seen or seen[-1] != "S149":
        seen.append(stream.next()[2]["id"])
    assert [s for s in seen if s and s.startswith("S") and s[1:].isdigit()] == [f"S{i}" for i in range(150)]
    stream.close()


def test_a_stream_ends_with_its_key(hub):
    made = hub.post("/v1/keys", {"name": "reader", "permissions": ["EVENT.READ"]})
    stream, other = (Stream(hub, f"?after={end_of(hub)}", key=key) for key in (made["key"], ADMIN_KEY))
    hub.put("/v1/tariffs/NL/ABC/KEY1", tariff("KEY1"))
    assert stream.next()[2]["id"] == other.next()[2]["id"] == "KEY1"
    assert hub.request("DELETE", "/v1/keys/" + made["id"]).status == 204
    hub.put("/v1/tariffs/NL/ABC/KEY2", tariff("KEY2"))
    assert other.next()[2]["id"] == "KEY2"
    assert b"KEY2" not in stream.answer.read()  # which ends
    stream.close()
    other.close()


def test_clients_that_go_away_leave_nothing(hub):
    for _ in range(300):  # more than may be open at once on a worker
        s = socket.create_connection(("127.0.0.1", hub.port), 5)
        s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\nX-API-KEY: " + ADMIN_KEY.encode() + b"\r\n\r\n")
        assert s.recv(15) == b"HTTP/1.1 200 OK"[:15]
        s.close()
    hub.put("/v1/tariffs/NL/ABC/ALIVE", tariff("ALIVE"))
    stream = wait_until(lambda: (s := Stream(hub, f"?after={end_of(hub)}")).answer.status == 200 and s)
    hub.put("/v1/tariffs/NL/ABC/ALIVE2", tariff("ALIVE2"))
    assert stream.next()[2]["id"] == "ALIVE2"
    stream.close()


def test_shutdown_ends_streams():
    with Hub() as own:
        streams = [Stream(own) for _ in range(4)]
        began = time.monotonic()
        own.stop()
        assert time.monotonic() - began < 10
        for stream in streams:
            stream.close()
