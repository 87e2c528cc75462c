"""What a partner sees of ours: sharing, bindings, grants, as it lists, gets and is pushed."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, wait_until  # noqa: E402
from objects import OLD, connector, evse, location, tariff  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "ABC")
        started.party("NL", "XYZ")
        yield started


COUNT = [0]


class Sight:
    """A partner with an integration of its own, and what it sees."""

    def __init__(self, hub, models=None, **connection):
        COUNT[0] += 1
        number = COUNT[0]
        self.hub, self.models = hub, models or {}
        self.partner = Partner(role="EMSP", country="DE", party="E%02d" % number, token_a="sharing-token-a-%d" % number)
        connection.setdefault("ourParties", [{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}])
        made = hub.post("/v1/integrations", {
            "integrationName": "sight %d" % number, "integrationType": "OCPI", "models": self.models,
            "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": self.partner.token_a, "customerRoles": ["CPO"], **connection}})
        self.id = made["id"]
        self.path = "/v1/integrations/" + self.id
        reply = self.partner.register(hub, self.partner.token_a)
        assert reply.ocpi_status == 1000, reply

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.hub.request("DELETE", self.path)
        self.partner.server.shutdown()
        self.partner.server.server_close()

    def url(self, module, *below):
        return "/".join([self.partner.hub_endpoint(module, "SENDER"), *below])

    def list(self, module, query=""):
        """The ids, after checking the total and each single GET (the tariffs module has none)."""
        reply = self.partner.call_hub(self.hub, "GET", self.url(module) + query)
        assert reply.status == 200 and reply.ocpi_status == 1000, reply
        assert int(reply.headers["X-Total-Count"]) == len(reply.data), reply.data
        for item in reply.data if module == "locations" else []:
            assert self.get(module, item["id"]).data == item
        return sorted(item["id"] for item in reply.data)

    def get(self, module, *path):
        return self.partner.call_hub(self.hub, "GET", self.url(module, *path))

    def embedded(self, name):
        body = self.hub.get(self.path + "?include=all")
        assert body[name + "Total"] == len(body[name])
        return sorted(item["id"] for item in body[name])


def named(ident, *tariffs, **more):
    return location(ident, evses=[evse("E1", connectors=[connector("1", tariff_ids=list(tariffs)), connector("2")])], **more)


@pytest.fixture(autouse=True, scope="module")
def objects(hub):
    for t in ("NAMED", "OTHER", "UNNAMED"):
        hub.put("/v1/tariffs/NL/ABC/" + t, tariff(t))
    hub.put("/v1/tariffs/NL/XYZ/FOREIGN", tariff("FOREIGN", party="XYZ"))
    hub.put("/v1/locations/NL/ABC/OPEN", named("OPEN", "named"))  # ids compare without case
    hub.put("/v1/locations/NL/ABC/PLAIN", named("PLAIN"))
    hub.put("/v1/locations/NL/ABC/HIDDEN", named("HIDDEN", "OTHER", publish=False))
    hub.put("/v1/locations/NL/ABC/SOME", named("SOME", publish=False, publish_allowed_to=[{"uid": "A1", "type": "RFID"}]))
    hub.put("/v1/locations/NL/XYZ/FAR", named("FAR", "FOREIGN", party="XYZ"))


def test_all_published_locations_and_the_tariffs_that_they_name(hub):
    with Sight(hub) as sight:
        assert sight.list("locations") == ["OPEN", "PLAIN", "SOME"]
        assert sight.list("tariffs") == ["NAMED"]
        assert sight.embedded("locations") == ["OPEN", "PLAIN", "SOME"] and sight.embedded("tariffs") == ["NAMED"]
        for path in (("locations", "HIDDEN"), ("locations", "HIDDEN", "E1"), ("locations", "FAR")):
            unseen, unknown = sight.get(*path), sight.get(path[0], "NOTHING")
            assert unseen.status == unknown.status == 404 and unseen.ocpi_status == unknown.ocpi_status


def test_several_parties_share_one_integration(hub):
    with Sight(hub, ourParties=[{"countryCode": "NL", "partyId": p, "roles": ["CPO"]} for p in ("ABC", "XYZ")]) as sight:
        assert sight.list("locations") == ["FAR", "OPEN", "PLAIN", "SOME"]
        assert sight.list("tariffs") == ["FOREIGN", "NAMED"]


def test_H2_the_party_that_is_asked_answers(hub):
    with Sight(hub, ourParties=[{"countryCode": "NL", "partyId": p, "roles": ["CPO"]} for p in ("ABC", "XYZ")]) as sight:
        for party in ("ABC", "XYZ"):
            hub.put(f"/v1/locations/NL/{party}/DOUBLE", named("DOUBLE", party=party))

        def get(rest, **headers):
            reply = sight.partner.call_hub(hub, "GET", sight.url("locations", rest), headers=headers)
            assert reply.ocpi_status == 1000, reply
            return reply.data["party_id"]

        assert get("DOUBLE", **{"OCPI-to-country-code": "NL", "OCPI-to-party-id": "XYZ"}) == "XYZ"
        assert get("DOUBLE", **{"OCPI-to-country-code": "nl", "OCPI-to-party-id": "abc"}) == "ABC"
        assert get("FAR", **{"OCPI-to-country-code": "NL", "OCPI-to-party-id": "ABC"}) == "XYZ"  # it is in the list all the same
        assert get("DOUBLE") in ("ABC", "XYZ")  # decision O
        for party in ("ABC", "XYZ"):
            assert hub.request("DELETE", f"/v1/locations/NL/{party}/DOUBLE").status == 204
            hub.request("PATCH", f"/v1/locations/NL/{party}/DOUBLE", {"publish": False})


def test_H2_a_list_is_of_the_party_that_is_asked(hub):
    parties = [{"countryCode": "NL", "partyId": p, "roles": ["CPO"]} for p in ("ABC", "XYZ")]
    with Sight(hub, ourParties=parties) as sight:

        def listed(party=None, limit=100):
            headers = {"OCPI-to-country-code": "NL", "OCPI-to-party-id": party} if party else {}
            found, url = [], sight.url("locations") + f"?limit={limit}"
            while url:
                reply = sight.partner.call_hub(hub, "GET", url, headers=headers)
                assert reply.ocpi_status == 1000, reply
                found += reply.data
                url = reply.headers["Link"].split(">")[0].lstrip("<") if "Link" in reply.headers else None
            assert int(reply.headers["X-Total-Count"]) == len(found)
            assert party not in ("ABC", "XYZ") or {o["party_id"] for o in found} <= {party}
            return sorted(o["id"] for o in found)

        whole, one, other = listed(), listed("ABC"), listed("XYZ")
        assert one and other and sorted(one + other) == whole
        assert listed("NOB") == whole  # nobody here: as without (decision O)
        # also where this partner sees some objects differently
        assert hub.request("PUT", sight.path + "/locations/NL/ABC/HIDDEN", {}).status == 201
        assert listed("ABC", 1) == listed("ABC") == sorted(one + ["HIDDEN"]) and listed("XYZ") == other and listed() == sorted(whole + ["HIDDEN"])
        assert hub.request("DELETE", sight.path + "/locations/NL/ABC/HIDDEN").status == 204


def test_bound_only_what_is_bound(hub):
    with Sight(hub, locationSharing="BOUND") as sight:
        assert sight.list("locations") == [] and sight.list("tariffs") == []
        made = hub.request("PUT", sight.path + "/locations/NL/ABC/HIDDEN", {})
        assert made.status == 201 and made.body == {}
        assert hub.request("PUT", sight.path + "/locations/NL/ABC/HIDDEN", {}).status == 200
        assert sight.list("locations") == ["HIDDEN"] and sight.list("tariffs") == ["OTHER"]
        assert hub.request("DELETE", sight.path + "/locations/NL/ABC/HIDDEN").status == 204
        gone = sight.get("locations", "HIDDEN")  # a withdrawn one goes out with its EVSEs REMOVED
        assert gone.status == 200 and [e["status"] for e in gone.data["evses"]] == ["REMOVED"]
        assert gone.data["last_updated"] > OLD
        assert sight.list("tariffs") == []
        assert hub.request("DELETE", sight.path + "/locations/NL/ABC/HIDDEN").status == 404


def test_a_binding_overrides_the_tariffs_of_one_partner(hub):
    with Sight(hub) as sight, Sight(hub) as other:
        before = sight.get("locations", "OPEN").data
        body = {"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariffIds": ["OTHER"]}, {"id": "2", "tariffIds": ["UNNAMED"]}]}]}
        made = hub.request("PUT", sight.path + "/locations/NL/ABC/OPEN", body)
        assert made.status == 201 and made.body == body
        seen = sight.get("locations", "OPEN").data
        assert [c["tariff_ids"] for c in seen["evses"][0]["connectors"]] == [["OTHER"], ["UNNAMED"]]
        assert seen["last_updated"] > before["last_updated"]
        assert sight.get("locations", "OPEN", "E1", "2").data["tariff_ids"] == ["UNNAMED"]
        assert sight.list("tariffs") == ["OTHER", "UNNAMED"]
        assert sight.list("locations", "?date_from=" + seen["last_updated"]) == ["OPEN"]
        assert sight.list("locations", "?date_from=2020-01-01T00:00:00Z&date_to=" + seen["last_updated"]) == ["PLAIN", "SOME"]
        assert other.get("locations", "OPEN").data == before == hub.get("/v1/locations/NL/ABC/OPEN")
        assert other.list("tariffs") == ["NAMED"]
        shown = hub.get(sight.path + "?include=locations")["locations"]
        shown = next(item for item in shown if item["id"] == "OPEN")
        assert shown["evses"] == [{"chargerId": "E1", "connector": [{"id": "1", "tariffIds": ["OTHER"]}, {"id": "2", "tariffIds": ["UNNAMED"]}]}]
        assert shown["integrationId"] == sight.id
        # The location changes: the override stays.
        hub.put("/v1/locations/NL/ABC/OPEN", named("OPEN", "named", name="New name"))
        seen = sight.get("locations", "OPEN").data
        assert seen["name"] == "New name" and seen["evses"][0]["connectors"][0]["tariff_ids"] == ["OTHER"]
        # A tariff that a binding names is not deleted.
        assert hub.request("DELETE", "/v1/tariffs/NL/ABC/UNNAMED").status == 409
        assert hub.request("DELETE", sight.path + "/locations/NL/ABC/OPEN").status == 204
        assert sight.get("locations", "OPEN").data["evses"] == hub.get("/v1/locations/NL/ABC/OPEN")["evses"]
        assert sight.list("tariffs") == ["NAMED"]


def test_a_grant_shows_a_tariff_that_nothing_names(hub):
    with Sight(hub) as sight:
        assert hub.request("PUT", sight.path + "/tariffs/NL/ABC/UNNAMED").status == 201
        assert hub.request("PUT", sight.path + "/tariffs/NL/ABC/UNNAMED").status == 200
        assert sight.list("tariffs") == ["NAMED", "UNNAMED"]
        assert sight.list("tariffs", "?date_from=2026-10-01T00:00:00Z") == ["UNNAMED"]  # it changed for this partner when it was granted
        assert hub.request("DELETE", sight.path + "/tariffs/NL/ABC/UNNAMED").status == 204
        assert sight.list("tariffs") == ["NAMED"]
        assert hub.request("DELETE", sight.path + "/tariffs/NL/ABC/UNNAMED").status == 404


def test_tariff_sharing_all(hub):
    with Sight(hub, tariffSharing="ALL") as sight:
        assert sight.list("tariffs") == ["NAMED", "OTHER", "UNNAMED"]
        body = hub.get(sight.path)
        body["ocpiConnection"]["tariffSharing"] = "REFERENCED"
        hub.put(sight.path, body)
        assert sight.list("tariffs") == ["NAMED"]


def test_publishing_and_naming_follow_the_object(hub):
    with Sight(hub) as sight:
        hub.put("/v1/locations/NL/ABC/FLIP", named("FLIP", "OTHER", publish=False))
        assert "FLIP" not in sight.list("locations") and sight.list("tariffs") == ["NAMED"]
        hub.request("PATCH", "/v1/locations/NL/ABC/FLIP", {"publish": True})
        assert "FLIP" in sight.list("locations") and sight.list("tariffs") == ["NAMED", "OTHER"]
        hub.request("PATCH", "/v1/locations/NL/ABC/FLIP/E1/1", {"tariff_ids": None})
        assert sight.list("tariffs") == ["NAMED"]
        hub.request("PATCH", "/v1/locations/NL/ABC/FLIP", {"publish": False})
        assert "FLIP" not in sight.list("locations") and sight.get("locations", "FLIP").status == 404
        assert hub.request("DELETE", "/v1/locations/NL/ABC/FLIP").status == 204


def test_bad_bindings_change_nothing(hub):
    with Sight(hub) as sight:
        path = sight.path + "/locations/NL/ABC/OPEN"
        for body, pointer in (({"evses": [{"uid": "NONE"}]}, "/evses/0/uid"),
                              ({"evses": [{"uid": "E1", "connectors": [{"id": "9"}]}]}, "/evses/0/connectors/0/id"),
                              ({"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariffIds": [7]}]}]}, "/evses/0/connectors/0/tariffIds/0"),
                              ({"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariff_ids": []}]}]}, "/evses/0/connectors/0/tariff_ids"),
                              ({"evses": {}}, "/evses"), ({"evse": []}, "/evse"), ({"evses": [{}]}, "/evses/0/uid")):
            reply = hub.request("PUT", path, body)
            assert reply.status == 400 and pointer in [e["pointer"] for e in reply.body["errors"]], (body, reply)
        for path in ("/locations/NL/ABC/NOTHING", "/locations/NL/XYZ/FAR", "/tariffs/NL/ABC/NOTHING", "/tariffs/NL/XYZ/FOREIGN"):
            assert hub.request("PUT", sight.path + path, {}).status == 404, path
        assert hub.request("PUT", "/v1/integrations/999999/locations/NL/ABC/OPEN", {}).status == 404
        assert hub.request("PUT", "/v1/integrations/x/locations/NL/ABC/OPEN", {}).status == 404
        assert sight.get("locations", "OPEN").data == hub.get("/v1/locations/NL/ABC/OPEN")


def test_a_change_of_bindings_is_pushed(hub):
    with Sight(hub, models={"pushLocation": True, "pushTariff": True}, locationSharing="BOUND") as sight:
        hub.put(sight.path + "/locations/NL/ABC/OPEN", {"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariffIds": ["OTHER"]}]}]})
        pushed = sight.partner.wait_for("PUT", "/locations/NL/ABC/OPEN")[-1].body
        assert pushed["evses"][0]["connectors"][0]["tariff_ids"] == ["OTHER"]
        assert sight.partner.wait_for("PUT", "/tariffs/NL/ABC/OTHER")[0].time < sight.partner.wait_for("PUT", "/locations/NL/ABC/OPEN")[0].time
        assert not sight.partner.requests("PUT", "PLAIN") and not sight.partner.requests("PUT", "NAMED")
        wait_until(lambda: all(m["lag"] == 0 for m in hub.get(sight.path + "/delivery")["modules"][:2]))
        hub.request("DELETE", sight.path + "/locations/NL/ABC/OPEN")
        sight.partner.wait_for("DELETE", "/tariffs/NL/ABC/OTHER")
        last = wait_until(lambda: (c := sight.partner.requests("PUT", "/locations/NL/ABC/OPEN")) and len(c) > 1 and c[-1]).body
        assert [e["status"] for e in last["evses"]] == ["REMOVED"]


def test_it_survives_a_restart(hub):
    with Sight(hub) as sight:
        hub.put(sight.path + "/locations/NL/ABC/HIDDEN", {})
        hub.put(sight.path + "/tariffs/NL/ABC/UNNAMED")
        before = sight.list("locations"), sight.list("tariffs")
        assert before == (["HIDDEN", "OPEN", "PLAIN", "SOME"], ["NAMED", "OTHER", "UNNAMED"])
        hub.restart()
        assert (sight.list("locations"), sight.list("tariffs")) == before


def test_what_the_settings_open_is_pushed(hub):
    with Sight(hub, models={"pushLocation": True, "pushTariff": True}, locationSharing="BOUND") as sight:
        hub.put(sight.path + "/locations/NL/ABC/PLAIN", {})
        sight.partner.wait_for("PUT", "/locations/NL/ABC/PLAIN")
        assert not sight.partner.requests("PUT", "/OPEN")
        assert hub.request("PATCH", sight.path, {"ocpiConnection": {"locationSharing": "ALL"}}).status == 204
        assert sight.list("locations") == ["OPEN", "PLAIN", "SOME"]
        sight.partner.wait_for("PUT", "/locations/NL/ABC/OPEN")
        sight.partner.wait_for("PUT", "/locations/NL/ABC/SOME")
        sight.partner.wait_for("PUT", "/tariffs/NL/ABC/NAMED")


def test_what_the_settings_close_is_taken_back(hub):
    with Sight(hub, models={"pushTariff": True}, tariffSharing="ALL") as sight:
        for t in ("NAMED", "OTHER", "UNNAMED"):
            sight.partner.wait_for("PUT", "/tariffs/NL/ABC/" + t)
        wait_until(lambda: hub.get(sight.path + "/delivery")["modules"][0]["lag"] == 0)
        assert hub.request("PATCH", sight.path, {"ocpiConnection": {"tariffSharing": "REFERENCED"}}).status == 204
        sight.partner.wait_for("DELETE", "/tariffs/NL/ABC/OTHER")
        sight.partner.wait_for("DELETE", "/tariffs/NL/ABC/UNNAMED")
        assert not sight.partner.requests("DELETE", "/NAMED")


def test_unbound_as_soon_as_it_arrived(hub):
    """What was pushed is taken back even when it is not written down yet that it was."""
    with Sight(hub, models={"pushLocation": True, "pushTariff": True}, locationSharing="BOUND") as sight:
        for round_ in range(1, 6):
            hub.put(sight.path + "/locations/NL/ABC/OPEN", {"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariffIds": ["OTHER"]}]}]})
            sight.partner.wait_for("PUT", "/tariffs/NL/ABC/OTHER", count=round_)
            assert hub.request("DELETE", sight.path + "/locations/NL/ABC/OPEN").status == 204
            sight.partner.wait_for("DELETE", "/tariffs/NL/ABC/OTHER", count=round_)


def test_unpublished_is_taken_back_once(hub):
    with Sight(hub, models={"pushLocation": True}) as sight:
        hub.put("/v1/locations/NL/ABC/SHUT", named("SHUT"))
        sight.partner.wait_for("PUT", "/locations/NL/ABC/SHUT")
        hub.request("PATCH", "/v1/locations/NL/ABC/SHUT", {"publish": False})
        last = sight.partner.wait_for("PUT", "/locations/NL/ABC/SHUT", count=2)[-1].body
        assert [e["status"] for e in last["evses"]] == ["REMOVED"]
        hub.request("PATCH", "/v1/locations/NL/ABC/SHUT", {"name": "for nobody"})
        hub.put("/v1/locations/NL/ABC/AFTER", named("AFTER"))
        sight.partner.wait_for("PUT", "/locations/NL/ABC/AFTER")
        assert len(sight.partner.requests("PUT", "/locations/NL/ABC/SHUT")) == 2
        for ident in ("SHUT", "AFTER"):
            assert hub.request("DELETE", "/v1/locations/NL/ABC/" + ident).status == 204
            hub.request("PATCH", "/v1/locations/NL/ABC/" + ident, {"publish": False})
