"""One backend publishes once, in 2.2.1; three partners, each a hub of its own, get it in their version, by push and by pull. What each holds fits its version;
what it does not get is listed by the losses of its integration."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, run, wait_until  # noqa: E402
from objects import cdr, cdr_token, connector, evse, location, session, tariff, token  # noqa: E402

VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
PARTIES = dict(zip(VERSIONS, ("E11", "E21", "E30")))
MODELS = {
    "push": ({"pushLocation": True, "pushTariff": True, "pushSession": True, "pushCdr": True}, {"pushToken": True}),
    "pull": ({"pullTokensAll": True}, {"pullLocation": True, "pullTariff": True, "pullSession": True, "pullCdr": True})}
OBJECTS = {"locations": "Location", "tariffs": "Tariff", "sessions": "Session", "cdrs": "CDR", "tokens": "Token"}


def published(party):
    """Objects of the CPO, as its backend has them, and the names of those that this party shall see."""
    mine = cdr_token("DE", party)
    return {"tariffs": [tariff("T1"), tariff("T2", type="REGULAR", min_price={"excl_vat": 1.0, "incl_vat": 1.21})],
            "locations": [location("L1", name="Quay", parking_type="ON_STREET", postal_code="2611", evses=[
                evse("E1", connectors=[connector(tariff_ids=["T1"]), connector("2", standard="CHAOJI", tariff_ids=["T2"])]), evse("E2", "CHARGING")]),
                location("L2", facilities=["BIKE_SHARING", "WIFI"])],
            "sessions": [session("S" + party, token=mine)], "cdrs": [cdr("C" + party, token=mine)]}


class Roamer:
    """An eMSP's hub, registered with the CPO's in one version."""

    def __init__(self, cpo, version, how):
        self.cpo, self.version, self.party = cpo, version, PARTIES[version]
        self.hub = Hub(name="emsp " + version)
        self.hub.party("DE", self.party, ["EMSP"])
        token_a = f"token-a-for-{self.party}"
        at_cpo, here = MODELS[how]
        self.there = cpo.post("/v1/integrations", {"integrationName": version, "integrationType": "OCPI", "models": at_cpo, "ocpiConnection": {
            "initialRole": "RECEIVER", "initialToken": token_a, "customerRoles": ["CPO"]}})["id"]
        self.here = self.hub.post("/v1/integrations", {"integrationName": "the CPO", "integrationType": "OCPI", "models": here, "ocpiConnection": {
            "initialRole": "SENDER", "initialToken": token_a, "endpointUrl": cpo.versions_url, "customerRoles": ["EMSP"], "versions": [version]}})["id"]

    def shown(self):
        return self.cpo.get(f"/v1/integrations/{self.there}?include=none&reveal=secrets")

    def connected(self):
        now = self.shown()
        return now["integrationStatus"] in ("CONNECTED", "DEGRADED") and now["authorized"]

    def names(self, module):
        return sorted(e["object"]["id"] for e in self.hub.get(f"/v1/received/{module}?limit=100"))

    def raw(self, module, ident):
        """The object as it came, read over the interface that it came to; None: it is not there."""
        now = self.shown()
        url = next(e["url"] for e in now["versionDetails"]["endpoints"] if e["identifier"] == module and e["role"] == "RECEIVER")
        reply = self.hub.ocpi("GET", f"{url}/NL/ABC/{ident}", token=now["credentialsInfo"]["theirToken"], encoded=self.version != "2.1.1")
        return reply.data if reply.status == 200 else None

    def losses(self):
        return self.cpo.get(f"/v1/integrations/{self.there}/losses")


@pytest.fixture(scope="module", params=list(MODELS))
def matrix(request):
    """The CPO's hub and its three partners, when everything has arrived."""
    with Hub(name="cpo") as cpo:
        cpo.party("NL", "ABC", ["CPO"])
        for party in PARTIES.values():
            for module, objects in published(party).items():
                answer = cpo.post(f"/v1/{module}", objects, status=200)
                assert answer["failed"] == 0, answer
        roamers = {v: Roamer(cpo, v, request.param) for v in VERSIONS}
        try:
            for roamer in roamers.values():
                wait_until(roamer.connected, 20, what=f"{roamer.version} registered")
                roamer.hub.put(f"/v1/tokens/DE/{roamer.party}/UID1", token("UID1", "DE", roamer.party))
                if request.param == "pull":  # a token that came after the first pull
                    cpo.post(f"/v1/integrations/{roamer.there}/pull", {"modules": ["tokens"], "full": True}, status=202)
            yield cpo, roamers
        finally:
            for roamer in roamers.values():
                roamer.hub.close()


def arrive(roamer, module, names):
    wait_until(lambda: roamer.names(module) == sorted(names), 20, what=f"{names} at {roamer.version}; there: {roamer.names(module)}, "
               f"quarantine {roamer.hub.get(f'/v1/integrations/{roamer.here}/quarantine')} {roamer.cpo.get(f'/v1/integrations/{roamer.there}/quarantine')}")


def fits(version, module, thing):
    done = run("check", "-", "--version", version, "--object", OBJECTS[module], stdin=json.dumps(thing))
    return done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_each_partner_gets_what_it_may_see_in_its_version(matrix, version):
    _, roamers = matrix
    roamer = roamers[version]
    tariffs = ["T1"] if version == "2.1.1" else ["T1", "T2"]  # a minimum price cannot be said there, and the price would be another
    wanted = {"locations": ["L1", "L2"], "tariffs": tariffs, "sessions": ["S" + roamer.party], "cdrs": ["C" + roamer.party]}
    for module, names in wanted.items():
        arrive(roamer, module, names)
        for name in names:
            thing = roamer.raw(module, name)
            assert thing, (module, name)
            good, said = fits(version, module, thing)
            assert good, (module, name, said, thing)
            assert ("country_code" in thing) == (version != "2.1.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_cpo_gets_the_tokens_of_each(matrix, version):
    cpo, roamers = matrix
    roamer = roamers[version]

    def token_there():
        reply = cpo.request("GET", f"/v1/received/tokens/{roamer.there}/DE/{roamer.party}/UID1")
        return reply.status == 200 and reply.body["object"]

    held = wait_until(token_there, 20, what=f"the token of {version}")
    assert (held["uid"], held["contract_id"], held["valid"]) == ("UID1", f"DE{roamer.party}C1", True)


def test_shapes_of_the_versions(matrix):
    _, roamers = matrix
    for version, roamer in roamers.items():
        arrive(roamer, "locations", ["L1", "L2"])
        place = roamer.raw("locations", "L1")
        one = place["evses"][0]["connectors"][0]
        if version == "2.1.1":
            assert place["type"] == "ON_STREET" and "publish" not in place and one["voltage"] == 230 and one["tariff_id"] == "T1"
        else:
            assert place["parking_type"] == "ON_STREET" and place["publish"] and one["max_voltage"] == 230 and one["tariff_ids"] == ["T1"]
        arrive(roamer, "cdrs", ["C" + roamer.party])
        cost = roamer.raw("cdrs", "C" + roamer.party)["total_cost"]
        assert cost == 2.5 if version == "2.1.1" else cost["excl_vat" if version == "2.2.1" else "before_taxes"] == 2.5


def test_what_a_partner_does_not_get_is_listed(matrix):
    _, roamers = matrix
    assert roamers["2.2.1"].losses() == []  # that is what was published
    some = {("tariffs", "T2"), ("locations", "L1"), ("locations", "L2")}
    wait_until(lambda: {(entry["module"], entry["id"]) for entry in roamers["2.1.1"].losses()} >= some, 20,  # written down in the background
               what=f"{roamers['2.1.1'].losses()}")


def test_a_change_reaches_each_in_its_version(matrix):
    cpo, roamers = matrix
    cpo.request("PATCH", "/v1/locations/NL/ABC/L2", {"name": "Renamed"})
    for roamer in roamers.values():
        if cpo.get(f"/v1/integrations/{roamer.there}")["models"]["pushLocation"] is False:
            roamer.hub.post(f"/v1/integrations/{roamer.here}/pull", {"modules": ["locations"], "full": False}, status=202)
        wait_until(lambda: (roamer.raw("locations", "L2") or {}).get("name") == "Renamed", 20, what=roamer.version)  # noqa: B023
        good, said = fits(roamer.version, "locations", roamer.raw("locations", "L2"))
        assert good, said
