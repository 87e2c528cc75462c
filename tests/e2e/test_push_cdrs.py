"""CDRs pushed to a partner: each stored there exactly once, whatever fails on the way. Rules D1, D2, D3, decision H."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, envelope, wait_until
from objects import cdr, cdr_token, connect
from roaming import Roaming, connect_hubs, delivery, switch, total, two_hubs

EMS = cdr_token(country="DE", party="EMS")


def bill(ident, **more):
    made = cdr(ident, token=EMS, **more)
    del made["last_updated"]
    return made


def bills(hub, count, first=0):
    answer = hub.post("/v1/cdrs", [bill(f"C{i}") for i in range(first, first + count)], status=200)
    assert answer["created"] == count, answer


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        yield hub


@pytest.fixture
def partner():
    with Roaming() as partner:
        yield partner


def start(hub, partner, **profile):
    ident = connect(hub, partner, ["CPO"], profile=profile)
    switch(hub, ident, pushCdr=True)
    return ident


def receipt(hub, ident, name):
    reply = hub.request("GET", f"/v1/integrations/{ident}/receipts/NL/ABC/{name}")
    return reply.body if reply.status == 200 else None


def test_D1_500_three_times_then_201(hub, partner):
    partner.fail_posts = 3
    ident = start(hub, partner)
    hub.put("/v1/cdrs/NL/ABC/C1", bill("C1"))
    wait_until(lambda: "C1" in partner.cdrs, 30)
    kept = wait_until(lambda: receipt(hub, ident, "C1"), 5)
    assert kept["url"] == partner.module_url("cdrs") + "/mine/C1"
    time.sleep(1.5)
    assert partner.posts == ["C1"] * 4
    post = partner.requests("POST", "/cdrs")[0]
    assert post.path == "/ocpi/2.2.1/cdrs" and post.headers["OCPI-to-party-id"] == "EMS"
    assert hub.request("GET", f"/v1/integrations/{ident}/receipts/NL/ABC/UNKNOWN").status == 404
    reply = hub.request("GET", "/v1/receipts/NL/ABC/C1?limit=1")
    row = {"integrationId": ident, "integrationName": "with EMS", "integrationType": "OCPI", "acknowledged": kept["acknowledged"],
           "url": kept["url"], "reference": None, "answer": None}
    assert reply.body == [row] and reply.headers["X-Total-Count"] == "1" and "Link" not in reply.headers
    assert hub.get("/v1/receipts/NL/ABC/C1?offset=1") == []
    for query, status in (("integration=" + ident, 404), ("integration=0", 400), ("integration=x", 400), ("limit=0", 400)):
        assert hub.request("GET", "/v1/receipts/NL/ABC/C1?" + query).status == status, query
    assert hub.request("GET", f"/v1/integrations/{ident}/receipts/NL/ABC/C1?integration={ident}").status == 404
    assert hub.request("POST", "/v1/receipts/NL/ABC/C1", {}).headers["Allow"].startswith("GET")


def test_H_stored_but_never_answered(hub, partner):
    partner.lose_posts = partner.hang_posts = 1
    ident = start(hub, partner, timeoutMs=700)
    bills(hub, 2)
    wait_until(lambda: receipt(hub, ident, "C0") and receipt(hub, ident, "C1"), 30)
    time.sleep(2.5)
    assert set(partner.cdrs) == {"C0", "C1"}
    assert len(partner.posts) <= 5, partner.posts


def test_D3_kill_9_in_the_middle(hub, partner):
    partner.pause = 0.01
    ident = start(hub, partner)
    for life in range(4):
        bills(hub, 30, 30 * life)
        wait_until(lambda: len(partner.cdrs) >= 30 * life + 10, 20)
        hub.kill9()
        hub.start()
    wait_until(lambda: len(partner.cdrs) == 120, 30)
    wait_until(lambda: receipt(hub, ident, "C119"), 10)
    time.sleep(1)
    again = len(partner.posts) - 120
    assert again <= 4 * 4, f"{again} posts more than CDRs"  # what was under way, or answered and not yet written down
    for name in set(partner.posts):
        assert partner.posts.count(name) <= 2
    count = len(partner.posts)
    hub.restart()
    hub.request("PATCH", f"/v1/integrations/{ident}", {"models": {"pushCdr": False}})
    hub.request("PATCH", f"/v1/integrations/{ident}", {"models": {"pushCdr": True}})
    time.sleep(1)
    assert len(partner.posts) == count


def test_H_refused_is_quarantined_and_goes_on_after_a_retry(hub, partner):
    partner.on("POST", "/ocpi/2.2.1/cdrs", lambda call: (200, {}, envelope(code=2001, message="no such contract")))
    ident = start(hub, partner)
    hub.put("/v1/cdrs/NL/ABC/C1", bill("C1"))
    held = wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine"), 10)
    assert held[0]["module"] == "cdrs" and held[0]["direction"] == "sent" and "no such contract" in str(held)
    assert receipt(hub, ident, "C1") is None
    partner.clear()
    assert hub.request("POST", f"/v1/integrations/{ident}/quarantine/{held[0]['id']}/retry").status == 202
    wait_until(lambda: receipt(hub, ident, "C1"), 10)
    assert hub.get(f"/v1/integrations/{ident}/quarantine") == []


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_two_hubs_and_the_url_leads_to_the_cdr(version):
    cpo, emsp = two_hubs()
    with cpo, emsp:
        left, right = connect_hubs(cpo, emsp, {"pushCdr": True}, version=version)
        bills(cpo, 40)
        wait_until(lambda: total(emsp, "cdrs") == 40, 20)
        wait_until(lambda: delivery(cpo, left, "cdrs", "push")["sent"] == 40, 5)
        url = wait_until(lambda: receipt(cpo, left, "C7"), 5)["url"]
        assert url.startswith(emsp.url)
        token = cpo.get(f"/v1/integrations/{left}?reveal=secrets&include=none")["credentialsInfo"]["theirToken"]
        there = cpo.ocpi("GET", url, token=token, encoded=version != "2.1.1")  # D2
        assert there.data["id"] == "C7"
        if version != "2.2.1":
            return
        assert there.data == cpo.get("/v1/cdrs/NL/ABC/C7")
        assert emsp.get(f"/v1/received/cdrs/{right}/NL/ABC/C7")["object"] == cpo.get("/v1/cdrs/NL/ABC/C7")
