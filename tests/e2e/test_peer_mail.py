"""Mails of the peer room: real SMTP servers on loopback, and scripted ones for what a proper server does not do."""

import socket
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from caller import Caller

MESSAGE = "From: hub@example.com\r\nTo: ops@example.com\r\nSubject: test\r\n\r\nHello\r\n.dot at the start\r\n..two\r\nend\r\n"
LOGIN = {"username": "user@example.com", "password": "p:ss wörd/+="}


class Handler:
    def __init__(self):
        self.mails, self.secure, self.user = [], [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user here"
        if address.startswith("later"):
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"Subject: spam" in envelope.content:
            return "554-5.7.1 refused\r\n554 5.7.1 for what it says"
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        self.secure.append(session.ssl is not None)
        self.user.append(session.auth_data)
        return "250 2.0.0 queued as 42"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login.decode(), data.password.decode()) == (LOGIN["username"], LOGIN["password"])
    return AuthResult(success=good, handled=good, auth_data=data.login.decode())


class Server(Controller):
    """tls: the certificate for STARTTLS; login: asked for; implicit: TLS from the first byte."""

    def __init__(self, tls=None, login=False, implicit=False):
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        more = {"ssl_context": context} if implicit else {"tls_context": context} if tls else {}
        if login:
            more.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(tls) and not implicit)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        super().__init__(Handler(), hostname="127.0.0.1", port=port, **more)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def call(certificate):
    with Caller("--ca", certificate[0]) as caller:
        yield caller


def mail(server, body=MESSAGE, scheme="smtp", to=("ops@example.com",), **more):
    port = server if isinstance(server, int) else server.port
    return {"url": f"{scheme}://127.0.0.1:{port}", "body": body, "mail": {"from": "hub@example.com", "to": list(to), **more}}


def test_a_mail_arrives_byte_for_byte(call, certificate):
    with Server(tls=certificate, login=True) as server:
        done = call(**mail(server, to=["ops@example.com", "boss@example.com"], **LOGIN))
        assert (done["err"], done["status"], done["answer"]) == ("OK", 250, "250 2.0.0 queued as 42"), done
        assert server.handler.mails == [("hub@example.com", ["ops@example.com", "boss@example.com"], MESSAGE.encode())]
        assert server.handler.secure == [True] and server.handler.user == [LOGIN["username"]]


def test_smtps_is_tls_from_the_start(call, certificate):
    with Server(tls=certificate, implicit=True) as server:
        assert call(**mail(server, scheme="smtps"))["status"] == 250
        assert len(server.handler.mails) == 1
        assert call(**mail(server, scheme="smtp", plain=True), timeout=700)["err"] == "PEER_TIMEOUT"


def test_without_starttls_nothing_is_said_unless_plain(call):
    with Server() as server:
        done = call(**mail(server))
        assert done["err"] == "PEER_TLS" and done["status"] == 0 and done["detail"], done
        assert not server.handler.mails
        assert call(**mail(server, plain=True))["status"] == 250
        assert server.handler.secure == [False]


def test_plain_takes_tls_where_there_is_some(call, certificate):
    with Server(tls=certificate) as server:
        assert call(**mail(server, plain=True))["status"] == 250
        assert server.handler.secure == [True]


def test_certificates_are_checked(certificate):
    with Server(tls=certificate) as server, Caller() as stranger:
        for plain in (False, True):
            done = stranger(**mail(server, plain=plain))
            assert done["err"] == "PEER_TLS" and "certificate" in done["detail"], done
        assert not server.handler.mails
    with Server(tls=certificate) as server, Caller("--ca", certificate[0], "--resolve", f"mail.test:{server.port}:127.0.0.1") as other:
        assert other(**{**mail(server), "url": f"smtp://mail.test:{server.port}"})["err"] == "PEER_TLS"  # a certificate for another name


def test_a_wrong_login_is_the_servers_word(call, certificate):
    with Server(tls=certificate, login=True) as server:
        done = call(**mail(server, username=LOGIN["username"], password="wrong-secret"))
        assert (done["err"], done["status"]) == ("OK", 535) and "wrong-secret" not in str(done), done
        assert call(**mail(server))["status"] == 530  # none at all
        assert call(**mail(server, **LOGIN))["status"] == 250


@pytest.mark.parametrize("to, body, status, words", [
    (["nobody@example.com"], MESSAGE, 550, "550 5.1.1 no such user here"), (["later@example.com"], MESSAGE, 451, "451 4.7.1 greylisted"),
    (["ops@example.com", "nobody@example.com"], MESSAGE, 550, "550 5.1.1 no such user here"),
    (["ops@example.com"], MESSAGE.replace("test", "spam"), 554, "554-5.7.1 refused\n554 5.7.1 for what it says")])
def test_a_refusal_is_told_with_its_words(call, to, body, status, words):
    with Server() as server:
        done = call(**mail(server, body, to=to, plain=True))
        assert (done["err"], done["status"], done["answer"]) == ("OK", status, words), done
        assert not server.handler.mails  # nor did the other recipient get it


def test_a_handle_forgets_the_mail(call, certificate):
    """Mails and requests by turns: neither recipients nor login nor STARTTLS are left over."""
    heard = []

    def web(listener):
        for _ in range(3):
            connection = listener.accept()[0]
            heard.append(connection.recv(65536).decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            connection.close()

    with Server(tls=certificate, login=True) as server, Server() as simple, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=web, args=(listener,), daemon=True)
        thread.start()
        for i in range(3):
            assert call(**mail(server, **LOGIN))["status"] == 250
            assert call(**mail(simple, to=[f"other{i}@example.com"], plain=True))["status"] == 250
            done = call(method="POST", url=f"http://127.0.0.1:{listener.getsockname()[1]}/x", body="{}")
            assert (done["err"], done["status"], done["answer"]) == ("OK", 200, "{}")
        thread.join(5)
        assert [to for _, to, _ in simple.handler.mails] == [[f"other{i}@example.com"] for i in range(3)] and simple.handler.user == [None] * 3
        assert all(text.startswith("POST /x HTTP/1.1\r\n") and "uthorization" not in text for text in heard)


def test_the_guard_holds_for_mail():
    with Server() as server, Caller("--secure") as careful:
        assert careful(**mail(server))["err"] == "PEER_FORBIDDEN"
    with Server() as server, Caller("--secure", "--resolve", f"mail.example:{server.port}:127.0.0.1") as careful:
        done = careful(**{**mail(server), "url": f"smtp://mail.example:{server.port}"})
        assert done["err"] == "PEER_FORBIDDEN" and "private" in done["detail"], done


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "file:///etc/passwd", "smtp://user:pw@127.0.0.1:1"])
def test_a_mail_goes_to_mail_servers_only(call, url):
    assert call(**{**mail(1), "url": url})["err"] == "PEER_FORBIDDEN"


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "ftp", "imap"])
def test_a_request_never_goes_to_a_mail_server(call, scheme):
    assert call(method="GET", url=f"{scheme}://127.0.0.1:1/")["err"] == "PEER_FORBIDDEN"


@pytest.mark.parametrize("address", ["", "a b@example.com", "x@example.com>\r\nRCPT TO:<y@example.com", "<x@example.com>", "x@example.com\n"])
def test_addresses_that_are_commands_never_leave(call, address):
    with Server() as server:
        assert call(**mail(server, to=["ops@example.com", address], plain=True))["err"] == "INVALID"
        message = mail(server, plain=True)
        message["mail"]["from"] = address
        assert call(**message)["err"] == "INVALID" and not server.handler.mails
        assert call(**mail(server, to=[], plain=True))["err"] == "INVALID"


# ---- servers that misbehave: what they say to each command, by its first four letters


class Script:
    def __init__(self, hello="220 script ESMTP", **answers):
        self.hello, self.answers, self.heard = hello, answers, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data = False
        try:
            connection.sendall((self.hello + "\r\n").encode() if self.hello else b"")
            for line in connection.makefile("rb"):
                text = line.decode().rstrip("\r\n")
                self.heard.append(text)
                if data:
                    data = text != "."
                    answer = None if data else self.answers.get("done", "250 OK")
                else:
                    verb = text[:4].upper()
                    answer = self.answers.get(verb, {"EHLO": "250 script", "DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 OK"))
                    data = verb == "DATA" and answer.startswith("3")
                if answer == "close":
                    break
                if answer:
                    connection.sendall((answer + "\r\n").encode())
        except OSError:
            pass
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.close()


@pytest.mark.parametrize("refuse", [{}, {"RCPT": "550 no"}, {"MAIL": "451 later"}])
def test_a_server_that_never_answers_quit_does_not_stop_the_loop(call, refuse):
    with Script(QUIT="", **refuse) as server:
        started = time.monotonic()
        done = call(**mail(server, plain=True))
        assert done["err"] == "OK" and done["status"] == int(next(iter(refuse.values()), "250")[:3]), done
        assert done["blocked_ms"] < 500 and time.monotonic() - started < 3, done


def test_a_busy_server_says_so(call):
    with Script(hello="421 4.3.2 too busy") as server:
        done = call(**mail(server, plain=True))
        assert (done["err"], done["status"], done["answer"]) == ("OK", 421, "421 4.3.2 too busy"), done
    with Script(RCPT="421 4.7.0 too many") as server:
        assert call(**mail(server, plain=True))["status"] == 421


def test_starttls_that_is_refused_is_an_error_of_tls(call):
    with Script(EHLO="250-script\r\n250 STARTTLS", STAR="454 4.7.0 not now") as server:
        assert call(**mail(server))["err"] == "PEER_TLS"
        assert not any(line.startswith("MAIL") for line in server.heard)


def test_a_login_that_nobody_knows(call):
    with Script(EHLO="250-script\r\n250 AUTH X-ODD") as server:
        done = call(**mail(server, plain=True, **LOGIN))
        assert done["err"] != "OK" or done["status"] == 250, done  # never said to be refused by the server


@pytest.mark.parametrize("answers, err", [({"hello": ""}, "PEER_TIMEOUT"), ({"DATA": ""}, "PEER_TIMEOUT"), ({"done": ""}, "PEER_TIMEOUT"), ({"done": "close"}, "PEER_UNREACHABLE"),
                                          ({"MAIL": "close"}, "PEER_UNREACHABLE"), ({"hello": "HTTP/1.1 400 Bad Request"}, None),
                                          ({"EHLO": "nonsense"}, None)])
def test_failures_are_told_apart(call, answers, err):
    with Script(**answers) as server:
        done = call(**mail(server, plain=True), timeout=700)
        assert done["err"].startswith("PEER_") and err in (None, done["err"]) and done["status"] == 0 and done["detail"], done
        assert done["blocked_ms"] < 500


@pytest.mark.parametrize("answers", [{"hello": ""}, {"EHLO": ""}, {"STAR": ""}, {"RCPT": ""}, {"done": ""}, {"QUIT": ""}])
def test_a_mail_is_cancelled_at_any_step(call, answers):
    with Script(**{"EHLO": "250-script\r\n250 STARTTLS" if "STAR" in answers else "250 script", **answers}) as server, Server() as good:
        done = call(**mail(server, plain=True), cancel=150)
        assert done["err"] == ("OK" if "QUIT" in answers else "STOPPING") and done["blocked_ms"] < 500, done
        assert call(**mail(good, plain=True))["status"] == 250


def test_nobody_there(call):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = call(**mail(port))
    assert done["err"] == "PEER_UNREACHABLE" and done["detail"], done
