"""What a receiver of AWS Signature Version 4 checks (S3's form: the path is encoded once), written from AWS's documentation. The request is
read as it came over the wire: nothing of the sender's idea of a canonical form is used."""

import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$")
EMPTY = hashlib.sha256(b"").hexdigest()


def encode(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


def canonical_query(query):
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted((encode(urllib.parse.unquote(n)), encode(urllib.parse.unquote(v))) for n, v in pairs))


def signature(secret, method, target, headers, signed, payload_hash, stamp, region, service):
    """headers: name in lower case -> value; signed: names in order."""
    path, _, query = target.partition("?")
    canonical = "\n".join([method, encode(urllib.parse.unquote_to_bytes(path), "/") or "/", canonical_query(query),
                           *(f"{name}:{' '.join(headers[name].split())}" for name in signed), "", ";".join(signed), payload_hash])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def problem(method, target, headers, body, access, secret, region, service, session=None, now=None):
    """None, or why S3 would refuse the request. headers: pairs as they came."""
    names = [name.lower() for name, _ in headers]
    given = {name.lower(): value for name, value in headers}
    if len(names) != len(set(names)):
        return "a header came twice"
    match = AUTHORIZATION.match(given.get("authorization", ""))
    if not match:
        return f"Authorization is {given.get('authorization')!r}"
    signed = match[5].split(";")
    if match.group(1, 3, 4) != (access, region, service):
        return f"credential is {match.group(1, 3, 4)}"
    if signed != sorted(signed) or "host" not in signed:
        return f"SignedHeaders is {match[5]}"
    for name in names:
        if (name.startswith("x-amz-") or name == "content-type") and name not in signed:
            return f"{name} is not signed"
    missing = [name for name in signed if name not in given]
    if missing:
        return f"signed, but not sent: {missing}"
    if given.get("x-amz-security-token") != session:
        return f"x-amz-security-token is {given.get('x-amz-security-token')}"
    stamp = given.get("x-amz-date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or stamp[:8] != match[2]:
        return f"x-amz-date is {stamp!r}"
    if abs(calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) - (now or time.time())) > 300:
        return "the request is too old"
    payload = hashlib.sha256(body).hexdigest()
    if (service == "s3" or "x-amz-content-sha256" in given) and given.get("x-amz-content-sha256") != payload:
        return f"x-amz-content-sha256 is {given.get('x-amz-content-sha256')}, the body's is {payload}"
    if signature(secret, method, target, given, signed, payload, stamp, region, service) != match[6]:
        return "SignatureDoesNotMatch"
    return None
