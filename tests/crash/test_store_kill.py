"""kill -9 under write load, again and again on the same store: nothing acknowledged is lost, no operation is half there, and every index
row agrees with its object."""

import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

WRITER = pathlib.Path(os.environ.get("HUB_BUILD_DIR", "build/dev")) / "tests" / "store_writer"
ROUNDS = 8


def write_until_killed(store, log, serial, seconds):
    with open(log, "wb") as out:
        writer = subprocess.Popen([WRITER, "write", store, str(serial)], stdout=out, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while log.stat().st_size == 0 and writer.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        errors = writer.communicate(timeout=20)[1].decode()
    assert writer.returncode == -signal.SIGKILL, f"ended by itself: {writer.returncode} {errors}"
    lines = log.read_text().split("\n")[:-1]  # a last line cut short says nothing
    return [(when, what, name, int(number)) for when, what, name, number in (line.split(" ") for line in lines)]


def outcomes(steps, before):
    """Per object the states it may be in now: that after its last acknowledged operation, or after one announced later."""
    states = {name: [serial] for name, serial in before.items()}
    acknowledged = {serial for when, _, _, serial in steps if when == "a"}
    for when, what, name, serial in steps:
        if when != "i":
            continue
        state = serial if what == "P" else None
        if serial in acknowledged:
            states[name] = [state]
        else:
            states.setdefault(name, [None]).append(state)
    return states, acknowledged


def dump(store):
    shown = subprocess.run([WRITER, "dump", store], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return {name: int(serial) for name, serial in (line.split(" ") for line in shown.stdout.splitlines())}


@pytest.mark.skipif(not WRITER.exists(), reason=f"{WRITER} is not built")
def test_nothing_acknowledged_is_lost(tmp_path):
    store, held, serial, acknowledged = tmp_path / "store", {}, 1, 0
    for number in range(ROUNDS):
        steps = write_until_killed(store, tmp_path / f"log{number}", serial, random.uniform(0.02, 0.4))
        allowed, done = outcomes(steps, held)
        acknowledged += len(done)
        now = dump(store)
        for name, states in allowed.items():
            assert now.get(name) in states, f"round {number}: {name} holds {now.get(name)}, allowed {states}"
        assert set(now) <= set(allowed), f"round {number}: objects that nobody wrote"
        held, serial = now, max((step[3] for step in steps), default=serial) + 1
    assert acknowledged > 200, "too little load to prove anything"
