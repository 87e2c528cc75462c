"""Objects and connections for the end-to-end tests of locations and tariffs."""

import copy

OLD = "2026-01-01T00:00:00Z"
NEWER = "2026-02-01T00:00:00Z"


def connector(ident="1", **more):
    return {"id": ident, "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_voltage": 230,
            "max_amperage": 16, "last_updated": OLD, **more}


def evse(uid="E1", status="AVAILABLE", **more):
    return {"uid": uid, "status": status, "connectors": [connector()], "last_updated": OLD, **more}


def location(ident="L1", country="NL", party="ABC", **more):
    return {"country_code": country, "party_id": party, "id": ident, "publish": True, "address": "Quay 1", "city": "Delft",
            "country": "NLD", "coordinates": {"latitude": "52.01160", "longitude": "4.35710"}, "evses": [evse()],
            "time_zone": "Europe/Amsterdam", "last_updated": OLD, **more}


def tariff(ident="T1", country="NL", party="ABC", **more):
    return {"country_code": country, "party_id": party, "id": ident, "currency": "EUR",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}], "last_updated": OLD, **more}


def without(thing, *names):
    """A deep copy without these members, at every level."""
    if isinstance(thing, dict):
        return {k: without(v, *names) for k, v in thing.items() if k not in names}
    if isinstance(thing, list):
        return [without(v, *names) for v in thing]
    return copy.deepcopy(thing)


def connect(hub, partner, our_roles, **connection):
    """An integration that waits for the partner, and the partner's registration. The integration's id."""
    made = hub.post("/v1/integrations", {
        "integrationName": "with " + partner.party, "integrationType": "OCPI",
        "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": partner.token_a, "customerRoles": our_roles, **connection}})
    reply = partner.register(hub, partner.token_a)
    assert reply.ocpi_status == 1000, reply
    return made["id"]
