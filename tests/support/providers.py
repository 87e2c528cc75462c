"""Message providers on loopback. Each takes a request only when it is what the provider documents, keeps what it took in `messages`, and answers
as documented; what it does not take gets the documented error. The sources are named in src/core/connector/message.def.

    with Telegram() as provider:
        provider.body()                  # of POST /v1/integrations
        provider.fail(503, b"", times=2) # before it works again
        provider.wait_for(lambda m: "is OFFLINE" in m.subject)
"""

import base64
import email
import email.policy
import email.utils
import http.server
import json
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from hubtest import free_port, wait_until


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(status, body)
        self.status, self.body = status, body


class Message:
    def __init__(self, to, sender, subject, text):
        self.to, self.sender, self.subject, self.text = to, sender, subject, text
        self.time = time.monotonic()

    def __repr__(self):
        return f"<{self.to} {self.subject or self.text!r}>"


class Provider:
    kind = secret = None
    settings, config, credentials = {}, {}, None
    sms, calls = False, 1  # calls: so many a message, one a recipient

    def __init__(self):
        self.messages, self.refused, self.failures, self.lock = [], [], [], threading.Lock()

    def body(self, name=None, **config):
        made = {"integrationName": name or "alerts by " + self.kind, "integrationType": "Messaging", "provider": self.kind, "settings": self.settings,
                "configData": {**self.config, **self.address(), **config}}
        return {**made, "credentials": self.credentials} if self.credentials else made

    def fail(self, status, body=b"", times=1):
        with self.lock:
            self.failures += [(status, body)] * times

    def wait_for(self, condition, timeout=20.0, count=1):
        return wait_until(lambda: len(found := [m for m in self.messages if condition(m)]) >= count and found, timeout,
                          what=f"a message by {self.kind}; taken: {self.messages}, refused: {self.refused}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


# ---- over HTTP


def need(condition, status, body):
    if not condition:
        raise Refused(status, body)


class WebProvider(Provider):
    path = None

    def __init__(self):
        super().__init__()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def address(self):
        return {"baseUrl": f"http://127.0.0.1:{self.port}"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, headers, raw):
        """(status, JSON or None) of a request to the right path; raises Refused."""
        raise NotImplementedError

    def _answer(self, method, path, headers, raw):
        with self.lock:
            if self.failures:
                return self.failures.pop(0)
        try:
            need(method == "POST" and path == self.path, 404, {"method": method, "path": path})
            return self.take(headers, raw)
        except Refused as refused:
            self.refused.append((refused.status, refused.body, path, raw))
            return refused.status, refused.body
        except Exception as error:
            self.refused.append((500, repr(error), path, raw))
            return 500, {"error": repr(error)}

    def _handler(provider):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = provider._answer(self.command, self.path, self.headers, raw)
                body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST

        return Handler


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def form(headers, raw, names, error):
    need(headers.get_content_type() == "application/x-www-form-urlencoded", 415, error)
    fields = urllib.parse.parse_qs(raw.decode("ascii"), strict_parsing=True, encoding="utf-8", errors="strict")
    need(set(fields) == set(names) and all(len(v) == 1 for v in fields.values()), 400, error)
    return {k: v[0] for k, v in fields.items()}


def json_body(headers, raw, error):
    need(headers.get_content_type() == "application/json", 415, error)
    return json.loads(raw.decode("utf-8"))


class Twilio(WebProvider):
    kind, secret, sms = "twilio_sms", "twilio-auth-token-0123456789abcdef", True
    calls = 2
    sid, number = "AC0123456789abcdef0123456789abcdef", "+15005550006"
    settings = {"account_sid": sid, "auth_token": secret, "default_phone_number": number}
    config = {"recipients": ["+49 170 1234567", "+15005550009"]}
    path = f"/2010-04-01/Accounts/{sid}/Messages.json"
    bad = set()  # numbers that cannot get an SMS

    def take(self, headers, raw):
        error = {"code": 20001, "message": "Bad request", "more_info": "https://www.twilio.com/docs/errors/20001", "status": 400}
        need(headers["Authorization"] == basic(self.sid, self.secret), 401, {**error, "code": 20003, "message": "Authenticate", "status": 401})
        fields = form(headers, raw, ("To", "From", "Body"), error)
        to = fields["To"]
        need(re.fullmatch(r"\+[1-9]\d{4,14}", to) and to not in self.bad, 400,
             {**error, "code": 21211, "message": f"The 'To' number {to} is not a valid phone number."})
        need(fields["From"] == self.number, 400, {**error, "code": 21606, "message": "The From phone number is not valid"})
        need(1 <= len(fields["Body"]) <= 1600, 400, {**error, "code": 21617})
        self.messages.append(Message([to], fields["From"], None, fields["Body"]))
        return 201, {"sid": f"SM{len(self.messages):032x}", "status": "queued", "error_code": None, "error_message": None, "to": to}


class Mitto(WebProvider):
    kind, secret, sms = "mitto_sms", "mitto-key-5f3c9a", True
    calls = 2
    settings, credentials = {"sender_name": "OCPI hub"}, {"type": "api_key", "key": secret}
    config = {"to": "+491701234567, +31612345678"}
    path = "/sms"

    def take(self, headers, raw):
        need(headers["X-Mitto-API-Key"] == self.secret, 401, {"responseCode": 20, "responseText": "Invalid API key"})
        body = json_body(headers, raw, {})
        need(set(body) == {"from", "to", "text"} and all(isinstance(v, str) for v in body.values()), 400, {})
        for code, words, right in ((3, "Empty message", body["text"]), (6, "Invalid sender", 3 <= len(body["from"]) <= 11),
                                   (8, "Invalid receiver", re.fullmatch(r"[1-9]\d{4,14}", body["to"]))):
            if not right:
                return 200, {"responseCode": code, "responseText": words}
        self.messages.append(Message([body["to"]], body["from"], None, body["text"]))
        return 200, {"id": "7d35863fe6f4", "timestamp": "2026-01-01T00:00:00Z", "responseCode": 0, "textLength": 1, "responseText": "SMS sent"}


class Telegram(WebProvider):
    kind, secret = "telegram", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
    settings = {"auth_token": secret, "chat_id": "-1001234567890"}

    def _answer(self, method, path, headers, raw):
        if path != f"/bot{self.secret}/sendMessage":
            self.refused.append((401, path))
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        self.path = path
        return super()._answer(method, path, headers, raw)

    def take(self, headers, raw):
        body = json_body(headers, raw, {})
        need(str(body["chat_id"]) == "-1001234567890", 400, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"})
        need(set(body) == {"chat_id", "text"} and 1 <= len(body["text"].encode("utf-16-le")) / 2 <= 4096, 400,
             {"ok": False, "error_code": 400, "description": "Bad Request: message is too long"})
        self.messages.append(Message([body["chat_id"]], None, None, body["text"]))
        return 200, {"ok": True, "result": {"message_id": len(self.messages)}}


ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


class SendGrid(WebProvider):
    kind, secret = "sendgrid_email", "SG.sendgrid-key-88"
    settings = {"api_key": secret, "default_reply_to_email": "noc@op.example", "default_sender_email": "hub@op.example", "default_sender_name": "Hüb, \"1\""}
    config = {"recipients": ["ops@op.example", "boss@op.example", "OPS@op.example"]}
    path = "/v3/mail/send"

    def take(self, headers, raw):
        def right(condition, message):
            need(condition, 400, {"errors": [{"message": message, "field": None, "help": None}]})

        need(headers["Authorization"] == "Bearer " + self.secret, 401, {"errors": [{"message": "The provided authorization grant is invalid"}]})
        body = json_body(headers, raw, {})
        right(set(body) == {"personalizations", "from", "reply_to", "subject", "content"}, "unknown or missing members")
        to = [t["email"] for p in body["personalizations"] for t in p["to"]]
        right(to and all(ADDRESS.fullmatch(t) for t in to), "The to parameter is required for all personalization objects")
        right(len({t.lower() for t in to}) == len(to), "Each email address in the personalization block should be unique")
        right(set(body["from"]) <= {"email", "name"} and body["from"]["email"] == "hub@op.example", "The from address does not match")
        right(body["subject"] and "\n" not in body["subject"], "The subject is required")
        right([c["type"] for c in body["content"]] == ["text/plain"] and body["content"][0]["value"], "The content value is required")
        self.messages.append(Message(to, body["from"]["name"], body["subject"], body["content"][0]["value"]))
        return 202, None


class Mandrill(WebProvider):
    kind, secret = "mandrill_email", "md-mandrill-key-77"
    settings = {"api_key": secret, "default_sender_email": "hub@op.example", "default_sender_name": "Hub"}
    path = "/api/1.0/messages/send.json"
    rejected = None  # a reject_reason

    def take(self, headers, raw):
        body = json_body(headers, raw, {})
        need(body.get("key") == self.secret, 500, {"status": "error", "code": -1, "name": "Invalid_Key", "message": "Invalid API key"})
        message = body["message"]
        need(set(body) == {"key", "message"} and set(message) <= {"text", "subject", "from_email", "from_name", "to", "headers"} and
             message["from_email"] == "hub@op.example", 500,
             {"status": "error", "code": -2, "name": "ValidationError", "message": "You must specify a from_email value"})
        to = [t["email"] for t in message["to"]]
        if not self.rejected:
            self.messages.append(Message(to, message["from_name"], message["subject"], message["text"]))
        return 200, [{"email": t, "status": "rejected" if self.rejected else "sent", "reject_reason": self.rejected, "_id": "abc123"} for t in to]


class Mailgun(WebProvider):
    kind, secret = "mailgun_email", "key-mailgun-66"
    settings = {"api_key": secret, "domain": "mg.op.example", "sender_email": "hub@mg.op.example", "sender_name": "Hüb \"Süd\", NL"}
    config = {"recipients": ["ops@op.example", "boss@op.example"]}
    path = "/v3/mg.op.example/messages"

    def take(self, headers, raw):
        need(headers["Authorization"] == basic("api", self.secret), 401, b"Forbidden")
        fields = form(headers, raw, ("from", "to", "subject", "text"), {"message": "Need at least one of 'text' or 'html' parameters specified"})
        name, sender = email.utils.parseaddr(fields["from"])
        need(sender == "hub@mg.op.example", 400, {"message": "from parameter is not a valid address. please check documentation"})
        to = fields["to"].split(",")
        need(all(ADDRESS.fullmatch(t) for t in to), 400, {"message": "to parameter is not a valid address. please check documentation"})
        self.messages.append(Message(to, name, fields["subject"], fields["text"]))
        return 200, {"id": f"<{len(self.messages)}@mg.op.example>", "message": "Queued. Thank you."}


# ---- SMTP


def certificate(folder):
    cert, key = folder / "mail-cert.pem", folder / "mail-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=mail",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class MailServer(Provider):
    """aiosmtpd with logins. tls: (certificate, key) for STARTTLS, which it then insists on; None: it has none."""

    kind, secret = "custom_email_provider", "smtp password/55"
    calls = 2
    bad = set()  # addresses that it does not know
    config = {"recipients": ["ops@op.example", "boss@op.example"]}

    def __init__(self, tls=None):
        super().__init__()
        self.envelopes, self.greeted = [], []
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, tls_context=context, require_starttls=tls is not None, auth_required=True,
                                     auth_require_tls=tls is not None, authenticator=self.authenticate, decode_data=False)
        self.controller.start()
        self.settings = {"default_sender_email": "hub@op.example", "default_sender_name": "Hüb of Ops", "password": self.secret, "port": str(self.port),
                         "sending_domain": "op.example", "username": "hub-user"}

    def address(self):
        return {"host": "127.0.0.1"}

    def close(self):
        self.controller.stop()

    def authenticate(self, server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"hub-user", self.secret.encode()))

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.greeted.append(hostname)
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.bad:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.failures:
            status, words = self.failures.pop(0)
            return f"{status} {words.decode()}"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, mail))
        self.messages.append(Message([a.addr_spec for a in mail["To"].addresses], mail["From"].addresses[0].display_name, mail["Subject"],
                                     mail.get_content()))
        return "250 OK"


WEB = (Twilio, Mitto, Telegram, SendGrid, Mandrill, Mailgun)
