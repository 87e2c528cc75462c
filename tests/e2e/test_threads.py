"""The server built with ThreadSanitizer, two workers, under reads, writes, pushes and pulls at once: no data race, exit 0."""
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, repository, wait_until
from objects import evse, location, tariff

SECONDS = 6


@pytest.fixture
def tsan_binary(monkeypatch):
    """HUB_TSAN_BINARY, or what `make tsan` leaves behind."""
    path = pathlib.Path(os.environ.get("HUB_TSAN_BINARY") or repository() / "build/tsan/ocpi-hub")
    if not path.exists():
        pytest.skip(f"{path} is not built (make tsan)")
    assert b"__tsan_init" in path.read_bytes(), "this binary has no ThreadSanitizer in it"
    monkeypatch.setenv("HUB_BINARY", str(path))


def connected(hub, partner, models):
    made = hub.post("/v1/integrations", {
        "integrationName": partner.party, "integrationType": "OCPI", "models": models,
        "ocpiConnection": {"initialRole": "SENDER", "endpointUrl": partner.versions_url, "initialToken": partner.token_a, "customerRoles": ["CPO"]}})
    wait_until(lambda: hub.get(f"/v1/integrations/{made['id']}?include=none")["integrationStatus"] == "CONNECTED", 30)
    return made["id"]


class Load:
    """Calls a function over and over on a thread of its own until the time is over; what went wrong is kept."""

    def __init__(self, until, work):
        self.until, self.work, self.count, self.wrong = until, work, 0, None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.work(self.count)
                self.count += 1
        except Exception as error:  # shown by the test, which runs on another thread
            self.wrong = error


def test_no_data_race_under_load(tsan_binary):
    with Hub(workers=2) as hub, Partner(party="EM1") as one, Partner(party="EM2") as two:
        hub.party()
        hub.post("/v1/tariffs", [tariff(f"T{n}") for n in range(5)], status=200)
        hub.post("/v1/locations", [location(f"L{n}", evses=[evse("E1"), evse("E2")]) for n in range(50)], status=200)
        first = connected(hub, one, {"pushLocation": True, "pushTariff": True})
        connected(hub, two, {"pushLocation": True})
        until = time.monotonic() + SECONDS
        states = ["AVAILABLE", "CHARGING", "BLOCKED"]

        def status(n):
            hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": f"L{n % 50}", "evse_uid": "E1",
                                          "status": states[n % 3]}], status=200)

        def rename(n):
            hub.put(f"/v1/locations/NL/ABC/L{n % 50}", location(f"L{n % 50}", name=f"Name {n}", evses=[evse("E1"), evse("E2")]))

        def read(n):
            reply = hub.ocpi("GET", f"/ocpi/2.2.1/sender/locations?limit=20&offset={n % 30}", token=one.hub_token)
            assert reply.status == 200 and reply.ocpi_status == 1000, reply

        def update(n):
            assert hub.request("PATCH", f"/v1/integrations/{first}", {"models": {"pushTariff": n % 2 == 0}}).status == 204

        def look(n):
            hub.get(f"/v1/integrations/{first}")
            hub.get(f"/v1/integrations/{first}/delivery")
            hub.get("/v1/events?after=0&limit=50")
            assert hub.request("GET", "/metrics").status == 200

        loads = [Load(until, work) for work in (status, status, rename, read, read, update, look)]
        for load in loads:
            load.thread.join(SECONDS + 60)
            assert not load.wrong, load.wrong
            assert load.count > 3
        assert any(call.method in ("PUT", "PATCH") for call in one.calls)
    # Leaving the block stops the hub: exit code 0 and no report of a sanitizer in its log.
