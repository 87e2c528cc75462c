"""Every version on the wire: the same handshake, headers and answers on 2.1.1, 2.2.1 and 2.3.0, where they differ as the version has it, and the way from one
version to another."""

import base64
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, envelope, spec_dir, wait_until  # noqa: E402
from objects import OLD, connect, location  # noqa: E402

VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
ROUTING = ("OCPI-to-party-id", "OCPI-to-country-code", "OCPI-from-party-id", "OCPI-from-country-code")
IDS = ("X-Request-ID", "X-Correlation-ID")
each_version = pytest.mark.parametrize("version", VERSIONS)

LOCATION_211 = {"id": "L1", "type": "ON_STREET", "name": "Quay", "address": "Quay 1", "city": "Delft", "postal_code": "2611", "country": "NLD",
                "coordinates": {"latitude": "52.011600", "longitude": "4.357100"}, "last_updated": OLD}


def theirs(version, country="DE", party="EMS"):
    """A Location of the partner in this version."""
    return LOCATION_211 if version == "2.1.1" else location("L1", country, party, evses=[])


def integration(hub, ident):
    return hub.get(f"/v1/integrations/{ident}?include=none&reveal=secrets")


def waits(hub, roles=("CPO",), token="partner-token-a", **connection):
    return hub.post("/v1/integrations", {"integrationName": "partner", "integrationType": "OCPI", "ocpiConnection": {
        "initialRole": "RECEIVER", "initialToken": token, "customerRoles": list(roles), **connection}})["id"]


def starts(hub, partner, roles=("CPO",), models=None, **connection):
    ident = hub.post("/v1/integrations", {"integrationName": "partner", "integrationType": "OCPI", "models": models or {}, "ocpiConnection": {
        "initialRole": "SENDER", "initialToken": partner.token_a, "endpointUrl": partner.versions_url, "customerRoles": list(roles), **connection}})["id"]
    return ident


def connected(hub, ident, version=None):
    def is_so():
        now = integration(hub, ident)
        return now["integrationStatus"] == "CONNECTED" and (version is None or now["versionDetails"]["version"] == version) and now
    return wait_until(is_so, 15, what=f'connected in {version}: {integration(hub, ident)}')


def offered(hub, token="partner-token-a"):
    reply = hub.ocpi("GET", "/ocpi/versions", token=token)
    return [v["version"] for v in reply.data or []]


def authorization(token, version):
    return "Token " + (token if version == "2.1.1" else base64.b64encode(token.encode()).decode())


@pytest.fixture
def hub():
    with Hub() as started:
        started.party("NL", "ABC", ["CPO"])
        yield started


# ---- the handshake


@each_version
def test_C2_C10_two_hubs_register_in_each_version(version):
    with Hub(name="cpo") as cpo, Hub(name="emsp") as emsp:
        cpo.party("NL", "ABC", ["CPO"], "Alpha")
        emsp.party("DE", "EMS", ["EMSP"], "Beta")
        left = waits(cpo, token="token-a-of-the-cpo")
        right = emsp.post("/v1/integrations", {"integrationName": "to the CPO", "integrationType": "OCPI", "ocpiConnection": {
            "initialRole": "SENDER", "initialToken": "token-a-of-the-cpo", "endpointUrl": cpo.versions_url, "customerRoles": ["EMSP"],
            "versions": [version]}})["id"]
        a, b = connected(cpo, left, version), connected(emsp, right, version)
        assert a["credentialsInfo"]["ourToken"] == b["credentialsInfo"]["theirToken"]
        assert a["credentialsInfo"]["theirToken"] == b["credentialsInfo"]["ourToken"]
        role = a["credentialsInfo"]["credentialsRoles"][0]
        assert (role["role"], role["country_code"], role["party_id"], role["business_details"]["name"]) == ("EMSP", "DE", "EMS", "Beta")
        sides = {(e["identifier"], e["role"]) for e in b["versionDetails"]["endpoints"]}
        assert {("locations", "SENDER"), ("tariffs", "SENDER")} <= sides
        # C11: again by PUT, from either side, with new tokens
        for hub, ident in ((emsp, right), (cpo, left)):
            before = integration(hub, ident)
            hub.post(f"/v1/integrations/{ident}/credentials-exchange", status=202)
            wait_until(lambda: integration(hub, ident)["credentialsInfo"]["ourToken"] != before["credentialsInfo"]["ourToken"], 15)
            now = connected(cpo, left, version), connected(emsp, right, version)
            assert now[0]["credentialsInfo"]["ourToken"] == now[1]["credentialsInfo"]["theirToken"]
        # C13
        emsp.post(f"/v1/integrations/{right}/unregister", status=200)
        wait_until(lambda: integration(cpo, left)["integrationStatus"] == "UNREGISTERED", 15)


def test_C2_the_newest_common_version_is_taken(hub):
    for speaks, taken in (((VERSIONS), "2.3.0"), (("2.1.1", "2.2.1"), "2.2.1"), (("2.1.1",), "2.1.1"), (("2.0", "2.2.1", "9.0"), "2.2.1")):
        with Partner(role="EMSP", party="E" + taken[2] + str(len(speaks)), token_a=f"token-{taken}-{len(speaks)}", speaks=speaks) as partner:
            connected(hub, starts(hub, partner), taken)


def test_versions_of_the_settings_restrict(hub):
    with Partner(role="EMSP", speaks=VERSIONS) as partner:
        ident = starts(hub, partner, versions=["2.1.1", "2.2.1"])
        connected(hub, ident, "2.2.1")
        assert offered(hub, partner.hub_token) == ["2.1.1", "2.2.1"]
        assert partner.call_hub(hub, "GET", "/ocpi/2.3.0").status == 404
        assert partner.call_hub(hub, "GET", "/ocpi/2.3.0/sender/locations").status == 404
        assert partner.call_hub(hub, "GET", "/ocpi/2.3.0/credentials").status == 404


@each_version
def test_C4_C5_a_partner_registers_in_each_version(hub, version):
    with Partner(role="EMSP", version=version) as partner:
        partner.check_token = True
        ident = waits(hub)
        assert partner.register(hub, "partner-token-a").ocpi_status == 1000
        connected(hub, ident, version)
        shape = partner.call_hub(hub, "GET", f"/ocpi/{version}/credentials").data
        assert shape["token"] == partner.hub_token and shape["url"] == hub.versions_url
        if version == "2.1.1":
            assert set(shape) == {"token", "url", "business_details", "party_id", "country_code"}
            assert (shape["country_code"], shape["party_id"], shape["business_details"]["name"]) == ("NL", "ABC", "Test party")
        else:
            assert set(shape) == {"token", "url", "roles"}
            assert [(r["role"], r["country_code"], r["party_id"]) for r in shape["roles"]] == [("CPO", "NL", "ABC")]
        assert all(call.method == "GET" and call.headers["Authorization"] == authorization(partner.our_token, version) for call in partner.calls)
        assert hub.ocpi("GET", "/ocpi/versions", token="partner-token-a").status == 401  # C6


@each_version
def test_C7_C8_C9_C25_methods_in_each_version(hub, version):
    with Partner(role="EMSP", version=version) as partner:
        waits(hub)
        url = f"/ocpi/{version}/credentials"
        partner.our_token = "token-b"
        for method in ("PUT", "DELETE"):
            assert partner.ask(hub, method, url, "partner-token-a", partner.credentials() if method == "PUT" else None).status == 405
        assert partner.register(hub, "partner-token-a").ocpi_status == 1000
        assert partner.call_hub(hub, "POST", url, partner.credentials()).status == 405
        assert partner.call_hub(hub, "PATCH", url, {}).status == 405
        assert partner.call_hub(hub, "DELETE", url).ocpi_status == 1000
        assert partner.call_hub(hub, "GET", url).status == 401


@each_version
def test_C14_C15_C16_C18_a_failed_post_leaves_nothing_in_each_version(hub, version):
    other = "2.2.1" if version == "2.1.1" else "2.1.1"
    with Partner(role="EMSP", version=version) as partner:
        waits(hub)

        def fails(status):
            reply = partner.register(hub, "partner-token-a")
            assert reply.status == 200 and reply.ocpi_status == status, reply
            partner.clear()

        partner.misbehave("status500", prefix="/ocpi/versions")
        fails(3001)
        partner.misbehave("bad_json")
        fails(3001)
        partner.on("GET", "/ocpi/versions", lambda call: (200, {}, envelope([{"version": other, "url": partner.url + "/ocpi/" + other}])))
        fails(3002)
        partner.on("GET", "/ocpi/" + version, lambda call: (200, {}, envelope({"version": version, "endpoints": [
            {"identifier": "credentials", "role": "SENDER", "url": partner.module_url("credentials")}]})))
        fails(3003)
        assert partner.register(hub, "partner-token-a").ocpi_status == 1000


def test_2_1_1_takes_one_party_of_one_role():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO", "EMSP"])
        hub.party("NL", "DEF", ["CPO"])
        hub.party("NL", "HUB", ["HUB"])

        def ours(*parties):
            return [{"countryCode": "NL", "partyId": p, "roles": roles} for p, *roles in parties]

        cases = [(["CPO"], ours(("ABC", "CPO")), VERSIONS), (["EMSP"], ours(("ABC", "EMSP")), VERSIONS),
                 (["CPO", "EMSP"], ours(("ABC", "CPO")), VERSIONS),  # one of them is all that this party is here
                 (["CPO", "EMSP"], ours(("ABC", "CPO", "EMSP")), VERSIONS[1:]), (["CPO"], ours(("ABC", "CPO"), ("DEF", "CPO")), VERSIONS[1:]),
                 (["HUB"], ours(("HUB", "HUB")), VERSIONS[1:])]  # a hub has both sides of each module, which 2.1.1 cannot tell
        for number, (roles, parties, versions) in enumerate(cases):
            token = f"token-a-{number}-0123456789"
            waits(hub, roles, token, ourParties=parties)
            assert offered(hub, token) == list(versions), (roles, parties)
            details = hub.ocpi("GET", "/ocpi/2.1.1", token=token)
            assert details.status == (200 if "2.1.1" in versions else 404)
            if details.status == 200:
                names = [e["identifier"] for e in details.data["endpoints"]]
                assert len(names) == len(set(names)) and all("role" not in e for e in details.data["endpoints"])
                side = "receiver" if parties[0]["roles"] == ["EMSP"] else "sender"
                assert f"/ocpi/2.1.1/{side}/locations" in details.body["data"]["endpoints"][names.index("locations")]["url"]


def test_no_version_left_is_said_and_not_an_empty_list():
    with Hub() as hub:
        hub.party("NL", "HUB", ["HUB"])
        waits(hub, ["HUB"], versions=["2.1.1"])
        reply = hub.ocpi("GET", "/ocpi/versions", token="partner-token-a")
        assert reply.status == 200 and reply.ocpi_status == 3000 and "version" in reply.body["status_message"]


def test_C22_P_a_hub_names_whom_it_reaches_from_2_3_0_on():
    with Hub() as hub, Partner(role="EMSP", token_a="token-of-the-first") as one, Partner(role="CPO", party="CCC", token_a="token-of-the-other") as other:
        hub.party("NL", "HUB", ["HUB"])
        hub.party("NL", "ABC", ["EMSP"])
        waits(hub, ["HUB"], "token-of-a-third")

        def shown(version):
            return hub.ocpi("GET", f"/ocpi/{version}/credentials", token="token-of-a-third").data

        def who(version):
            return sorted((r["role"], r["country_code"], r["party_id"]) for r in shown(version)["roles"])

        assert shown("2.3.0")["hub_party_id"] == "NLHUB" and "hub_party_id" not in shown("2.2.1")
        assert who("2.3.0") == [("OTHER", "NL", "HUB")] and who("2.2.1") == [("HUB", "NL", "HUB")]  # C21; nobody is there yet
        connect(hub, one, ["HUB"])
        connect(hub, other, ["EMSP"], ourParties=[{"countryCode": "NL", "partyId": "ABC", "roles": ["EMSP"]}])  # towards this one we are no hub
        assert who("2.3.0") == [("EMSP", "DE", "EMS")] and who("2.2.1") == [("HUB", "NL", "HUB")]
        assert shown("2.3.0")["roles"][0]["business_details"] == {"name": "Partner EMS"}
        mine = one.call_hub(hub, "GET", "/ocpi/2.3.0/credentials").data
        assert [r["party_id"] for r in mine["roles"]] == ["HUB"]  # itself it knows


def test_C22_a_peer_with_hub_party_id_stands_for_any_party(hub):
    with Partner(role="CPO", version="2.3.0") as partner:
        partner.credentials = lambda version=None: {"token": partner.our_token, "url": partner.versions_url, "roles": partner.roles, "hub_party_id": "DEHUB"}
        hub.party("NL", "MSP", ["EMSP"])
        connect(hub, partner, ["EMSP"], ourParties=[{"countryCode": "NL", "partyId": "MSP", "roles": ["EMSP"]}])
        base = partner.hub_endpoint("locations", "RECEIVER")
        assert partner.call_hub(hub, "PUT", base + "/FR/XYZ/L1", location("L1", "FR", "XYZ")).status == 201


def test_C22_H3_what_goes_to_a_hub_of_2_3_0_names_it(hub):
    with Partner(role="EMSP", party="FRA", version="2.3.0") as partner:
        partner.credentials = lambda version=None: {"token": partner.our_token, "url": partner.versions_url, "roles": partner.roles, "hub_party_id": "DEHUB"}
        ident = connect(hub, partner, ["CPO"])
        hub.request("PATCH", f"/v1/integrations/{ident}", {"models": {"pushLocation": True}})
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        headers = partner.wait_for("PUT", "/locations/NL/ABC/L1")[0].headers
        assert (headers["OCPI-to-country-code"], headers["OCPI-to-party-id"]) == ("DE", "HUB")
        assert (headers["OCPI-from-country-code"], headers["OCPI-from-party-id"]) == ("NL", "ABC")


@each_version
def test_what_others_send_as_credentials(hub, version):
    files = sorted((spec_dir() / "payloads" / version / "credentials").glob("*/*.json")) if spec_dir() else []
    if not files:
        pytest.skip("no payloads below OCPI_SPEC_DIR")
    for number, file in enumerate(files):
        with Partner(role="EMSP", version=version, token_a=f"token-a-of-{number}") as partner:
            given = json.loads(file.read_text())
            role = (given.get("roles") or [{"role": "EMSP", **given}])[0]
            ours = "EMSP" if role["role"] == "CPO" else "CPO"
            if ours == "EMSP":
                continue  # made for the other side; the codes of both of these are too long to name a party
            ident = waits(hub, [ours], partner.token_a)
            # The URL is theirs and leads nowhere here: refused as it is, and taken with one that can be called.
            url = f"/ocpi/{version}/credentials"
            as_is = partner.ask(hub, "POST", url, partner.token_a, given)
            assert as_is.status == 200 and as_is.ocpi_status == (2001 if not given["url"].startswith("http") else 3001), (file.name, as_is)
            partner.our_token = given["token"]
            partner.credentials = lambda version=None: {**given, "token": partner.our_token, "url": partner.versions_url}  # noqa: B023
            assert partner.register(hub, partner.token_a).ocpi_status == 1000, file.name
            shown = connected(hub, ident, version)["credentialsInfo"]["credentialsRoles"][0]
            assert (shown["party_id"], shown["country_code"].upper()) == (role["party_id"], role["country_code"].upper())


# ---- headers, tokens, codes


@each_version
def test_T15_T19_T20_H1_what_the_hub_sends(hub, version):
    with Partner(role="EMSP", speaks=[version]) as partner:
        partner.check_token = True
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        ident = starts(hub, partner, models={"pushLocation": True})
        connected(hub, ident, version)
        pushed = partner.wait_for("PUT", "/locations/NL/ABC/L1")[0]
        late = [c for c in partner.calls if c.path != "/ocpi/versions"]  # before, nobody knows the version
        assert len(late) >= 3
        for call in late:
            assert [h for h in IDS if h in call.headers] == ([] if version == "2.1.1" else list(IDS)), call
            token = partner.token_a if "credentials" in call.path or call.path == "/ocpi/" + version else partner.our_token
            assert call.headers["Authorization"] == authorization(token, version), call
            assert call.method == "GET" or call.headers["Content-Type"] == "application/json"  # T17
        assert sorted(h for h in ROUTING if h in pushed.headers) == ([] if version == "2.1.1" else sorted(ROUTING))
        assert not any(h in c.headers for h in ROUTING for c in partner.calls if c is not pushed)


@each_version
def test_T19_T20_H2_what_the_hub_answers(hub, version):
    given = {"X-Request-ID": "r-1", "X-Correlation-ID": "c-1", "OCPI-to-party-id": "ABC", "OCPI-to-country-code": "NL",
             "OCPI-from-party-id": "EMS", "OCPI-from-country-code": "DE"}
    with Partner(role="EMSP", version=version) as partner:
        connect(hub, partner, ["CPO"])
        for url in ("/ocpi/versions", f"/ocpi/{version}", f"/ocpi/{version}/credentials", partner.hub_endpoint("locations", "SENDER"),
                    partner.hub_endpoint("locations", "SENDER") + "/none"):
            reply = partner.call_hub(hub, "GET", url, headers=given)  # harmless on 2.1.1
            old, functional = version == "2.1.1", "locations" in url
            assert reply.headers.get("X-Request-ID") == (None if old else "r-1")
            assert reply.headers.get("X-Correlation-ID") == (None if old else "c-1")
            assert reply.headers.get("OCPI-to-party-id") == ("EMS" if functional and not old else None)
            assert reply.headers.get("OCPI-from-party-id") == ("ABC" if functional and not old else None)


@each_version
def test_T15_both_forms_of_the_token_open_in_each_version(hub, version):
    with Partner(role="EMSP", version=version) as partner:
        connect(hub, partner, ["CPO"])
        url = partner.hub_endpoint("locations", "SENDER")
        for encoded in (True, False):
            assert hub.ocpi("GET", url, token=partner.hub_token, encoded=encoded).status == 200


@each_version
@pytest.mark.parametrize("form", ["raw", "base64"])
def test_the_profile_says_how_tokens_are_sent(hub, version, form):
    with Partner(role="EMSP", speaks=[version]) as partner:
        connected(hub, starts(hub, partner, profile={"tokenEncoding": form}), version)
        assert partner.calls
        for call in partner.calls:
            assert call.headers["Authorization"] == authorization(partner.token_a, "2.1.1" if form == "raw" else "2.2.1")


@each_version
def test_V7_T14_token_a_opens_no_other_module(hub, version):
    waits(hub)
    for path in ("/ocpi/versions", f"/ocpi/{version}", f"/ocpi/{version}/credentials"):
        assert hub.ocpi("GET", path, token="partner-token-a").ocpi_status == 1000
    assert hub.ocpi("GET", f"/ocpi/{version}/sender/locations", token="partner-token-a").status == 401


@each_version
def test_D_foreign_parties_are_usual_on_2_1_1(version):
    with Hub() as hub, Partner(role="CPO", party="CCC", version=version) as partner:
        hub.party("NL", "MSP", ["EMSP"])
        ident = connect(hub, partner, ["EMSP"])
        url = partner.hub_endpoint("locations", "RECEIVER") + "/FR/XYZ/L1"
        reply = partner.call_hub(hub, "PUT", url, theirs(version, "FR", "XYZ"))
        assert (reply.status, reply.ocpi_status) == ((201, 1000) if version == "2.1.1" else (404, 2001)), reply
        hub.request("PATCH", f"/v1/integrations/{ident}", {"ocpiConnection": {"profile": {"foreignParties": version != "2.1.1"}}})
        reply = partner.call_hub(hub, "PUT", url.replace("XYZ", "QQQ"), theirs(version, "FR", "QQQ"))
        assert (reply.status, reply.ocpi_status) == ((404, 2001) if version == "2.1.1" else (201, 1000)), reply


@each_version
def test_L_P4_x_limit_is_the_servers_maximum_in_each_version(hub, version):
    for number in range(3):
        hub.put(f"/v1/locations/NL/ABC/L{number}", location(f"L{number}"))
    with Partner(role="EMSP", version=version) as partner:
        connect(hub, partner, ["CPO"], profile={"pageLimit": 2})
        url = partner.hub_endpoint("locations", "SENDER")
        first = partner.call_hub(hub, "GET", url)
        assert (first.headers["X-Limit"], first.headers["X-Total-Count"], len(first.data)) == ("2", "3", 2)
        last = partner.call_hub(hub, "GET", first.headers["Link"].split(">")[0].lstrip("<"))
        assert (last.headers["X-Limit"], len(last.data)) == ("2", 1)


@each_version
def test_L_P2_the_window_is_from_inclusive_to_exclusive_in_each_version(hub, version):
    hub.put("/v1/locations/NL/ABC/L1", location("L1", last_updated="2026-01-02T00:00:00Z", evses=[]))
    with Partner(role="EMSP", version=version) as partner:
        connect(hub, partner, ["CPO"])
        url = partner.hub_endpoint("locations", "SENDER")

        def count(**window):
            reply = partner.call_hub(hub, "GET", url + "?" + "&".join(f"{k}={v}" for k, v in window.items()))
            assert reply.headers["X-Total-Count"] == str(len(reply.data))
            return len(reply.data)

        assert count(date_from="2026-01-02T00:00:00Z") == 1 and count(date_from="2026-01-02T00:00:01Z") == 0
        assert count(date_to="2026-01-02T00:00:00Z") == 0 and count(date_to="2026-01-02T00:00:01Z") == 1


@pytest.mark.parametrize("refusal", [(401, {}, b""), (403, {}, b"no"), (400, {}, b""), (200, {}, envelope(code=2001, message="unknown token"))])
def test_a_partner_that_refuses_the_usual_form_of_the_token_in_its_own_way(hub, refusal):
    with Partner(role="EMSP", speaks=["2.1.1"]) as partner:
        partner.on("*", "/", lambda call: None if call.headers["Authorization"] in ("Token " + partner.token_a, f"Token {partner.our_token}") else refusal)
        ident = starts(hub, partner, models={"pushLocation": True})
        connected(hub, ident, "2.1.1")
        hub.put("/v1/locations/NL/ABC/L1", location("L1", postal_code="2611"))
        partner.wait_for("PUT", "/locations/NL/ABC/L1")


# ---- from one version to another


def test_C12_a_partner_moves_up_and_down(hub):
    """The URLs, the token's form and what is sent follow at once; what the partner has is sent again where it is now."""
    with Partner(role="EMSP", version="2.1.1", speaks=VERSIONS) as partner:
        partner.check_token = True
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        ident = connect(hub, partner, ["CPO"])
        assert hub.request("PATCH", f"/v1/integrations/{ident}", {"models": {"pushLocation": True}}).status == 204
        partner.wait_for("PUT", "/ocpi/2.1.1/locations/NL/ABC/L1")
        for version in ("2.2.1", "2.3.0", "2.1.1"):
            before = partner.hub_token
            assert partner.move(hub, version).ocpi_status == 1000
            now = connected(hub, ident, version)
            assert all(f"/ocpi/{version}/" in e["url"] for e in now["versionDetails"]["endpoints"])
            count = len(partner.calls)
            hub.put("/v1/locations/NL/ABC/L2", location("L2", name=version))
            call = wait_until(lambda: next((c for c in partner.calls[count:] if c.path.endswith("/locations/NL/ABC/L2")), None), 10)
            assert call.path == f"/ocpi/{version}/locations/NL/ABC/L2"
            assert call.headers["Authorization"] == authorization(partner.our_token, version)
            assert ("X-Request-ID" in call.headers) == (version != "2.1.1")
            partner.wait_for("PUT", f"/ocpi/{version}/locations/NL/ABC/L1", 2 if version == "2.1.1" else 1)
            assert partner.hub_token != before and partner.ask(hub, "GET", "/ocpi/versions", before).status == 401
            assert partner.call_hub(hub, "GET", partner.hub_endpoint("locations", "SENDER")).status == 200


def test_C12_a_move_that_fails_changes_nothing(hub):
    with Partner(role="EMSP", version="2.2.1") as partner:  # does not speak 2.3.0
        ident = connect(hub, partner, ["CPO"])
        partner.VERSION, token = "2.3.0", partner.hub_token
        reply = partner.register(hub, token, "PUT")
        assert reply.status == 200 and reply.ocpi_status == 3002  # C15
        assert connected(hub, ident)["versionDetails"]["version"] == "2.2.1"
        assert hub.ocpi("GET", "/ocpi/2.2.1/sender/locations", token=token).status == 200


def test_C12_we_move_up_when_the_partner_offers_more(hub):
    with Partner(role="EMSP", speaks=["2.1.1"]) as partner:
        partner.check_token = True
        ident = starts(hub, partner)
        connected(hub, ident, "2.1.1")
        partner.speaks = ["2.1.1", "2.2.1"]
        hub.post(f"/v1/integrations/{ident}/credentials-exchange", status=202)
        connected(hub, ident, "2.2.1")
        put = partner.requests("PUT", "/ocpi/2.2.1/credentials")[0]
        assert put.headers["Authorization"].startswith("Token ") and put.body["roles"][0]["party_id"] == "ABC"
        assert "X-Request-ID" in put.headers
        # and down again by the settings
        assert hub.request("PATCH", f"/v1/integrations/{ident}", {"ocpiConnection": {"versions": ["2.1.1"]}, "retryCredentialsExchange": True}).status == 204
        connected(hub, ident, "2.1.1")
        assert partner.requests("PUT", "/ocpi/2.1.1/credentials")[0].body["party_id"] == "ABC"


def test_a_version_taken_from_the_settings_stays_open_until_another_stands(hub):
    with Partner(role="EMSP", version="2.2.1", speaks=["2.2.1", "2.3.0"]) as partner:
        ident = connect(hub, partner, ["CPO"])
        hub.request("PATCH", f"/v1/integrations/{ident}", {"ocpiConnection": {"versions": ["2.3.0"]}})
        assert offered(hub, partner.hub_token) == ["2.3.0"]
        assert partner.call_hub(hub, "GET", "/ocpi/2.2.1/sender/locations").status == 200
        assert partner.move(hub, "2.3.0").ocpi_status == 1000
        assert partner.call_hub(hub, "GET", "/ocpi/2.3.0/sender/locations").status == 200
        assert partner.call_hub(hub, "GET", "/ocpi/2.2.1/sender/locations").status == 404


@each_version
def test_J_revoke_old_ends_the_token_before_the_put(hub, version):
    with Partner(role="EMSP", version=version) as partner:
        ident = connect(hub, partner, ["CPO"])
        old = partner.hub_token
        partner.our_token = "another-token-b"
        reply = partner.call_hub(hub, "PUT", f"/ocpi/{version}/credentials", partner.credentials())
        assert reply.ocpi_status == 1000
        assert partner.call_hub(hub, "GET", "/ocpi/versions").status == 200  # the new one is not in use yet: both open
        path = f"/v1/integrations/{ident}"
        assert hub.request("PATCH", path, {"revokeOld": "yes"}).status == 400
        assert hub.request("PATCH", path, {"revokeOld": False}).status == 204
        assert partner.call_hub(hub, "GET", "/ocpi/versions").status == 200
        assert hub.request("PATCH", path, {"revokeOld": True}).status == 204
        assert partner.ask(hub, "GET", "/ocpi/versions", old).status == 401
        assert partner.ask(hub, "GET", "/ocpi/versions", reply.data["token"]).status == 200
        assert "revokeOld" not in hub.get(path) and hub.request("PATCH", path, {"revokeOld": True}).status == 204


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_other_parties_of_ours_are_told_by_put(version):
    """What our credentials name: the partner has it from there, and gets it anew. Other settings are no concern of its."""
    with Hub() as hub, Partner(version=version) as partner:
        for party in ("ABC", "XYZ"):
            hub.party("NL", party, ["CPO"])
        ident = connect(hub, partner, ["CPO"], ourParties=[{"countryCode": "NL", "partyId": "ABC"}])
        path = f"/v1/integrations/{ident}"
        before = partner.hub_token
        assert hub.request("PATCH", path, {"models": {"pushLocation": True}, "description": "other"}).status == 204
        now = [{"countryCode": "NL", "partyId": "XYZ"}] + ([] if version == "2.1.1" else [{"countryCode": "NL", "partyId": "ABC"}])
        assert hub.request("PATCH", path, {"ocpiConnection": {"ourParties": now}}).status == 204
        told = partner.wait_for("PUT", "/credentials")[0].body
        assert (told["party_id"] if version == "2.1.1" else {r["party_id"] for r in told["roles"]}) == ("XYZ" if version == "2.1.1" else {"ABC", "XYZ"})
        wait_until(lambda: hub.get(path + "?include=none")["integrationStatus"] == "CONNECTED", 10)
        assert partner.hub_token != before and hub.ocpi("GET", "/ocpi/versions", token=partner.hub_token).status == 200
        assert len(partner.requests("PUT", "/credentials")) == 1
