"""A hub with something behind every path of its description: a registered partner, what it gave and refused, our own objects, integrations of every type."""

import base64
import http.client
import json
import re
import threading

from hubtest import ADMIN_KEY, Partner, envelope, fetch, parse_body, wait_until
from objects import cdr, cdr_token, evse, location, session, tariff, token
from openapi import Document

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WHSEC = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class Counterpart:
    """The partner of integration 1, with all modules on both sides. It does not take location L2."""

    def __init__(self, hub):
        self.hub, self.answers = hub, []
        roles = [{"role": role, "country_code": "DE", "party_id": "EMS", "business_details": {"name": "Partner X"}} for role in ("CPO", "EMSP")]
        modules = [(m, side) for m in ("credentials", "locations", "tariffs", "sessions", "cdrs", "tokens") for side in ("SENDER", "RECEIVER")]
        self.partner = Partner(role="EMSP", roles=roles, modules=modules)
        self.partner.on("PUT", "/ocpi/2.2.1/locations/NL/ABC/L2", lambda call: (200, {}, envelope(code=2001, message="we do not take this one")))
        self.partner.on("POST", "/ocpi/2.2.1/cdrs", lambda call: (201, {"Location": self.partner.module_url("cdrs") + "/C/" + call.body["id"]}, envelope()))

    def give(self, module, rest, body, method="PUT"):
        reply = self.partner.call_hub(self.hub, method, self.partner.hub_endpoint(module, "RECEIVER") + rest, body)
        assert reply.status in (200, 201), reply

    def register(self):
        """Registers, waits until what is pushed has come or was refused, and gives an object of each module and one that is none."""
        partner, hub = self.partner, self.hub
        token_a = hub.get("/v1/integrations/1?reveal=secrets")["credentialsInfo"]["initialToken"]
        assert partner.register(hub, token_a).ocpi_status == 1000
        for name in ("C1", "C2"):
            wait_until(lambda: hub.request("GET", f"/v1/integrations/1/receipts/NL/ABC/{name}").status == 200, 20, what="CDRs are acknowledged")
        wait_until(lambda: hub.get("/v1/integrations/1/quarantine"), 20, what="the refused location is in quarantine")
        ours = cdr_token("NL", "ABC", "UID1")
        self.give("locations", "/DE/EMS/LOC1", location("LOC1", "DE", "EMS"))
        self.give("locations", "/DE/EMS/LOC9", {"id": "LOC9"})
        self.give("tariffs", "/DE/EMS/TAR1", tariff("TAR1", "DE", "EMS"))
        self.give("sessions", "/DE/EMS/SES1", session("SES1", "DE", "EMS", ours))
        self.give("cdrs", "", cdr("CDR1", "DE", "EMS", ours), "POST")
        self.give("tokens", "/DE/EMS/TOK1", token("TOK1", "DE", "EMS"))

    def wish(self):
        """Charging preferences for session S1, on which the partner waits."""
        url = self.partner.hub_endpoint("sessions", "SENDER") + "/S1/charging_preferences"

        def ask():
            try:
                self.answers.append(self.partner.call_hub(self.hub, "PUT", url, {"profile_type": "FAST"}))
            except OSError:
                pass  # nobody has answered

        threading.Thread(target=ask, daemon=True).start()
        wait_until(lambda: self.hub.request("GET", "/v1/charging-preferences/1").status == 200, 10)

    def close(self):
        self.partner.close()


class World:
    RECEIVED = {"locations": "LOC1", "tariffs": "TAR1", "sessions": "SES1", "cdrs": "CDR1", "tokens": "TOK1"}
    OWN = {"locations": "L1", "tariffs": "T1", "sessions": "S1", "cdrs": "C1", "tokens": "UID1"}
    # type, provider, settings: what each is made with; nothing is sent by any of them
    OTHERS = (("Webhook", None, {"url": "http://127.0.0.1:9/", "secret": WHSEC}), ("Messaging", "telegram", {"chat_id": "1"}), ("Messaging", "twilio_sms", {}),
              ("DataExport", None, {"format": "csv"}), ("PaymentGateway", None, {}), ("EInvoicing", None, {}), ("TaxCalculation", None, {"auth": "x" * 20}),
              ("UtilityCloud", None, None), ("Salesforce", None, None))

    def __init__(self, hub):
        self.hub, self.connection, self.made = hub, None, 0
        self.document = Document(json.dumps(fetch(hub.url + "/openapi.json").body))
        self.admin = {"X-API-KEY": ADMIN_KEY}
        hub.party("NL", "ABC", ["CPO", "EMSP"])
        client = hub.post("/v1/keys", {"name": "client", "type": "oauth2", "permissions": ["OBJECT.READ"]})
        self.basic = "Basic " + base64.b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
        self.weak = hub.post("/v1/keys", {"name": "weak", "permissions": ["PARTY.READ"]})["key"]
        hub.post("/v1/integrations", {"integrationName": "partner", "integrationType": "OCPI", "models": {"pushLocation": True, "pushTariff": True, "pushCdr": True},
                                      "ocpiConnection": {"initialRole": "RECEIVER", "customerRoles": ["CPO", "EMSP"], "profile": {"timeoutMs": 600000}}})
        self.others = []
        for kind, provider, settings in self.OTHERS:
            row = {"integrationName": kind, "integrationType": kind, "enabled": False, "provider": provider, "settings": settings}
            made = hub.post("/v1/integrations", {k: v for k, v in row.items() if v is not None})
            self.others.append((made["id"], kind, provider))
        self.fill()
        hub.put("/v1/locations/NL/ABC/L2", location("L2", evses=[evse("E2")]))
        hub.put("/v1/cdrs/NL/ABC/C2", cdr("C2", token=cdr_token("DE", "EMS")))
        self.partner = Counterpart(hub)
        self.partner.register()
        self.partner.wish()

    def fill(self):
        """What DELETE takes, anew."""
        hub = self.hub
        self.made += 1
        self.ids = {"parties": hub.post("/v1/parties", {"countryCode": "NL", "partyId": "".join(ALNUM[self.made // 36 ** n % 36] for n in (2, 1, 0)), "roles": ["HUB"]})["id"],
                    "approved-parties": str(hub.post("/v1/approved-parties", {"name": "known"})["id"]),
                    "keys": hub.post("/v1/keys", {"name": "more", "permissions": ["OBJECT.READ"]})["id"]}
        self.ids["integrations"] = hub.post("/v1/integrations", {
            "integrationName": "driven", "integrationType": "OCPI", "ocpiConnection": {
                "initialRole": "RECEIVER", "customerRoles": ["CPO"], "ourParties": [{"countryCode": "NL", "partyId": "ABC"}]}})["id"]
        for path, body in (("tariffs/NL/ABC/T1", tariff("T1")), ("locations/NL/ABC/L1", location("L1", evses=[evse(capabilities=["CHARGING_PREFERENCES_CAPABLE"])])),
                           ("sessions/NL/ABC/S1", session("S1", token=cdr_token("DE", "EMS"))), ("cdrs/NL/ABC/C1", cdr("C1", token=cdr_token("DE", "EMS"))),
                           ("tokens/NL/ABC/UID1", token("UID1", "NL", "ABC"))):
            reply = hub.request("PUT", "/v1/" + path, body)  # 409: it is final; 400: it was put in a version that cannot be said in this one
            assert reply.status in (200, 201, 409) or "/query/version" in str(reply.body), (path, reply)

    def close(self):
        self.partner.close()

    def good(self, operation):
        """Path parameters for which there is something."""
        tag, path = operation.row["tags"][0], operation.path
        values = {"cc": "NL", "party": "ABC", "cdrId": "C1", "locationId": "L1", "tariffId": "T1", "evse": "E1", "connector": "1", "qid": "1", "integration": "1"}
        values["id"] = self.ids.get(tag) or self.OWN.get(tag, "1")
        if tag == "received":
            values.update(cc="DE", party="EMS", id=self.RECEIVED[path.split("/")[3]])
        if tag == "integrations" and re.search(r"\{id\}/(?!unregister|credentials)", path):
            values["id"] = "1"
        return {name: values[name] for name in operation.names}

    def url(self, operation, values):
        return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)], operation.path)

    def send(self, method, url, body, headers):
        """(status, headers, body); a connection that the hub has closed is opened again."""
        for fresh in (False, True):
            if self.connection is None or fresh:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.hub.port, timeout=30)
            try:
                self.connection.request(method, url, body, headers)
                answer = self.connection.getresponse()
                raw = answer.read()
                return answer.status, answer.headers, parse_body(raw) if raw else None
            except (OSError, http.client.HTTPException):
                self.connection.close()
                if fresh:
                    raise
