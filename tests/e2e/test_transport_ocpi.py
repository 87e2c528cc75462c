"""What every request of a partner has in common: credentials, envelopes, ids, routing headers, versions, what is not offered."""

import base64
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, fetch  # noqa: E402
from objects import NEWER, connect, location  # noqa: E402

A_BASE64 = base64.b64encode(b"partner-token-a").decode()
ROUTES = {"OCPI-from-country-code": "DE", "OCPI-from-party-id": "EMS", "OCPI-to-country-code": "NL", "OCPI-to-party-id": "ABC"}


@pytest.fixture(scope="module")
def waiting():
    """A hub with an integration that waits for token A."""
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        hub.post("/v1/integrations", {"integrationName": "waits", "integrationType": "OCPI", "ocpiConnection": {
            "initialRole": "RECEIVER", "initialToken": "partner-token-a", "customerRoles": ["CPO"]}})
        yield hub


@pytest.fixture(scope="module")
def side():
    """A hub and a registered eMSP: get(path or URL, **headers)."""
    with Hub() as hub, Partner(role="EMSP") as partner:
        hub.party("NL", "ABC", ["CPO"])
        connect(hub, partner, ["CPO"])
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        yield hub, partner


def is_envelope(reply, status, code):
    assert reply.status == status and reply.ocpi_status == code, reply
    assert isinstance(reply.body["status_code"], int) and reply.body["timestamp"].endswith("Z")  # T1
    assert reply.headers["Content-Type"] == "application/json"
    return reply


@pytest.mark.parametrize("given", ["Token " + A_BASE64, "token " + A_BASE64, "TOKEN partner-token-a", "Token partner-token-a",
                                   "Token  " + A_BASE64 + " ", "Token " + base64.b64encode(b"partner-token-a\n").decode()])
def test_T15_T16_forms_of_the_token(waiting, given):
    for name in ("Authorization", "authorization", "AUTHORIZATION"):
        is_envelope(fetch(waiting.versions_url, headers={name: given}), 200, 1000)


@pytest.mark.parametrize("given", [None, "", "Token", "Token ", "partner-token-a", A_BASE64, "Bearer partner-token-a", "Basic " + A_BASE64,
                                   "Token " + base64.b64encode(b"partner-token-a\n\n").decode(), "Token partner-token-b", "Token \xff\xfe"])
def test_T13_F_without_a_known_token_401_and_nothing_said(waiting, given):
    said = set()
    for path in ("/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials", "/ocpi/2.2.1/sender/locations", "/ocpi/nothing"):
        reply = is_envelope(fetch(waiting.url + path, headers={"Authorization": given} if given is not None else {}), 401, 2001)
        said.add(reply.body["status_message"])
    assert len(said) == 1 and "data" not in reply.body


def test_T14_V7_token_a_opens_versions_and_credentials_only(waiting):
    for path in ("/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials"):
        is_envelope(waiting.ocpi("GET", path, token="partner-token-a"), 200, 1000)
    for path in ("/ocpi/2.2.1/sender/locations", "/ocpi/2.2.1/sender/tariffs", "/ocpi/2.2.1/receiver/locations/DE/EMS/L1", "/ocpi/2.2.1/sender/nothing"):
        is_envelope(waiting.ocpi("GET", path, token="partner-token-a"), 401, 2001)


def test_J_credentials_show_the_token_that_the_caller_has(waiting, side):
    shown = is_envelope(waiting.ocpi("GET", "/ocpi/2.2.1/credentials", token="partner-token-a"), 200, 1000).data
    assert shown["token"] == "partner-token-a" and shown["url"] == waiting.versions_url
    assert [(r["role"], r["country_code"], r["party_id"]) for r in shown["roles"]] == [("CPO", "NL", "ABC")]
    hub, partner = side
    assert partner.call_hub(hub, "GET", "/ocpi/2.2.1/credentials").data["token"] == partner.hub_token  # C10


def test_V1_V2_V3_V5_versions_and_details_are_absolute_and_served(side):
    hub, partner = side
    versions = partner.call_hub(hub, "GET", "/ocpi/versions").data
    assert versions and all(v["url"].startswith(hub.url + "/") for v in versions)
    assert [v["version"] for v in versions] == ["2.1.1", "2.2.1", "2.3.0"]
    for version in versions:
        details = partner.call_hub(hub, "GET", version["url"]).data
        assert details["version"] == version["version"]
        old = version["version"] == "2.1.1"  # knows no sides: each identifier stands there once
        assert [e.get("role") for e in details["endpoints"] if e["identifier"] == "credentials"] == [None if old else "SENDER"]
        assert not old or len({e["identifier"] for e in details["endpoints"]}) == len(details["endpoints"])
        for endpoint in details["endpoints"]:
            assert endpoint["url"].startswith(hub.url + "/") and not endpoint["url"].endswith("/")
            if endpoint.get("role") == "SENDER" or endpoint["identifier"] in ("credentials", "locations", "tariffs"):
                query = "?date_from=2020-01-01T00:00:00Z" if endpoint["identifier"] == "sessions" else ""
                is_envelope(partner.call_hub(hub, "GET", endpoint["url"] + query), 200, 1000)


def test_slash_at_the_end_is_served_and_never_a_redirect(side):
    hub, partner = side
    base = partner.hub_endpoint("locations", "SENDER")
    for url in ("/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials", base, base + "/L1", base + "/L1/E1", base + "/L1/E1/1"):
        plain, slashed = partner.call_hub(hub, "GET", url), partner.call_hub(hub, "GET", url + "/")
        assert plain.status == slashed.status == 200 and plain.data == slashed.data, url


def test_T19_T20_ids_are_repeated_on_every_answer(side):
    hub, partner = side
    base = partner.hub_endpoint("locations", "SENDER")
    ids = {"X-Request-ID": "request 1", "x-correlation-id": "correlation/1"}
    for method, url in (("GET", "/ocpi/versions"), ("GET", base), ("GET", base + "/none"), ("PUT", base), ("GET", base + "?limit=0"), ("GET", "/ocpi/x")):
        reply = partner.call_hub(hub, method, url, headers=ids, body={} if method == "PUT" else None)
        assert (reply.headers["X-Request-ID"], reply.headers["X-Correlation-ID"]) == ("request 1", "correlation/1"), url
    assert hub.ocpi("GET", base, token="none", headers=ids).headers["X-Request-ID"] == "request 1"
    assert partner.call_hub(hub, "GET", base).status == 200  # decision O: a missing one never refuses


def test_H2_the_answer_swaps_the_routing_headers(side):
    hub, partner = side
    base = partner.hub_endpoint("locations", "SENDER")
    for method, url in (("GET", base), ("GET", base + "/L1"), ("GET", base + "/none"), ("POST", base)):
        headers = partner.call_hub(hub, method, url, headers=ROUTES, body={} if method == "POST" else None).headers
        assert [headers[n] for n in ROUTES] == ["NL", "ABC", "DE", "EMS"], url
    bare = partner.call_hub(hub, "GET", base).headers
    assert not [n for n in bare if n.lower().startswith("ocpi-")]  # decision O


def test_H1_C24_no_routing_headers_on_configuration_modules(side):
    hub, partner = side
    for url in ("/ocpi/versions", "/ocpi/2.2.1", "/ocpi/2.2.1/credentials"):
        headers = partner.call_hub(hub, "GET", url, headers=ROUTES).headers
        assert not [n for n in headers if n.lower().startswith("ocpi-")], url


@pytest.mark.parametrize("method,path,allow", [
    ("POST", "/ocpi/versions", "GET, HEAD"), ("DELETE", "/ocpi/2.2.1", "GET, HEAD"), ("PATCH", "/ocpi/2.2.1/credentials", "GET, HEAD, POST, PUT, DELETE"),
    ("POST", "/ocpi/2.2.1/sender/locations", "GET, HEAD"), ("PUT", "/ocpi/2.2.1/sender/locations/L1", "GET, HEAD"),
    ("PATCH", "/ocpi/2.2.1/sender/locations/L1/E1", "GET, HEAD"), ("DELETE", "/ocpi/2.2.1/sender/tariffs", "GET, HEAD")])
def test_E_O11_what_is_not_offered_is_405_with_allow(side, method, path, allow):
    hub, partner = side
    reply = is_envelope(partner.call_hub(hub, method, path, {} if method != "DELETE" else None), 405, 2000)
    assert reply.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/ocpi", "/ocpi/", "/ocpi/9.9", "/ocpi/2.2.1/nothing", "/ocpi/2.2.1/sender", "/ocpi/2.2.1/sender/nothing",
                                  "/ocpi/2.2.1/sender/locations//", "/ocpi/2.2.1/sender/locations/L1/E1/1/x", "/ocpi/2.2.1/receiver/locations/DE/EMS/L1"])
def test_T7_T9_what_is_not_there_is_404_with_an_envelope(side, path):
    hub, partner = side
    assert is_envelope(partner.call_hub(hub, "GET", path), 404, 2001).data is None


def test_the_content_type_of_a_request_never_matters():
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        connect(hub, partner, ["EMSP"])
        base = partner.hub_endpoint("locations", "RECEIVER")
        for number, kind in enumerate(["application/json", "text/plain", "application/json;charset=UTF-8", ""]):  # decision O, T17
            reply = partner.call_hub(hub, "PUT", f"{base}/BE/BEC/L{number}", location(f"L{number}", "BE", "BEC"), headers={"Content-Type": kind})
            is_envelope(reply, 201, 1000)


def test_T16_T26_partners_never_meet_each_others_objects():
    """Three partners of one hub, two of them give, one behind a hub of its own: each sees what it gave, under its own token."""
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC", token_a="a-1") as one, \
            Partner(role="CPO", country="FR", party="FRC", token_a="a-2") as two, \
            Partner(role="HUB", country="DE", party="HUB", token_a="a-3", modules=[("credentials", "SENDER"), ("locations", "SENDER")]) as behind, \
            Partner(role="EMSP", token_a="a-4") as reader:
        hub.party("NL", "EMP", ["EMSP"])
        hub.party("NL", "ABC", ["CPO"])
        for partner in (one, two, behind):
            connect(hub, partner, ["EMSP"])
        connect(hub, reader, ["CPO"])
        url = one.hub_endpoint("locations", "RECEIVER") + "/BE/BEC/L1"
        is_envelope(one.call_hub(hub, "PUT", url, location("L1", "BE", "BEC", name="one")), 201, 1000)
        is_envelope(two.call_hub(hub, "GET", url), 404, 2003)
        is_envelope(two.call_hub(hub, "PUT", url, location("L1", "BE", "BEC", name="two")), 404, 2001)  # O4
        is_envelope(two.call_hub(hub, "PATCH", url, {"name": "two", "last_updated": NEWER}), 404, 2001)
        is_envelope(behind.call_hub(hub, "GET", url), 404, 2003)
        is_envelope(behind.call_hub(hub, "PUT", url, location("L1", "BE", "BEC", name="behind")), 201, 1000)  # decision D: a hub speaks for any party
        assert one.call_hub(hub, "GET", url).data["name"] == "one" and behind.call_hub(hub, "GET", url).data["name"] == "behind"
        assert reader.call_hub(hub, "GET", reader.hub_endpoint("locations", "SENDER")).data == []
        is_envelope(reader.call_hub(hub, "GET", reader.hub_endpoint("locations", "SENDER") + "/L1"), 404, 2003)
        assert sorted((o["integrationId"], o["object"]["name"]) for o in hub.get("/v1/received/locations")) == [("1", "one"), ("3", "behind")]


def test_C21_a_hub_lists_itself_and_nobody_else():
    with Hub() as hub:
        hub.party("NL", "HUB", ["HUB"])
        hub.party("NL", "ABC", ["CPO"])
        hub.post("/v1/integrations", {"integrationName": "as a hub", "integrationType": "OCPI", "ocpiConnection": {
            "initialRole": "RECEIVER", "initialToken": "partner-token-a", "customerRoles": ["HUB"]}})
        shown = is_envelope(hub.ocpi("GET", "/ocpi/2.2.1/credentials", token="partner-token-a"), 200, 1000).data
        assert [(r["role"], r["country_code"], r["party_id"]) for r in shown["roles"]] == [("HUB", "NL", "HUB")]
        assert "hub_party_id" not in shown
