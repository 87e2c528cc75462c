"""Our tokens pushed to CPO-like partners (K1, K2)."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, envelope, wait_until
from objects import connect, token
from roaming import Roaming, connect_hubs, delivery, switch, total, two_hubs


def own(uid="UID1", **more):
    made = token(uid, country="DE", party="EMS", **more)
    del made["last_updated"]
    return made


def test_K1_K2_put_by_type_and_never_deleted():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        hub.put("/v1/tokens/DE/EMS/UID1", own())
        ident = connect(hub, partner, ["EMSP"])
        switch(hub, ident, pushToken=True)
        wait_until(lambda: ("DE/EMS/UID1", "type=RFID") in partner.tokens, 5)  # what was there before
        hub.put("/v1/tokens/DE/EMS/UID1?type=APP_USER", own(type="APP_USER", whitelist="NEVER"))
        wait_until(lambda: ("DE/EMS/UID1", "type=APP_USER") in partner.tokens, 5)
        first = partner.requests("PUT", "/tokens/")[0]
        assert first.headers["OCPI-from-party-id"] == "EMS" and first.headers["OCPI-to-party-id"] == "ABC"
        assert hub.request("DELETE", "/v1/tokens/DE/EMS/UID1").status == 204
        wait_until(lambda: partner.tokens["DE/EMS/UID1", "type=RFID"]["valid"] is False, 5)
        assert partner.tokens["DE/EMS/UID1", "type=APP_USER"]["valid"] is True
        assert not partner.requests("DELETE") and len(partner.requests("PUT", "/tokens/")) == 3
        wait_until(lambda: delivery(hub, ident, "tokens", "push")["sent"] == 3, 5)


def test_a_refused_token_is_tried_again():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        partner.on("PUT", "/ocpi/2.2.1/tokens", lambda call: (200, {}, envelope(code=2001, message="not this one")))
        ident = connect(hub, partner, ["EMSP"])
        switch(hub, ident, pushToken=True)
        hub.put("/v1/tokens/DE/EMS/UID1?type=APP_USER", own(type="APP_USER"))
        held = wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine"), 10)
        partner.clear()
        assert hub.request("POST", f"/v1/integrations/{ident}/quarantine/{held[0]['id']}/retry").status == 202
        wait_until(lambda: ("DE/EMS/UID1", "type=APP_USER") in partner.tokens, 5)
        wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine") == [], 5)


def test_refused_tokens_of_one_uid_stand_apart():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        partner.on("PUT", "/ocpi/2.2.1/tokens", lambda call: (200, {}, envelope(code=2001, message="not this one")))
        ident = connect(hub, partner, ["EMSP"])
        switch(hub, ident, pushToken=True)
        for kind in ("RFID", "APP_USER"):
            hub.put(f"/v1/tokens/DE/EMS/UID1?type={kind}", own(type=kind))

        def held():
            return {q["tokenType"]: q["id"] for q in hub.get(f"/v1/integrations/{ident}/quarantine")}
        wait_until(lambda: set(held()) == {"RFID", "APP_USER"}, 10)
        partner.clear()
        assert hub.request("POST", f"/v1/integrations/{ident}/quarantine/{held()['APP_USER']}/retry").status == 202
        wait_until(lambda: set(held()) == {"RFID"}, 5)
        assert ("DE/EMS/UID1", "type=RFID") not in partner.tokens
        hub.put("/v1/tokens/DE/EMS/UID1", own(whitelist="NEVER"))
        wait_until(lambda: held() == {}, 5)


def test_tokens_do_not_go_to_an_emsp():
    with Hub() as hub, Roaming(role="EMSP", country="FR", party="OTH") as partner:
        hub.party("DE", "EMS", ["EMSP", "CPO"])
        ident = connect(hub, partner, ["EMSP", "CPO"])
        switch(hub, ident, pushToken=True)
        hub.put("/v1/tokens/DE/EMS/UID1", own())
        text = wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["statusDescription"], 5)
        assert "pushToken is on but the partner's roles do not receive tokens" in text
        assert not partner.requests("PUT", "/tokens/")


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_two_hubs_by_push_and_by_pull(version):
    cpo, emsp = two_hubs()
    with cpo, emsp:
        emsp.post("/v1/tokens", [own(f"U{i}") for i in range(120)], status=200)
        left, right = connect_hubs(cpo, emsp, {}, {"pushToken": True}, version)
        wait_until(lambda: total(cpo, "tokens") == 120, 20)
        switch(emsp, right, pushToken=False)
        emsp.post("/v1/tokens", [own(f"V{i}") for i in range(5)], status=200)
        time.sleep(0.5)
        assert total(cpo, "tokens") == 120
        switch(cpo, left, pullTokensAll=True)
        wait_until(lambda: total(cpo, "tokens") == 125, 20)
        assert cpo.get(f"/v1/received/tokens/{left}/DE/EMS/V3?type=RFID")["object"]["uid"] == "V3"
