"""kill -9 of either side in the middle of a registration: it is completed by itself, and both sides hold each other's tokens."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from hubtest import Hub, wait_until

PAUSES_MS = (0, 3, 8, 15, 30)


def integration(number, **connection):
    return {"integrationName": f"partner {number}", "integrationType": "OCPI", "ocpiConnection": connection}


def connected(hub, ident):
    return hub.get(f"/v1/integrations/{ident}?include=none")["integrationStatus"] == "CONNECTED"


def tokens(hub, ident):
    info = hub.get(f"/v1/integrations/{ident}?include=none&reveal=secrets")["credentialsInfo"]
    return info["ourToken"], info["theirToken"]


@pytest.mark.parametrize("version", ["2.1.1", "2.3.0"])
@pytest.mark.parametrize("victim", ["sender", "receiver"])
def test_registration_survives_kill_9(victim, version):
    with Hub(name="receiver") as receiver, Hub(name="sender") as sender:
        receiver.party("DE", "CCC", ["CPO"])
        sender.party("DE", "EEE", ["EMSP"])
        for number, pause in enumerate(PAUSES_MS):
            token = f"token-a-{number}-0123456789"
            theirs = receiver.post("/v1/integrations", integration(number, customerRoles=["CPO"], initialRole="RECEIVER", initialToken=token))["id"]
            ours = sender.post("/v1/integrations", integration(number, customerRoles=["EMSP"], initialRole="SENDER", initialToken=token,
                                                               endpointUrl=receiver.versions_url, versions=[version]))["id"]
            time.sleep(pause / 1000)
            hub = sender if victim == "sender" else receiver
            hub.kill9()
            hub.start()
            wait_until(lambda: connected(sender, ours), 40, what=f"sender connected after {pause} ms")
            wait_until(lambda: connected(receiver, theirs), 40, what=f"receiver connected after {pause} ms")
            assert tokens(sender, ours) == tokens(receiver, theirs)[::-1]
        for hub in (sender, receiver):
            assert "token-a-" not in hub.log()
