"""Operator alerts: an integration gets into trouble, is well again, or flaps, and every provider tells of it as its documentation wants to be told.
The providers are tests/support/providers.py."""

import base64
import pathlib
import re
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, wait_until  # noqa: E402
from objects import connect, location  # noqa: E402
from providers import WEB, Mailgun, MailServer, Mandrill, SendGrid, Telegram, Twilio, basic, certificate  # noqa: E402

LOCATIONS = "/ocpi/2.2.1/locations"
INTERVAL = 20  # seconds; 60 where nothing is said
SECRETS = [p.secret for p in (*WEB, MailServer)]


def forms(secret):
    """How a secret may look in a log."""
    return {secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def hub(tls):
    with Hub("--log-level", "debug", "--ca-file", tls[0]) as hub:
        hub.party("NL", "ABC", ["CPO"])
        yield hub
        log = hub.log()
        assert "peer.call" in log
        for text in [f for s in SECRETS for f in forms(s)] + [basic(Twilio.sid, Twilio.secret)[6:], basic("api", Mailgun.secret)[6:]]:
            assert text not in log, text


class Trouble:
    """A partner that can be made ill and well."""

    def __init__(self, hub, partner, name):
        self.hub, self.partner, self.name, self.count = hub, partner, name, 0
        self.id = connect(hub, partner, ["CPO"])
        assert hub.request("PATCH", self.path, {"integrationName": name, "reference": "ref-" + partner.party, "models": {"pushLocation": True}}).status == 204
        self.wait("CONNECTED")

    @property
    def path(self):
        return f"/v1/integrations/{self.id}"

    def wait(self, *status, timeout=20):
        return wait_until(lambda: (s := self.hub.get(self.path + "?include=none"))["integrationStatus"] in status and s, timeout, what=status)

    def change(self):
        self.count += 1
        self.hub.put(f"/v1/locations/NL/ABC/{self.partner.party}", location(self.partner.party, address=f"Quay {self.count}"))

    def pushed(self):
        return all(m["lag"] == 0 for m in self.hub.get(self.path + "/delivery")["modules"] if (m["module"], m["direction"]) == ("locations", "push"))

    def fall_ill(self):
        wait_until(self.pushed, what="everything pushed")  # or what was under way would say that it is well
        self.partner.misbehave("status500", LOCATIONS)
        self.change()
        return self.wait("DEGRADED")

    def recover(self):
        self.partner.misbehave(None)
        return self.wait("CONNECTED")


@pytest.fixture
def trouble(hub):
    made = []

    def make(name, party):
        made.append(Partner(role="EMSP", country="DE", party=party, token_a="token-a-of-" + party))
        return Trouble(hub, made[-1], name)

    yield make
    for partner in made:
        partner.close()


@pytest.fixture
def alerts(hub):
    made = []

    def make(provider, **config):
        made.append(hub.post("/v1/integrations", provider.body(**config))["id"])
        return f"/v1/integrations/{made[-1]}"

    yield make
    for ident in made:
        assert hub.request("DELETE", f"/v1/integrations/{ident}").status == 204


def about(message, name):
    return name in (message.subject or "") or name in message.text


def told(provider, name):
    return [m for m in provider.messages if about(m, name)]


def check_text(hub, message, trouble, name, status, sms):
    shown = trouble.wait(status.split()[0])
    if sms:
        assert message.subject is None
        assert message.text.startswith(f"ocpi-hub: {name} is {status} since "), message.text
        assert len(message.text.encode("utf-16-le")) // 2 <= (160 if name.isascii() else 70)
        return
    assert message.subject in (None, f"[ocpi-hub] Partner {name} is {status}")
    lines = message.text.replace("\r\n", "\n").split("\n")
    assert lines[0] == f"Partner {name} is {status}."
    rows = dict(re.split(r":\s+", line, maxsplit=1) for line in lines[2:] if line)
    assert rows["Name"] == name and rows["Reference"] == shown["reference"] and rows["Integration"] == trouble.id and rows["Status"] == status
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", rows["Since"])
    assert abs(time.time() - time.mktime(time.strptime(rows["Since"], "%Y-%m-%d %H:%M:%S UTC")) + time.timezone) < 120
    assert rows["Where to look"] == f"{hub.url}{trouble.path}/delivery"
    assert hub.request("GET", rows["Where to look"].removeprefix(hub.url)).status == 200
    return rows


def test_all_providers_tell_of_trouble_and_recovery_once_an_interval(hub, tls, trouble, alerts):
    written, shown = 'Strömwerk "S<ü>" \U0001f50c\u202e&\x7f', 'Strömwerk "S<ü>" \U0001f50c &'
    providers = [kind() for kind in WEB] + [MailServer(tls)]
    patient = Telegram()
    alerts(patient)
    paths = [alerts(p, alertIntervalSeconds=INTERVAL) for p in providers]
    ill, gone = trouble(written, "ILL"), trouble("Gone Ltd", "GON")
    began = time.monotonic()
    description = ill.fall_ill()["statusDescription"]
    gone.partner.misbehave("reset", "/")
    gone.change()
    for provider in providers:
        want = provider.calls
        messages = provider.wait_for(lambda m: about(m, "Strömwerk"), count=want)
        assert len(messages) == want
        for message in messages:
            rows = check_text(hub, message, ill, shown, "DEGRADED", provider.sms)
            assert not rows or rows["Description"] == description
    # Up and down meanwhile, and well in the end: that is told once, when the time is over.
    for _ in range(2):
        ill.recover()
        ill.fall_ill()
    ill.recover()
    first = {p: told(p, "Strömwerk")[-1].time for p in providers}
    assert time.monotonic() - began < INTERVAL, "too slow a machine to see it"
    for provider in providers:
        messages = provider.wait_for(lambda m: "CONNECTED again" in m.text and about(m, "Strömwerk"), timeout=3 * INTERVAL)
        assert messages[0].time - first[provider] > INTERVAL - 1, provider.kind
        check_text(hub, messages[0], ill, shown, "CONNECTED again", provider.sms)
    gone.wait("OFFLINE")
    for provider in providers:
        message = provider.wait_for(lambda m: "is OFFLINE" in m.text and about(m, "Gone Ltd"), timeout=3 * INTERVAL)[0]
        check_text(hub, message, gone, "Gone Ltd", "OFFLINE", provider.sms)
    time.sleep(1)
    for provider, path in zip(providers, paths):
        want = provider.calls
        assert [len(told(provider, "Strömwerk")), provider.refused] == [2 * want, []], (provider.kind, provider.messages, provider.refused)
        assert len(told(provider, "Gone Ltd")) <= 2 * want, [(m.to, m.text[:70], round(m.time, 3)) for m in told(provider, "Gone Ltd")]  # DEGRADED, when it had failed once, and OFFLINE
        assert hub.get(path + "?include=none")["integrationStatus"] == "CONNECTED"
    twilio, mitto, telegram, sendgrid, mandrill, mailgun, mail = providers
    assert {m.to[0] for m in twilio.messages} == {"+491701234567", "+15005550009"} and {m.to[0] for m in mitto.messages} == {"491701234567", "31612345678"}
    assert {tuple(m.to) for m in sendgrid.messages} == {("ops@op.example", "boss@op.example")} == {tuple(m.to) for m in mailgun.messages}
    assert {tuple(m.to) for m in mandrill.messages} == {("hub@op.example",)}  # nobody is named: the sender
    assert {m.sender for m in mailgun.messages} == {'Hüb "Süd", NL'} and {m.sender for m in mail.messages} == {"Hüb of Ops"}
    for sender, recipients, raw, parsed in mail.envelopes:
        assert sender == "hub@op.example" and recipients == [parsed["To"]]
        assert parsed["Auto-Submitted"] == "auto-generated" and not parsed.defects and all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert {m.to[0] for m in mail.messages} == {"ops@op.example", "boss@op.example"}
    assert len({parsed["Message-ID"] for *_, parsed in mail.envelopes}) == len(mail.envelopes)
    assert set(mail.greeted) == {"op.example"}
    assert len(told(patient, "Strömwerk")) == 1 and "DEGRADED" in told(patient, "Strömwerk")[0].text  # a minute is not over yet
    for provider in (*providers, patient):
        provider.close()


def quarantine(hub, path):
    return hub.get(path + "/quarantine")


def test_failed_is_told_and_a_recipient_that_is_refused_hinders_no_other(hub, tls, trouble, alerts):
    with Twilio() as twilio, MailServer(tls) as mail:
        mail.bad = {"ops@op.example"}
        mail_path = alerts(mail, alertIntervalSeconds=2)
        twilio.bad = {"+491701234567"}  # the first of the two
        path = alerts(twilio, alertIntervalSeconds=2)
        ill = trouble("Lost Token {Inc}", "LOS")
        wait_until(ill.pushed, what="everything pushed")
        ill.partner.on("PUT", LOCATIONS, lambda call: (401, {}, b'{"status_code":2001,"timestamp":"2026-01-01T00:00:00Z"}'))
        ill.change()
        ill.wait("FAILED")
        message = twilio.wait_for(lambda m: about(m, "Lost Token"))[0]
        assert message.to == ["+15005550009"]
        check_text(hub, message, ill, "Lost Token {Inc}", "FAILED", True)
        parked = wait_until(lambda: quarantine(hub, path), what="the refusal in quarantine")
        assert "is not a valid phone number" in str(parked), parked
        mail.wait_for(lambda m: about(m, "Lost Token") and m.to == ["boss@op.example"])
        assert "no such user here" in str(wait_until(lambda: quarantine(hub, mail_path), what="the unknown address in quarantine"))
        time.sleep(2)
        assert [m.to for m in told(twilio, "Lost Token")] == [["+15005550009"]], ([(m.to, m.text, m.time) for m in told(twilio, "Lost Token")], twilio.refused)
        assert [m.to for m in told(mail, "Lost Token")] == [["boss@op.example"]]
        twilio.bad = set()
        entry = min(parked, key=lambda p: int(p["id"]))
        assert hub.request("POST", f"{path}/quarantine/{entry['id']}/retry").status in (200, 202, 204)
        twilio.wait_for(lambda m: about(m, "Lost Token") and m.to == ["+491701234567"])
        time.sleep(1)
        assert len(told(twilio, "Lost Token")) == 2


def test_what_is_wrong_is_shown_and_repaired(hub, trouble, alerts):
    with Telegram() as telegram, Twilio() as twilio, Mandrill() as mandrill:
        telegram.secret = "999:another-token-of-the-bot"
        SECRETS.append(telegram.secret)
        paths = [alerts(telegram), alerts(twilio, recipients=[]), alerts(mandrill)]
        mandrill.rejected = "hard-bounce"
        ill = trouble("Wrong & Sons", "WRO")
        ill.fall_ill()
        status = wait_until(lambda: (s := hub.get(paths[0] + "?include=none"))["integrationStatus"] == "FAILED" and s, 20, what="telegram FAILED")
        assert Telegram.secret not in status["statusDescription"]
        status = wait_until(lambda: "recipients" in (s := hub.get(paths[1] + "?include=none"))["statusDescription"] and s, 20, what="recipients missing")
        assert "configData.recipients is missing" in status["statusDescription"]
        assert "hard-bounce" in str(wait_until(lambda: quarantine(hub, paths[2]), what="the rejection in quarantine"))
        assert hub.request("PATCH", paths[0], {"settings": {"auth_token": telegram.secret}}).status == 204
        assert hub.request("PATCH", paths[1], {"configData": {**twilio.address(), "recipients": ["+491701234567"]}}).status == 204
        telegram.wait_for(lambda m: about(m, "Wrong & Sons"))
        twilio.wait_for(lambda m: about(m, "Wrong & Sons"))


def test_a_provider_that_is_away_is_tried_again(hub, trouble, alerts):
    with SendGrid() as sendgrid, MailServer() as mail:
        sendgrid.fail(503, times=2)
        alerts(sendgrid)
        alerts(mail, plain=True, alertIntervalSeconds=5)  # who got it does not get it again at once, and so the others wait, too
        mail.fail(451, b"try again later")
        ill = trouble("Patience", "PAT")
        ill.fall_ill()
        for provider in (sendgrid, mail):
            provider.wait_for(lambda m: about(m, "Patience"), count=provider.calls, timeout=60)
        time.sleep(2)
        assert [len(told(p, "Patience")) for p in (sendgrid, mail)] == [1, 2], [(m.to, re.findall("(?:Status|Since): .*", m.text), round(m.time, 3)) for m in told(mail, "Patience")]


def test_a_restart_repeats_nothing_and_forgets_nothing():
    with Hub(workers=1) as hub, Telegram() as telegram, Partner(role="EMSP", country="DE", party="RES", token_a="token-a-of-RES") as partner:
        hub.party("NL", "ABC", ["CPO"])
        assert hub.post("/v1/integrations", telegram.body(alertIntervalSeconds=1))["integrationStatus"] == "AWAITING_PARTNER"
        ill = Trouble(hub, partner, "Restarted")
        ill.fall_ill()
        telegram.wait_for(lambda m: "is DEGRADED" in m.text)
        hub.restart()
        time.sleep(3)
        assert len(told(telegram, "Restarted")) == 1
        telegram.fail(503)
        ill.recover()
        wait_until(lambda: not telegram.failures, what="the call that failed")
        hub.restart()
        telegram.wait_for(lambda m: "is CONNECTED again" in m.text, timeout=60)
        time.sleep(2)
        assert ["CONNECTED again" in m.text for m in told(telegram, "Restarted")] == [False, True]


def test_no_password_goes_out_in_the_clear(hub, trouble, alerts):
    with MailServer() as mail:  # has no STARTTLS
        path = alerts(mail)
        ill = trouble("Open Door", "OPE")
        ill.fall_ill()
        status = wait_until(lambda: (s := hub.get(path + "?include=none"))["integrationStatus"] in ("OFFLINE", "DEGRADED", "FAILED") and s, 20, what="no TLS")
        assert "TLS" in status["statusDescription"] or "SSL" in status["statusDescription"], status["statusDescription"]
        assert not mail.messages
