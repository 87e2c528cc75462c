"""Every module that can be pulled, from a scripted partner and from a second hub."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, wait_until
from objects import cdr, cdr_token, connect, location, period, session, tariff, token
from roaming import Roaming, connect_hubs, delivery, switch, total, two_hubs

EMS = cdr_token(country="DE", party="EMS")
LATER = "2099-01-01T00:00:00Z"


def pull(hub, ident, module, **body):
    """Asks for a pull of one module and waits for its end."""
    before = delivery(hub, ident, module, "pull")["lastSuccess"]
    hub.post(f"/v1/integrations/{ident}/pull", {"modules": [module], **body}, status=202)
    return wait_until(lambda: (p := delivery(hub, ident, module, "pull"))["lastSuccess"] != before and not p["running"] and p, 15)


def lists(partner, module):
    return [c for c in partner.requests("GET") if c.path == f"/ocpi/2.2.1/{module}"]


@pytest.fixture
def cpo_partner():
    with Roaming(role="CPO", country="NL", party="ABC") as partner:
        yield partner


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("DE", "EMS", ["EMSP"])
        yield hub


def test_G_sessions_are_asked_for_with_date_from(hub, cpo_partner):
    partner = cpo_partner
    partner.page = 20
    partner.objects["sessions"] = [session(f"S{i}", token=EMS) for i in range(45)]
    ident = connect(hub, partner, ["EMSP"])
    switch(hub, ident, pullSession=True)
    wait_until(lambda: total(hub, "sessions") == 45, 10)
    wait_until(lambda: delivery(hub, ident, "sessions", "pull")["lastFull"], 5)
    assert all("date_from=1970-01-01T00" in c.query for c in lists(partner, "sessions"))
    partner.objects["sessions"][7] = session("S7", token=EMS, status="COMPLETED", last_updated=LATER,
                                             charging_periods=[period(), period("2026-01-01T10:30:00Z")])
    before = len(lists(partner, "sessions"))
    pull(hub, ident, "sessions")
    assert [c.query[:12] for c in lists(partner, "sessions")[before:]] == ["date_from=20"]
    stored = hub.get(f"/v1/received/sessions/{ident}/NL/ABC/S7")["object"]
    assert stored["status"] == "COMPLETED" and len(stored["charging_periods"]) == 2
    partner.objects["sessions"] = partner.objects["sessions"][:3]
    pull(hub, ident, "sessions", full=True)
    assert not any(i["stale"] for i in hub.get("/v1/received/sessions?limit=100"))  # what is long over is let go by partners


def test_cdrs_are_pulled_once_and_credits_too(hub, cpo_partner):
    partner = cpo_partner
    partner.objects["cdrs"] = [cdr(f"C{i}", token=EMS) for i in range(30)]
    ident = connect(hub, partner, ["EMSP"])
    switch(hub, ident, pullCdr=True)
    wait_until(lambda: total(hub, "cdrs") == 30, 10)
    wait_until(lambda: delivery(hub, ident, "cdrs", "pull")["lastFull"], 5)
    events = len(hub.get("/v1/events?after=0&limit=1000")["events"])
    partner.objects["cdrs"].append(cdr("C0-CREDIT", token=EMS, credit=True, credit_reference_id="C0", total_cost={"excl_vat": -2.5},
                                       last_updated=LATER))
    pull(hub, ident, "cdrs", full=True)
    assert total(hub, "cdrs") == 31
    assert len(hub.get("/v1/events?after=0&limit=1000")["events"]) == events + 1
    assert hub.get(f"/v1/received/cdrs/{ident}/NL/ABC/C0-CREDIT")["object"]["credit_reference_id"] == "C0"


def test_D3_a_pulled_cdr_that_differs_is_quarantined(hub, cpo_partner):
    partner = cpo_partner
    partner.objects["cdrs"] = [cdr("C1", token=EMS)]
    ident = connect(hub, partner, ["EMSP"])
    switch(hub, ident, pullCdr=True)
    wait_until(lambda: total(hub, "cdrs") == 1, 10)
    wait_until(lambda: delivery(hub, ident, "cdrs", "pull")["lastFull"], 5)
    partner.objects["cdrs"] = [cdr("C1", token=EMS, total_energy=9.0, last_updated=LATER)]
    pull(hub, ident, "cdrs")
    assert hub.get(f"/v1/received/cdrs/{ident}/NL/ABC/C1")["object"]["total_energy"] == 1.5
    held = hub.get(f"/v1/integrations/{ident}/quarantine")
    assert len(held) == 1 and "D3" in str(held)


def test_all_tokens_each_time():
    with Hub() as hub, Roaming(role="EMSP") as partner:
        hub.party("NL", "ABC", ["CPO"])
        partner.objects["tokens"] = [token(f"U{i}", country="DE", party="EMS") for i in range(10)]
        ident = connect(hub, partner, ["CPO"])
        switch(hub, ident, pullTokensAll=True)
        wait_until(lambda: total(hub, "tokens") == 10, 10)
        wait_until(lambda: delivery(hub, ident, "tokens", "pull")["lastFull"], 5)
        partner.objects["tokens"] = partner.objects["tokens"][1:]
        pull(hub, ident, "tokens")
        assert not any("date_from" in c.query for c in lists(partner, "tokens")) and len(lists(partner, "tokens")) >= 2
        assert [i["object"]["uid"] for i in hub.get("/v1/received/tokens?limit=100") if i["stale"]] == ["U0"]


def test_version_details(hub, cpo_partner):
    ident = connect(hub, cpo_partner, ["EMSP"])
    before = len([c for c in cpo_partner.requests("GET") if c.path == "/ocpi/2.2.1"])
    switch(hub, ident, pullVersionDetails=True)
    wait_until(lambda: len([c for c in cpo_partner.requests("GET") if c.path == "/ocpi/2.2.1"]) > before, 10)
    assert delivery(hub, ident, "versions", "pull")["flag"] == "pullVersionDetails"


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_two_hubs_everything_by_pull(version):
    cpo, emsp = two_hubs()
    with cpo, emsp:
        made = {"tariffs": [tariff(f"T{i}") for i in range(3)], "locations": [location(f"L{i}") for i in range(12)],
                "sessions": [session(f"S{i}", token=EMS) for i in range(150)], "cdrs": [cdr(f"C{i}", token=EMS) for i in range(150)]}
        for module, objects in made.items():
            assert cpo.post(f"/v1/{module}", objects, status=200)["failed"] == 0
        flags = {"pullTariff": True, "pullLocation": True, "pullSession": True, "pullCdr": True, "pullVersionDetails": True}
        left, right = connect_hubs(cpo, emsp, {}, flags, version, tariffSharing="ALL")
        for module, objects in made.items():
            wait_until(lambda: total(emsp, module) == len(objects), 20, what=module)
        if version == "2.2.1":
            assert emsp.get(f"/v1/received/sessions/{right}/NL/ABC/S149")["object"] == cpo.get("/v1/sessions/NL/ABC/S149")
        assert emsp.get(f"/v1/integrations/{right}/quarantine") == []
        rows = {(m["module"], m["direction"]) for m in emsp.get(f"/v1/integrations/{right}/delivery")["modules"]}
        assert rows == {(m, d) for m in ("tariffs", "locations", "tokens", "sessions", "cdrs") for d in ("push", "pull")} | {("versions", "pull")}
