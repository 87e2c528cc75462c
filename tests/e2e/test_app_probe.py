"""probe: what it says about a partner that keeps the rules, and about others."""

import pytest
from hubtest import Hub, Partner, fetch, run

LOCATION = {
    "country_code": "DE", "party_id": "CPO", "id": "L1", "publish": True, "address": "Street 1", "city": "Town", "country": "DEU",
    "coordinates": {"latitude": "51.047599", "longitude": "3.729944"}, "time_zone": "Europe/Berlin", "last_updated": "2024-01-01T00:00:00Z"}


def probe(partner, *args, token="partner-token-a"):
    return run("probe", partner.versions_url, "--insecure-peers", *args, env={"OCPI_HUB_PROBE_TOKEN": token})


@pytest.fixture
def partner():
    with Partner(role="CPO", country="DE", party="CPO") as started:
        started.check_token = True
        started.objects["locations"] = [LOCATION]
        yield started


def test_a_partner_that_keeps_the_rules(partner):
    done = probe(partner)
    assert done.returncode == 0, done
    assert "FAIL" not in done.stdout and "version 2.2.1" in done.stdout and "1 objects fit" in done.stdout
    assert all(call.method == "GET" for call in partner.calls)


def test_a_broken_object_is_named_by_pointer_and_rule(partner):
    partner.objects["locations"] = [LOCATION, {**LOCATION, "id": "L2", "coordinates": None}]
    done = probe(partner)
    assert done.returncode == 1
    assert "/data/1/coordinates" in done.stdout and "1 of 2 objects" in done.stdout


@pytest.mark.parametrize("how", ["html", "bad_json", "status500", "reset", "wrong_total"])
def test_misbehaviour_is_reported(partner, how):
    partner.misbehave(how, prefix="/ocpi/2.2.1/locations")
    done = probe(partner)
    assert done.returncode == 1 and "FAIL  GET locations" in done.stdout, done


def test_a_partner_that_wants_the_raw_token(partner):
    def check(call):
        return None if call.headers["Authorization"] == "Token raw-token-x" else (401, {}, b"")

    partner.check_token = False
    partner.on("*", "/", check)
    done = probe(partner, token="raw-token-x")
    assert done.returncode == 0 and "tokenEncoding" in done.stdout


def test_the_wrong_token_and_an_address_that_is_not_allowed(partner):
    assert probe(partner, token="wrong").returncode == 1
    done = run("probe", partner.versions_url, "--token", "t")
    assert done.returncode == 1 and "not allowed" in done.stdout
    assert run("probe").returncode == 2
    assert run("probe", partner.versions_url).returncode == 2


def test_the_hub_itself_keeps_the_rules():
    with Hub() as hub, Partner() as partner:
        hub.party()
        hub.post("/v1/integrations", {"integrationName": "probed", "integrationType": "OCPI",
                                      "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": "token-a-0123456789", "customerRoles": ["CPO"]}})
        assert partner.register(hub, "token-a-0123456789").ocpi_status == 1000
        assert hub.put("/v1/locations/NL/ABC/L1", {**LOCATION, "country_code": "NL", "party_id": "ABC"})
        done = run("probe", hub.versions_url, "--insecure-peers", env={"OCPI_HUB_PROBE_TOKEN": partner.hub_token})
        assert done.returncode == 0, done.stdout
        assert "1 objects fit" in done.stdout
        assert fetch(hub.url + "/readyz").status == 200
