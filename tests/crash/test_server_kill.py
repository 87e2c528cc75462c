"""kill -9 under write load: every write that was acknowledged is there after the restart, and the hub goes on by itself."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from hubtest import Hub, Partner, wait_until
from objects import evse, location

ROUNDS = 3


class Writer(threading.Thread):
    """Puts locations of its own until the server goes away; remembers what was acknowledged."""

    def __init__(self, hub, number):
        super().__init__()
        self.hub, self.number, self.acknowledged, self.wrong = hub, number, {}, None

    def run(self):
        n = 0
        while True:
            ident, name = f"W{self.number}-{n % 7}", f"Name {n}"
            try:
                reply = self.hub.request("PUT", f"/v1/locations/NL/ABC/{ident}", location(ident, name=name, evses=[evse("E1")]))
            except (OSError, Exception) as gone:  # the connection broke: this write may or may not be there
                self.wrong = None if isinstance(gone, OSError) else gone
                return
            if reply.status not in (200, 201):
                self.wrong = reply
                return
            self.acknowledged[ident] = n
            n += 1


def test_acknowledged_writes_survive_kill_9():
    with Hub() as hub, Partner() as partner:
        hub.party()
        made = hub.post("/v1/integrations", {
            "integrationName": "Partner", "integrationType": "OCPI", "models": {"pushLocation": True},
            "ocpiConnection": {"initialRole": "SENDER", "endpointUrl": partner.versions_url, "initialToken": partner.token_a, "customerRoles": ["CPO"]}})
        connected = lambda: hub.get(f"/v1/integrations/{made['id']}?include=none")["integrationStatus"] == "CONNECTED"
        wait_until(connected, 20)
        for _ in range(ROUNDS):
            writers = [Writer(hub, n) for n in range(6)]
            for writer in writers:
                writer.start()
            time.sleep(1.0)
            hub.kill9()
            for writer in writers:
                writer.join(30)
            hub.start()
            for writer in writers:
                assert writer.acknowledged, writer.wrong
                for ident, n in writer.acknowledged.items():
                    stored = int(hub.get(f"/v1/locations/NL/ABC/{ident}")["name"].split()[1])
                    assert stored >= n, f"{ident}: acknowledged {n}, stored {stored}"
        # The partner gets the latest state of each, whatever it had before.
        wait_until(connected, 20)
        for writer in writers:
            for ident in writer.acknowledged:
                name = hub.get(f"/v1/locations/NL/ABC/{ident}")["name"]
                wait_until(lambda: any(value.get("name") == name for path, value in partner.stored.items() if path.endswith("/" + ident)), 30,
                           what=f"{ident} {name} at the partner")
