"""Services that ask for an access token, on loopback: RFC 6749 client credentials and RFC 7523 JWT bearer, written from these documents."""

import base64
import json
import secrets
import subprocess
import tempfile
import time
import urllib.parse

from receivers import Receiver

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Refused(Exception):
    def __init__(self, error, description=None, status=400):
        self.status, self.body = status, {"error": error, **({"error_description": description} if description else {})}


class Guarded(Receiver):
    """token_path gives tokens; everything else wants one and goes to `serve`. clients: id -> secret; users: (issuer, subject) -> public key
    (PEM) and audience."""

    def __init__(self, token_path, clients=None, users=None, expires_in=3600, more=None):
        self.token_path, self.clients, self.users, self.expires_in, self.more = token_path, clients or {}, users or {}, expires_in, more or {}
        self.tokens, self.grants, self.refusals = {}, [], []  # token -> when it ends; what was granted, what was refused
        super().__init__()

    def revoke(self):
        with self.lock:
            self.tokens.clear()

    def answer(self, call):
        if call.path == self.token_path:
            try:
                return 200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, self.grant(call)
            except Refused as refused:
                self.refusals.append(refused.body)
                return refused.status, {"Content-Type": "application/json"}, refused.body
        kind, _, token = call.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or self.tokens.get(token, 0) < time.monotonic():
            return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, self.unauthorized()
        return self.serve(call)

    def unauthorized(self):
        return b""

    # ---- the token endpoint

    def grant(self, call):
        if call.method != "POST" or call.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            raise Refused("invalid_request", "not a form")
        pairs = urllib.parse.parse_qsl(call.raw.decode(), strict_parsing=True, keep_blank_values=True)
        form = dict(pairs)
        if len(form) != len(pairs):
            raise Refused("invalid_request", "a parameter is repeated")
        kinds = {"client_credentials": self.by_secret, JWT_BEARER: self.by_assertion}
        if form.get("grant_type") not in kinds:
            raise Refused("unsupported_grant_type")
        who = kinds[form["grant_type"]](call, form)
        token = "00D" + secrets.token_urlsafe(32) + "!"
        self.grants.append((who, form.get("scope"), token))
        self.tokens[token] = time.monotonic() + (self.expires_in or 7200)
        return {"access_token": token, "token_type": "Bearer", **({"expires_in": self.expires_in} if self.expires_in else {}), **self.more}

    def by_secret(self, call, form):
        header = call.headers.get("Authorization", "")
        if header and "client_secret" in form:
            raise Refused("invalid_request", "two ways of authentication")
        if header.startswith("Basic "):
            ident, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
            ident, secret = urllib.parse.unquote_plus(ident), urllib.parse.unquote_plus(secret)
        else:
            ident, secret = form.get("client_id"), form.get("client_secret")
        if ident not in self.clients or self.clients[ident] != secret:
            raise Refused("invalid_client", "client authentication failed", 401)
        return ident

    def by_assertion(self, call, form):
        if call.headers.get("Authorization"):
            raise Refused("invalid_request")
        head, claims, signature = form["assertion"].split(".")
        header, payload = json.loads(b64url(head)), json.loads(b64url(claims))
        user = self.users.get((payload.get("iss"), payload.get("sub")))
        if header.get("alg") != "RS256" or not user:
            raise Refused("invalid_grant", "user hasn't approved this consumer")
        key, audience = user
        if payload.get("aud") != audience:
            raise Refused("invalid_grant", "audience is invalid")
        if not time.time() - 5 < payload.get("exp", 0) <= time.time() + 180:
            raise Refused("invalid_grant", "assertion expired, or exp is too far away")
        with tempfile.NamedTemporaryFile() as public, tempfile.NamedTemporaryFile() as signed:
            public.write(key)
            public.flush()
            signed.write(b64url(signature))
            signed.flush()
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public.name, "-signature", signed.name], input=f"{head}.{claims}".encode(),
                                  capture_output=True)
        if done.returncode:
            raise Refused("invalid_grant", "invalid assertion")
        return payload["sub"]


def rsa_key(bits=2048):
    """(private, public), PEM."""
    private = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, check=True, capture_output=True).stdout
    return private.decode(), public
