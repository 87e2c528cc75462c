"""ocpi-hub check: one object, an array, a response, one object a line, several files; exit codes; text and JSON output."""
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
    for args in (["-"], ["-", "--version", "9", "--object", "Location"], ["-", "--version", "2.2.1"], LOCATION, ["-", "--object", "Location"],
                 ["-", "--nonsense", *LOCATION], ["-", "--object", "Location", "--version"], ["-", "--version=2.1.1", "--object=Parking"],
                 [FIXTURES / "locations" / "good" / "smallest.json", "x.json"]):
        done = check(*args)
        assert done.returncode == 2 and "usage:" in done.stderr and not done.stdout, args
    assert check("--help").returncode == 0


def test_the_path_tells_version_and_object(tmp_path):
    good = sorted((FIXTURES / "locations" / "good").glob("*.json")) + sorted((FIXTURES / "tariffs" / "good").glob("*.json"))
    done = check(*good, "--lenient")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{len(good)} of {len(good)} objects fit"), done.stdout
    for name in ("connector_1.json", "connectors-all.json", "Connector.json", "2.3.0/evse/connector.json"):
        file = tmp_path / "2.2.1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
        assert "/standard error [required]" in check(file).stdout, name
    (tmp_path / "2.2.1" / "locations.jsonl").write_text("{}")
    assert "line 1 /country_code" in check(tmp_path / "2.2.1" / "locations.jsonl").stdout
    assert "line 1 /uid" in check(tmp_path / "2.2.1" / "locations.jsonl", "--object=evses").stdout


def test_several_files_are_told_apart_and_one_bad_file_does_not_stop_the_rest(tmp_path):
    good, bad = FIXTURES / "locations" / "good" / "home_charger_not_published.json", FIXTURES / "tariffs" / "bad" / "required_currency.json"
    done = check(bad, tmp_path / "tariffs" / "none.json", good, "--version=2.2.1")
    assert done.returncode == 1 and "none.json" in done.stderr
    assert done.stdout.splitlines() == [f"{bad}: /currency error [required] currency is required", "1 of 2 objects fit"]
    out = json.loads(check(bad, good, "--json").stdout)
    assert [(p["file"], p["pointer"], p["severity"]) for p in out["problems"]] == [(str(bad), "/currency", "error")]
    assert (out["objects"], out["invalid"]) == (2, 1)


def test_lines_by_name_and_by_flag(tmp_path):
    good = json.dumps(json.loads((FIXTURES / "locations" / "good" / "home_charger_not_published.json").read_text()))
    lines = "{broken\n" + good + "\n{}\n"
    (tmp_path / "x.ndjson").write_text(lines)
    for done in (check(tmp_path / "x.ndjson", *LOCATION, "--json"), check("-", *LOCATION, "--json", "--ndjson", stdin=lines)):
        out = json.loads(done.stdout)
        assert (out["objects"], out["invalid"], done.returncode) == (3, 2, 1)
        assert [(p["line"], p["rule"]) for p in out["problems"]][:2] == [(1, "json"), (3, "required")]
    (tmp_path / "x.json").write_text(lines)
    assert json.loads(check(tmp_path / "x.json", *LOCATION, "--json").stdout)["objects"] == 1


def test_a_response_is_unpacked():
    good = json.loads((FIXTURES / "locations" / "good" / "home_charger_not_published.json").read_text())
    bad = dict(good, facilities=["SAUNA"])
    answer = {"data": [good, bad], "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}
    out = json.loads(check("-", *LOCATION, "--json", stdin=json.dumps(answer)).stdout)
    assert [p["pointer"] for p in out["problems"]] == ["/data/1/facilities/0"] and out["objects"] == 2
    done = check("-", *LOCATION, stdin=json.dumps(dict(answer, data=bad)))
    assert done.stdout.startswith("/data/facilities/0 error [enum]")
    assert check("-", "--version=2.2.1", "--object=ResponseFormat", stdin=json.dumps(answer)).stdout == "1 of 1 object fits\n"


def test_every_object_of_every_version_can_be_named():
    listed = [line.split() for line in check("--objects").stdout.splitlines()]
    assert len(listed) > 70 and ["Parking", "-", "-", "2.3.0"] in listed
    for name, *versions in listed[::9]:
        assert all(version == "-" or check("-", "--object", name, "--version", version, stdin="[]").returncode == 0 for version in versions)
    assert "Parking" not in check("--objects", "--version=2.1.1").stdout


def test_a_missing_or_empty_file_exits_1(tmp_path):
    done = check(tmp_path / "none.json", *LOCATION)
    assert done.returncode == 1 and "cannot read" in done.stderr
    (tmp_path / "empty.json").write_text("")
    assert check(tmp_path / "empty.json", *LOCATION).returncode == 1
