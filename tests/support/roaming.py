"""A partner that keeps sessions, CDRs and tokens as the specification says, and two hubs that are connected.

    with Roaming(role="EMSP") as partner:
        partner.fail_posts = 3    # answer HTTP 500 so often, nothing stored
        partner.lose_posts = 1    # store, then drop the connection without an answer
        partner.hang_posts = 1    # store, then answer only after two seconds
"""

import time

from hubtest import Hub, Partner, Vanish, envelope, wait_until

TOKEN_A = "registration-token-of-the-cpo"
MODULES = ("locations", "tariffs", "sessions", "cdrs")


class Roaming(Partner):
    """Where its roles receive: PUT and PATCH of sessions (S2, S3; a period that comes twice is kept twice; on 2.1.1 a PATCH replaces the
    list), POST of CDRs (decision H), PUT of tokens by type (K2)."""

    def __init__(self, role="EMSP", country="DE", party="EMS", **more):
        ours, theirs = ("RECEIVER", "SENDER") if role == "EMSP" else ("SENDER", "RECEIVER")
        modules = [("credentials", "SENDER"), ("credentials", "RECEIVER"), ("tokens", theirs), *((m, ours) for m in MODULES)]
        self.sessions, self.cdrs, self.tokens = {}, {}, {}
        self.posts = []  # ids, in order
        self.fail_posts = self.lose_posts = self.hang_posts = 0
        self.pause = 0  # seconds before each answer of sessions and CDRs
        super().__init__(role=role, country=country, party=party, modules=modules, **more)

    def take(self, counter):
        """One less of what the script says shall go wrong."""
        with self.lock:
            left = getattr(self, counter)
            setattr(self, counter, max(left - 1, 0))
        return left > 0

    def _store(self, module, rest, call):
        if module in ("sessions", "cdrs") and self.pause:
            time.sleep(self.pause)
        if module == "sessions" and call.method in ("PUT", "PATCH"):
            return self._session(rest, call)
        if module == "cdrs" and call.method == "POST":
            return self._cdr(call)
        if module == "tokens" and call.method == "PUT":
            with self.lock:
                self.tokens[rest, call.query] = call.body
            return 201, {}, envelope()
        return super()._store(module, rest, call)

    def _session(self, rest, call):
        with self.lock:
            stored = self.sessions.get(rest)
            if call.method == "PATCH" and stored is None:
                return 404, {}, envelope(code=2001, message="unknown session")
            body = call.body
            if call.method == "PATCH":
                periods = stored.get("charging_periods", []) + body.get("charging_periods", [])
                body = {**stored, **body} if self.VERSION == "2.1.1" else {**stored, **body, "charging_periods": periods}
            self.sessions[rest] = body
        return 200, {}, envelope()

    def _cdr(self, call):
        ident = call.body["id"]
        with self.lock:
            self.posts.append(ident)
        if self.take("fail_posts"):
            return 500, {}, envelope(code=3000, message="not now")
        with self.lock:
            known = ident in self.cdrs
            if known and self.cdrs[ident] != call.body:
                return 200, {}, envelope(code=2001, message="another content")
            self.cdrs[ident] = call.body
        if self.take("lose_posts"):
            raise Vanish
        if self.take("hang_posts"):
            time.sleep(2)
        return 200 if known else 201, {"Location": f"{self.module_url('cdrs')}/mine/{ident}"}, envelope()


def connect_hubs(cpo, emsp, cpo_models=None, emsp_models=None, version="2.2.1", **more):
    """The integrations of both sides, when both are connected. `more`: of the CPO's ocpiConnection."""
    left = cpo.post("/v1/integrations", {
        "integrationName": "to the eMSP", "integrationType": "OCPI", "models": cpo_models or {},
        "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": TOKEN_A, "customerRoles": ["CPO"], **more}})["id"]
    right = emsp.post("/v1/integrations", {
        "integrationName": "to the CPO", "integrationType": "OCPI", "models": emsp_models or {},
        "ocpiConnection": {"initialRole": "SENDER", "initialToken": TOKEN_A, "endpointUrl": cpo.versions_url, "customerRoles": ["EMSP"],
                           "versions": [version]}})["id"]
    for hub, ident in ((cpo, left), (emsp, right)):
        wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["integrationStatus"] == "CONNECTED", 15,
                   what=f"{hub.name} connected")
    return left, right


def two_hubs():
    """A CPO's hub NL*ABC and an eMSP's DE*EMS."""
    cpo, emsp = Hub(name="cpo"), Hub(name="emsp")
    cpo.party("NL", "ABC", ["CPO"])
    emsp.party("DE", "EMS", ["EMSP"])
    return cpo, emsp


def total(hub, module, face="received"):
    path = f"/v1/received/{module}" if face == "received" else f"/v1/{module}"
    return int(hub.request("GET", path + "?limit=1").headers["X-Total-Count"])


def delivery(hub, ident, module, direction):
    return next(m for m in hub.get(f"/v1/integrations/{ident}/delivery")["modules"] if m["module"] == module and m["direction"] == direction)


def switch(hub, ident, **models):
    reply = hub.request("PATCH", f"/v1/integrations/{ident}", {"models": models})
    assert reply.status == 204, reply
