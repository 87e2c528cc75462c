"""fixtures/generate.py: every kind of object in every version fits without a warning, the same arguments give the same bytes, and what sessions and CDRs
name is there."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

BINARY = os.environ["HUB_BINARY"]
GENERATE = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "generate.py"
KINDS = {"tariffs": "Tariff", "locations": "Location", "tokens": "Token", "sessions": "Session", "cdrs": "CDR"}


def generate(what, *args):
    return subprocess.run([sys.executable, GENERATE, what, "--count", "300", *args], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
@pytest.mark.parametrize("what", KINDS)
def test_everything_fits(version, what):
    text = generate(what, "--version", version)
    done = subprocess.run([BINARY, "check", "-", "--version", version, "--object", KINDS[what]], input=text, capture_output=True, text=True, check=False)
    count = len(text.splitlines())
    assert (done.returncode, done.stdout) == (0, f"{count} of {count} objects fit\n")
    assert count >= 10 and text == generate(what, "--version", version)


def read(what, *args):
    return [json.loads(line) for line in generate(what, *args).splitlines()]


def test_what_is_named_is_there():
    tariffs, tokens = {t["id"] for t in read("tariffs")}, {t["uid"] for t in read("tokens")}
    plugs = {(p["id"], e["uid"], c["id"]) for p in read("locations") for e in p["evses"] for c in e["connectors"]}
    sessions = {s["id"]: s for s in read("sessions")}
    for session in sessions.values():
        assert (session["location_id"], session["evse_uid"], session["connector_id"]) in plugs and session["cdr_token"]["uid"] in tokens
    cdrs = {c["id"]: c for c in read("cdrs")}
    assert {c["session_id"] for c in cdrs.values()} == {i for i, s in sessions.items() if s["status"] == "COMPLETED"}
    assert all(t["id"] in tariffs for c in cdrs.values() for t in c["tariffs"])
    credits = [c for c in cdrs.values() if c.get("credit")]
    assert credits  # D4
    for credit in credits:
        assert credit["total_cost"]["excl_vat"] == -cdrs[credit["credit_reference_id"]]["total_cost"]["excl_vat"]
