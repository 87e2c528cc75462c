"""Objects and connections for the end-to-end tests of objects."""

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


def cdr_token(country="DE", party="EMS", uid="UID1", **more):
    return {"country_code": country, "party_id": party, "uid": uid, "type": "RFID", "contract_id": f"{country}{party}C1", **more}


def period(start="2026-01-01T10:00:00Z", kwh=1.5, **more):
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": kwh}], **more}


def session(ident="S1", country="NL", party="ABC", token=None, **more):
    return {"country_code": country, "party_id": party, "id": ident, "start_date_time": "2026-01-01T10:00:00Z", "kwh": 1.5,
            "cdr_token": token or cdr_token(), "auth_method": "WHITELIST", "location_id": "L1", "evse_uid": "E1", "connector_id": "1",
            "currency": "EUR", "charging_periods": [period()], "status": "ACTIVE", "last_updated": OLD, **more}


def cdr(ident="C1", country="NL", party="ABC", token=None, **more):
    place = {"id": "L1", "address": "Quay 1", "city": "Delft", "country": "NLD", "coordinates": {"latitude": "52.01160", "longitude": "4.35710"},
             "evse_uid": "E1", "evse_id": "NL*ABC*E1", "connector_id": "1", "connector_standard": "IEC_62196_T2",
             "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE"}
    return {"country_code": country, "party_id": party, "id": ident, "start_date_time": "2026-01-01T10:00:00Z",
            "end_date_time": "2026-01-01T11:00:00Z", "session_id": "S1", "cdr_token": token or cdr_token(), "auth_method": "WHITELIST",
            "cdr_location": place, "currency": "EUR", "charging_periods": [period()], "total_cost": {"excl_vat": 2.5, "incl_vat": 3.03},
            "total_energy": 1.5, "total_time": 1.0, "last_updated": OLD, **more}


def token(uid="UID1", country="NL", party="EMP", type="RFID", **more):
    return {"country_code": country, "party_id": party, "uid": uid, "type": type, "contract_id": f"{country}{party}C1", "issuer": "Issuer",
            "valid": True, "whitelist": "ALLOWED", "last_updated": OLD, **more}


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


class Side:
    """A hub and a registered partner, and the partner's calls."""

    def __init__(self, hub, partner, integration):
        self.hub, self.partner, self.integration = hub, partner, integration

    def sender(self, module, rest="", method="GET", body=None, **more):
        return self.partner.call_hub(self.hub, method, self.partner.hub_endpoint(module, "SENDER") + rest, body, **more)

    def call(self, method, rest, body=None, module="locations", **more):
        return self.partner.call_hub(self.hub, method, self.partner.hub_endpoint(module, "RECEIVER") + rest, body, **more)

    def follow(self, method, url, body=None):
        """A URL that the hub gave."""
        return self.partner.call_hub(self.hub, method, url, body)

    def held(self):
        return self.hub.get(f"/v1/integrations/{self.integration}/quarantine")


def good(reply, status=200):
    assert reply.status == status and reply.ocpi_status == 1000, reply
    assert reply.body["timestamp"]
    return reply


def refused(reply, status, code, *words):
    assert reply.status == status and reply.ocpi_status == code, reply
    assert "data" not in reply.body
    for word in words:
        assert word in reply.body["status_message"], reply
    return reply
