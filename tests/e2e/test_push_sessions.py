"""Sessions pushed to a partner: PUT, then PATCHes that append, over real sockets, over kill -9, and to a second hub."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, wait_until
from objects import cdr_token, connect, evse, location, period, session
from roaming import Roaming, connect_hubs, delivery, switch, total, two_hubs

EMS = cdr_token(country="DE", party="EMS")


def minute(n):
    return period(start=f"2026-01-01T10:{n:02}:00Z")


def running(count, status="ACTIVE", ident="S1", **more):
    return session(ident, token=EMS, kwh=float(count), status=status, charging_periods=[minute(n) for n in range(count)], **more)


def minutes_of(stored):
    return [p["start_date_time"][14:16] for p in stored.get("charging_periods", [])]


def put(hub, thing):
    thing.pop("last_updated", None)
    return hub.put(f"/v1/sessions/NL/ABC/{thing['id']}", thing)


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        yield hub


@pytest.fixture
def partner():
    with Roaming() as partner:
        yield partner


def test_S1_S3_a_session_from_start_to_end(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, pushSession=True)
    put(hub, running(0, "PENDING"))
    first = partner.wait_for("PUT", "/sessions/NL/ABC/S1")[0]
    assert first.headers["OCPI-to-party-id"] == "EMS" and first.headers["OCPI-from-party-id"] == "ABC"
    for count in range(1, 21):
        put(hub, running(count))
        wait_until(lambda: len(minutes_of(partner.sessions["NL/ABC/S1"])) == count, 5)
    put(hub, running(20, "COMPLETED"))
    wait_until(lambda: partner.sessions["NL/ABC/S1"]["status"] == "COMPLETED", 5)
    assert minutes_of(partner.sessions["NL/ABC/S1"]) == [f"{n:02}" for n in range(20)]
    assert len(partner.requests("PUT", "/sessions/")) == 1
    patches = partner.requests("PATCH", "/sessions/NL/ABC/S1")
    assert len(patches) == 21 and all("last_updated" in p.body for p in patches)
    assert all(len(p.body["charging_periods"]) == 1 for p in patches[:20]) and "charging_periods" not in patches[20].body
    row = wait_until(lambda: (r := delivery(hub, ident, "sessions", "push"))["sent"] == 22 and r, 5)
    assert row["flag"] == "pushSession" and row["lastSuccess"]


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_twenty_periods_arrive_at_a_second_hub(version):
    cpo, emsp = two_hubs()
    with cpo, emsp:
        left, right = connect_hubs(cpo, emsp, {"pushSession": True}, version=version)
        cpo.put("/v1/locations/NL/ABC/L1", location("L1", evses=[evse("E1")]))
        for count in range(21):
            put(cpo, running(count))
        put(cpo, running(20, "COMPLETED"))

        def there():
            reply = emsp.request("GET", f"/v1/received/sessions/{right}/NL/ABC/S1")
            return reply.status == 200 and reply.body["object"]["status"] == "COMPLETED" and reply.body["object"]

        stored = wait_until(there, 10)
        assert minutes_of(stored) == [f"{n:02}" for n in range(20)]
        mine = cpo.get("/v1/sessions/NL/ABC/S1")
        assert version != "2.2.1" or {k: v for k, v in stored.items() if v != mine.get(k)} == {}
        assert total(emsp, "sessions") == 1


def test_kill_9_in_the_middle_repeats_no_period(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, pushSession=True)
    partner.pause = 0.03
    for count in range(31):
        put(hub, running(count))
        put(hub, running(count, ident="S2"))
        if count in (7, 15, 23):
            hub.kill9()
            hub.start()
    for name in ("S1", "S2"):
        wait_until(lambda: len(minutes_of(partner.sessions.get(f"NL/ABC/{name}", {}))) >= 30, 20)
        assert minutes_of(partner.sessions[f"NL/ABC/{name}"]) == [f"{n:02}" for n in range(30)]


def test_lost_answers_repeat_no_period(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, pushSession=True)
    put(hub, running(1))
    partner.wait_for("PUT", "/sessions/")
    partner.misbehave("truncated", "/ocpi/2.2.1/sessions", "PATCH")
    put(hub, running(2))
    partner.wait_for("PATCH", "/sessions/")
    partner.misbehave(None)
    wait_until(lambda: len(partner.requests("PUT", "/sessions/")) == 2, 20)
    wait_until(lambda: minutes_of(partner.sessions["NL/ABC/S1"]) == ["00", "01"], 5)
    put(hub, running(3))
    wait_until(lambda: minutes_of(partner.sessions["NL/ABC/S1"]) == ["00", "01", "02"], 5)


def test_interval_and_state_of_charge(hub, partner):
    charge = {"type": "STATE_OF_CHARGE", "volume": 50}
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, pushSession=True, chargingPeriodIntervalInMinutes=60, stateofChargeIsSent=False)
    with_charge = running(1)
    with_charge["charging_periods"][0]["dimensions"].append(charge)
    put(hub, with_charge)
    wait_until(lambda: "NL/ABC/S1" in partner.sessions, 5)
    assert "STATE_OF_CHARGE" not in str(partner.sessions)
    put(hub, running(3))
    time.sleep(1)
    assert len(minutes_of(partner.sessions["NL/ABC/S1"])) == 1  # the next in an hour …
    put(hub, running(4, "COMPLETED"))
    wait_until(lambda: partner.sessions["NL/ABC/S1"]["status"] == "COMPLETED", 5)  # … but an end at once
    assert minutes_of(partner.sessions["NL/ABC/S1"]) == ["00", "01", "02", "03"]
    assert len(partner.requests("PATCH", "/sessions/")) + len(partner.requests("PUT", "/sessions/")) == 2


def test_only_the_party_of_the_token_gets_it(hub, partner):
    with Roaming(country="FR", party="OTH", token_a="another-token-a") as other:
        for who in (partner, other):
            switch(hub, connect(hub, who, ["CPO"]), pushSession=True)
        put(hub, running(1))
        put(hub, {**running(1, ident="S2"), "cdr_token": cdr_token(country="FR", party="OTH")})
        wait_until(lambda: partner.sessions and other.sessions, 5)
        time.sleep(0.3)
        assert set(partner.sessions) == {"NL/ABC/S1"} and set(other.sessions) == {"NL/ABC/S2"}
