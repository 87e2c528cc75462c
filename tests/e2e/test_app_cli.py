"""The command line: settings from flags, environment and YAML, exit codes, keys, backup."""

import json
import socket
import stat
import subprocess
import time

import pytest
from hubtest import ADMIN_KEY, Hub, binary, fetch, free_port, run, wait_until


def test_usage_is_exit_2(tmp_path):
    data = ["--data", tmp_path / "d", "--public-url", "http://h"]
    for args in ([], ["nonsense"], ["serve"], ["serve", "--data"], ["serve", "--data", tmp_path], ["serve", *data, "--no-such"],
                 ["serve", *data, "extra"], ["serve", *data, "--workers", "many"], ["serve", *data, "--log-level", "loud"],
                 ["serve", "--data", tmp_path, "--public-url", "ftp://h"], ["serve", *data, "--listen", "nonsense"],
                 ["serve", *data, "--listen", "127.0.0.1:99999"], ["serve", *data, "--insecure-peers=perhaps"],
                 ["serve", *data, "--utility-cloud-url", "http://utility.example"], ["serve", *data, "--admin-key", "x"], ["backup", "--data", tmp_path], ["backup", "--to", tmp_path], ["key"],
                 ["key", "paint", "--data", tmp_path], ["key", "create", "--data", tmp_path], ["key", "revoke", "--data", tmp_path],
                 ["key", "revoke", "x", "--data", tmp_path], ["backup", "--data", tmp_path, "--to", tmp_path, "--workers", "1"]):
        done = run(*args)
        assert done.returncode == 2, (args, done)
        assert done.stderr.strip(), args
    assert not (tmp_path / "d").exists()


def test_help_names_every_setting():
    assert run("--help").returncode == 0
    text = run("serve", "--help")
    assert text.returncode == 0
    for word in ("--data", "--listen", "--public-url", "--config", "--workers", "--insecure-peers", "--tls-cert", "--tls-key",
                 "OCPI_HUB_DATA", "OCPI_HUB_LISTEN", "OCPI_HUB_PUBLIC_URL", "OCPI_HUB_WORKERS", "OCPI_HUB_INSECURE_PEERS",
                 "OCPI_HUB_MASTER_KEY", "OCPI_HUB_ADMIN_KEY", "OCPI_HUB_LOG_LEVEL", "OCPI_HUB_CA_FILE"):
        assert word in text.stdout, word
    for command in ("key", "backup"):
        assert run(command, "--help").returncode == 0


def test_flags_over_environment_over_yaml(tmp_path):
    yaml = tmp_path / "hub.yaml"
    yaml.write_text(f"data: {tmp_path / 'data'}\nlisten: 127.0.0.1:1\npublic_url: http://yaml.example\nworkers: 3\nlog_level: debug\n")
    port = free_port()
    env = {"OCPI_HUB_PUBLIC_URL": "http://env.example", "OCPI_HUB_LISTEN": "127.0.0.1:2", "OCPI_HUB_ADMIN_KEY": ADMIN_KEY}
    log = open(tmp_path / "log", "w+", encoding="utf-8")
    process = subprocess.Popen([binary(), "serve", "--config", yaml, "--listen", f"127.0.0.1:{port}"], env=env, stderr=log)
    try:
        def listening():
            return [e for e in map(json.loads, filter(lambda s: s.startswith("{"), (tmp_path / "log").read_text().splitlines()))
                    if e["event"] == "listening"]
        event = wait_until(listening)[0]
        assert event["port"] == port and event["public_url"] == "http://env.example" and event["workers"] == 3
    finally:
        process.terminate()
        assert process.wait(15) == 0
        log.close()


@pytest.mark.parametrize("text, line", [("data: d\nlisten: x\ncolour: red\n", 3), ("data: [a, b]\n", 1), ("data: d\nlisten: {a: b}\n", 2), ("data: d\n  x: y\n", 1)])
def test_yaml_errors_name_the_line(tmp_path, text, line):
    yaml = tmp_path / "hub.yaml"
    yaml.write_text(text)
    done = run("serve", "--config", yaml)
    assert done.returncode == 2
    assert "hub.yaml" in done.stderr and f"line: {line}" in done.stderr, done.stderr


def test_yaml_values_have_types(tmp_path):
    yaml = tmp_path / "hub.yaml"
    yaml.write_text(f"data: {tmp_path}\npublic_url: http://h\nworkers: several\n")
    done = run("serve", "--config", yaml)
    assert done.returncode == 2 and "workers" in done.stderr and "several" in done.stderr
    assert run("serve", "--config", tmp_path / "missing.yaml").returncode == 2


def test_failures_are_exit_1(tmp_path):
    with Hub() as hub:
        common = ["--data", tmp_path / "d", "--public-url", "http://h", "--listen"]
        for listen in ("192.0.2.1:0", f"127.0.0.1:{hub.port}"):
            done = run("serve", *common, listen)
            assert done.returncode == 1 and listen in done.stderr, done
        second = run("serve", "--data", hub.data, "--public-url", "http://h", "--listen", "127.0.0.1:0")
        assert second.returncode == 1 and "another server" in second.stderr, second
    (tmp_path / "file").write_text("x")
    assert run("serve", "--data", tmp_path / "file", "--public-url", "http://h").returncode == 1
    assert run("key", "list", "--data", tmp_path / "none").returncode == 1
    assert run("backup", "--data", tmp_path / "none", "--to", tmp_path / "b").returncode == 1
    assert not (tmp_path / "none").exists()


def test_port_0_takes_a_free_port_and_says_which(tmp_path):
    with Hub(start=False) as hub:
        hub.args = ["--listen", "127.0.0.1:0"]
        hub.ready = lambda: bool(hub.events("listening"))
        hub.start()
        port = hub.events("listening")[0]["port"]
        assert port > 0 and fetch(f"http://127.0.0.1:{port}/readyz").status == 200


def test_a_bootstrap_key_is_made_and_shown_once():
    with Hub(admin_key=None) as hub:
        shown = [line for line in hub.log().splitlines() if line.startswith("API key with every permission")]
        assert len(shown) == 1
        key = shown[0].split()[-1]
        assert hub.request("GET", "/v1/keys", key=key).status == 200
        assert hub.request("GET", "/v1/keys", key=key[:-1]).status == 401
        hub.restart()
        assert hub.log().count("API key with every permission") == 1
        assert hub.log().count(key) == 1
        assert hub.request("GET", "/v1/keys", key=key).status == 200


def test_the_data_directory_is_private():
    with Hub() as hub:
        assert stat.S_IMODE(hub.data.stat().st_mode) & 0o077 == 0
        assert stat.S_IMODE((hub.data / "master.key").stat().st_mode) == 0o600


def test_the_wrong_master_key_is_refused(tmp_path):
    done = run("serve", "--data", tmp_path / "d", "--public-url", "http://h", "--listen", "127.0.0.1:0", env={"OCPI_HUB_MASTER_KEY": "short"})
    assert done.returncode == 1 and "short" not in done.stderr.replace("too short", "")


def test_a_store_is_not_opened_with_another_master_key():
    with Hub() as hub:
        hub.party()
        hub.stop()
        serve = ("serve", "--data", hub.data, "--public-url", "http://h", "--listen", "127.0.0.1:0")
        other = run(*serve, env={"OCPI_HUB_MASTER_KEY": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="})
        assert other.returncode == 1 and "not the key that sealed" in other.stderr
        key = hub.data / "master.key"
        key.rename(hub.data / "away")
        lost = run(*serve)
        assert lost.returncode == 1 and "master.key is missing" in lost.stderr and not key.exists()
        (hub.data / "away").rename(key)
        hub.start()
        assert len(hub.get("/v1/parties")) == 1


def test_a_store_that_lost_its_end_is_said():
    with Hub() as hub:
        hub.party()
        hub.stop()
        with open(hub.data / "data.mdb", "r+b") as f:
            f.truncate(2 * 4096)
        done = run("serve", "--data", hub.data, "--public-url", "http://h", "--listen", "127.0.0.1:0")
        assert done.returncode == 1 and "restore a backup" in done.stderr


def test_few_open_files_limit_the_clients_and_are_told(tmp_path):
    short = subprocess.run(["bash", "-c", 'ulimit -n 16; exec "$@"', "-", binary(), "serve", "--data", tmp_path / "d", "--public-url", "http://h",
                            "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert short.returncode == 1 and "ulimit -n" in short.stderr
    with Hub() as hub:
        hub.stop()
        hub.command = lambda plain=hub.command: ["bash", "-c", 'ulimit -n 64; exec "$@"', "-"] + plain()
        hub.start()
        assert hub.events("connections.limited")
        clients = [socket.create_connection(("127.0.0.1", hub.port), 5) for _ in range(150)]
        wait_until(lambda: hub.events("connections.full"))
        for client in clients:
            client.close()
        wait_until(hub.ready)


def test_keys_from_the_command_line_beside_a_running_server():
    with Hub() as hub:
        made = run("key", "create", "--data", hub.data, "--name", "reader", "--permissions", "OBJECT.READ,PARTY.READ")
        assert made.returncode == 0, made
        key = json.loads(made.stdout)
        assert hub.request("GET", "/v1/parties", key=key["key"]).status == 200
        assert hub.request("POST", "/v1/parties", {}, key=key["key"]).status == 403
        listed = run("key", "list", "--data", hub.data)
        assert listed.returncode == 0 and key["key"] not in listed.stdout
        for n in range(101):  # more than a page
            hub.post("/v1/keys", {"name": f"many {n}", "permissions": ["PARTY.READ"]})
        assert [k["name"] for k in json.loads(run("key", "list", "--data", hub.data).stdout)][-101:] == [f"many {n}" for n in range(101)]
        assert [k["name"] for k in json.loads(listed.stdout)] == ["reader"]
        assert run("key", "revoke", key["id"], "--data", hub.data).returncode == 0
        assert hub.request("GET", "/v1/parties", key=key["key"]).status == 401
        assert run("key", "revoke", key["id"], "--data", hub.data).returncode == 1
        wrong = run("key", "create", "--data", hub.data, "--name", "x", "--permissions", "WORLD.RULE")
        assert wrong.returncode == 1 and "/permissions" in wrong.stderr


def test_backup_of_a_running_server(tmp_path):
    with Hub() as hub:
        hub.party(party="ABC")
        done = run("backup", "--data", hub.data, "--to", tmp_path / "copy")
        assert done.returncode == 0, done
        hub.party(party="DEF")
        again = run("backup", "--data", hub.data, "--to", tmp_path / "copy")
        assert again.returncode == 1 and "not overwritten" in again.stderr, "an older copy must not be overwritten"
        (tmp_path / "copy" / "master.key").write_bytes((hub.data / "master.key").read_bytes())
        (tmp_path / "copy" / "master.key").chmod(0o600)
        with Hub(data=tmp_path / "copy") as restored:
            assert [p["partyId"] for p in restored.get("/v1/parties")] == ["ABC"]


def test_secrets_are_not_in_the_process_arguments_or_the_log():
    with Hub("--log-level", "debug") as hub:
        hub.request("GET", "/v1/parties")
        with open(f"/proc/{hub.process.pid}/cmdline", "rb") as f:
            assert ADMIN_KEY.encode() not in f.read()
        time.sleep(0.1)
        assert ADMIN_KEY not in hub.log()
