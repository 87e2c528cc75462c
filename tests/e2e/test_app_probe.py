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


LOCATIONS = {"2.1.1": {"id": "L1", "type": "ON_STREET", "address": "Street 1", "city": "Town", "postal_code": "1", "country": "DEU",
                       "coordinates": {"latitude": "51.047599", "longitude": "3.729944"}, "last_updated": "2024-01-01T00:00:00Z"},
             "2.2.1": LOCATION, "2.3.0": LOCATION}


@pytest.mark.parametrize("version", list(LOCATIONS))
def test_each_version(version):
    with Partner(role="CPO", country="DE", party="CPO", version=version) as partner:
        partner.check_token = True
        partner.objects["locations"] = [LOCATIONS[version]]
        done = probe(partner)
        assert done.returncode == 0 and f"version {version}" in done.stdout and "1 objects fit" in done.stdout, done.stdout
        asked = [c for c in partner.calls if c.path != "/ocpi/versions"]
        assert all(("X-Request-ID" in c.headers) == (version != "2.1.1") for c in asked)
        assert all(c.headers["Authorization"] == "Token partner-token-a" for c in asked) == (version == "2.1.1")
        partner.objects["locations"] = [{**LOCATIONS[version], "coordinates": None}]
        assert probe(partner).returncode == 1


def test_the_version_that_is_asked_for():
    with Partner(role="CPO", country="DE", party="CPO", speaks=list(LOCATIONS)) as partner:
        assert "version 2.3.0" in probe(partner).stdout
        assert "version 2.1.1" in probe(partner, "--version", "2.1.1").stdout


def test_a_side_of_2_1_1_that_only_receives_is_no_fault():
    with Partner(role="EMSP", version="2.1.1") as partner:
        partner.on("GET", "/ocpi/2.1.1/locations", lambda call: (405, {}, b""))
        done = probe(partner)
        assert done.returncode == 0 and "note  GET locations: HTTP 405" in done.stdout, done.stdout


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


@pytest.mark.parametrize("version", ["2.2.1"])
def test_the_hub_itself_keeps_the_rules(version):
    with Hub() as hub, Partner(version=version) as partner:
        hub.party()
        hub.post("/v1/integrations", {"integrationName": "probed", "integrationType": "OCPI",
                                      "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": "token-a-0123456789", "customerRoles": ["CPO"]}})
        assert partner.register(hub, "token-a-0123456789").ocpi_status == 1000
        assert hub.put("/v1/locations/NL/ABC/L1", {**LOCATION, "country_code": "NL", "party_id": "ABC"})
        done = run("probe", hub.versions_url, "--insecure-peers", "--version", version, env={"OCPI_HUB_PROBE_TOKEN": partner.hub_token})
        assert done.returncode == 0, done.stdout
        assert "1 objects fit" in done.stdout
        assert fetch(hub.url + "/readyz").status == 200
