"""ocpi-hub check: one object, an array, one object a line; exit codes; text and JSON output."""
import json
import os
import pathlib
import subprocess

BINARY = os.environ["HUB_BINARY"]
FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "2.2.1"
LOCATION = ["--version", "2.2.1", "--object", "Location"]


def check(*args, stdin=""):
    return subprocess.run([BINARY, "check", *map(str, args)], input=stdin, capture_output=True, text=True, timeout=30)


def test_a_good_object_exits_0():
    done = check(FIXTURES / "locations" / "good" / "parking_garage.json", *LOCATION)
    assert (done.returncode, done.stdout) == (0, "1 of 1 object fits\n")


def test_a_bad_one_exits_1_and_names_pointer_and_rule():
    done = check(FIXTURES / "tariffs" / "bad" / "required_currency.json", "--version=2.2.1", "--object=tariff")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "/currency error [required] currency is required"


def test_json_output_of_lines_on_standard_input():
    good = json.dumps(json.loads((FIXTURES / "locations" / "good" / "smallest.json").read_text()))
    done = check("-", *LOCATION, "--json", stdin=f"{good}\n\n{{\"id\":\n{good}\n[]\n")
    assert done.returncode == 1
    out = json.loads(done.stdout)
    assert (out["objects"], out["invalid"]) == (4, 2)
    assert [(p["line"], p["pointer"], p["rule"], p["severity"]) for p in out["problems"]] == [
        (1, "", "L5", "warning"), (3, "", "json", "error"), (4, "", "L5", "warning"), (5, "", "type", "error")]  # the smallest has no EVSE


def test_an_array_names_the_item():
    good = json.loads((FIXTURES / "locations" / "good" / "smallest.json").read_text())
    bad = dict(good, facilities=["SAUNA"])
    done = check("-", *LOCATION, "--json", stdin=json.dumps([good, bad], indent=1))
    assert [p["pointer"] for p in json.loads(done.stdout)["problems"] if p["severity"] == "error"] == ["/1/facilities/0"]
    assert done.returncode == 1
    assert check("-", *LOCATION, "--lenient", stdin=json.dumps([good, bad])).returncode == 0
    assert check("-", *LOCATION, stdin="[]").returncode == 0


def test_a_patch_needs_last_updated():
    done = check("-", *LOCATION, "--patch", stdin='{"name": "x"}')
    assert done.returncode == 1 and "/last_updated error [O7]" in done.stdout
    assert check("-", *LOCATION, "--patch", stdin='{"name": "x", "last_updated": "2026-01-01T00:00:00Z"}').returncode == 0


def test_usage_errors_exit_2():
    for args in (["-"], ["-", "--version", "9", "--object", "Location"], ["-", "--version", "2.2.1"], LOCATION, ["-", "x", *LOCATION],
                 ["-", "--nonsense", *LOCATION], ["-", "--object", "Location", "--version"]):
        done = check(*args)
        assert done.returncode == 2 and "usage:" in done.stderr, args
    assert check("--help").returncode == 0


def test_a_missing_or_empty_file_exits_1(tmp_path):
    done = check(tmp_path / "none.json", *LOCATION)
    assert done.returncode == 1 and "cannot read" in done.stderr
    (tmp_path / "empty.json").write_text("")
    assert check(tmp_path / "empty.json", *LOCATION).returncode == 1
