"""CDRs in files, by PUT to a file server and to an object store."""

import csv
import datetime
import io
import json
import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, wait_until
from objects import cdr, connect
from receivers import Files, ObjectStore, quiet

NAME = re.compile(r"cdrs-(\d{20})-(\d{20})\.(csv|ndjson|json)$")


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO", "EMSP"])
        yield hub


@pytest.fixture
def files():
    with Files() as files:
        yield files


def integrate(hub, url, format="ndjson", schedule="PT1S", config=None, **settings):
    body = {"integrationName": "files", "integrationType": "DataExport", "enabled": True, "configData": config or {},
            "settings": {"endpointUrl": url, "format": format, "schedule": schedule, **settings}}
    made = hub.post("/v1/integrations", body)
    return made["id"]


def bulk(hub, *names, **more):
    answer = hub.post("/v1/cdrs", [cdr(name, **more) for name in names], status=200)
    assert answer["created"] == len(names), answer


def lines(files):
    """Every CDR of every NDJSON file, in the order of the files' names."""
    return [json.loads(line) for name in sorted(files) for line in files[name].decode().splitlines()]


def ids(files):
    return [line["cdr"]["id"] for line in lines(files)]


def test_csv_of_own_and_received(hub, files):
    partner = Partner(role="CPO", country="BE", party="GIV", modules=[("credentials", "SENDER"), ("credentials", "RECEIVER"), ("cdrs", "SENDER")])
    giver = connect(hub, partner, ["EMSP"])
    given = cdr("G1", "BE", "GIV", token={**cdr("x")["cdr_token"], "country_code": "NL", "party_id": "ABC"}, remark="Grüße, \"Leo\"")
    assert partner.call_hub(hub, "POST", partner.hub_endpoint("cdrs", "RECEIVER"), given).ocpi_status == 1000
    text = json.dumps(cdr("C1")).replace('"excl_vat": 2.5', '"excl_vat": 2.50')
    assert hub.request("PUT", "/v1/cdrs/NL/ABC/C1", text).status == 201
    integrate(hub, files.url + "/in/", "csv")  # what is there already goes, too
    (name, raw), = files.wait_for().items()
    assert files.types[name] == "text/csv; charset=utf-8"
    first, last, _ = NAME.search(name).groups()
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert raw.count(b"\r\n") == 3 and (int(rows[0]["seq"]), int(rows[1]["seq"])) == (int(first), int(last))
    got = {r["id"]: r for r in rows}
    assert (got["G1"]["direction"], got["G1"]["integrationId"], got["G1"]["remark"]) == ("received", giver, "Grüße, \"Leo\"")
    assert (got["C1"]["direction"], got["C1"]["integrationId"], got["C1"]["remark"]) == ("own", "", "")
    assert (got["C1"]["totalExclVat"], got["C1"]["totalInclVat"], got["C1"]["vat"]) == ("2.50", "3.03", "0.53")
    assert got["C1"]["contractId"] == "DEEMSC1" and got["C1"]["connectorStandard"] == "IEC_62196_T2" and got["C1"]["credit"] == ""
    assert quiet(files, 3) == 0  # an empty period sends nothing
    partner.close()


def test_json_and_days(hub, files):
    integrate(hub, files.url + "/{date}/x-{file}?sig=1", "json")
    bulk(hub, "C1", "C2")
    (name, raw), = files.wait_for().items()
    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert re.fullmatch(rf"/({today}|{today - datetime.timedelta(1)})/x-cdrs-\d{{20}}-\d{{20}}\.json", name)
    assert files.calls[0].query == "sig=1" and files.types[name] == "application/json"
    items = json.loads(raw)
    assert [i["cdr"]["id"] for i in items] == ["C1", "C2"] and items[0]["summary"]["id"] == "C1"
    assert items[0]["cdr"] == hub.get("/v1/cdrs/NL/ABC/C1") and [i["seq"] for i in items] == sorted(i["seq"] for i in items)


def test_direction(hub, files):
    integrate(hub, files.url + "/", config={"direction": "received"})
    bulk(hub, "C1")
    assert quiet(files, 2.5) == 0 and not files.files


def test_nothing_goes_twice_and_restarts_change_nothing(hub, files):
    integrate(hub, files.url + "/")
    bulk(hub, "C1")
    files.wait_for(1)
    assert quiet(files, 2.5) == 0
    hub.restart()
    assert quiet(files, 2.5) == 0
    bulk(hub, "C2")
    files.wait_for(2)
    hub.kill9()
    hub.start()
    assert quiet(files, 2.5) == 0
    assert ids(files.files) == ["C1", "C2"] and len(files.puts) == 2


LARGE = "x" * 700_000  # a dozen of such CDRs fill a file


def test_several_files_and_a_kill_between_them(hub, files):
    names = [f"C{i:02}" for i in range(40)]
    for name in names:
        hub.put("/v1/cdrs/NL/ABC/" + name, cdr(name, x_blob=LARGE))
    held, go_on = threading.Event(), threading.Event()

    def hold(call):
        held.set()
        go_on.wait(30)

    files.script = [lambda call: files.answer(call), hold]
    integrate(hub, files.url + "/")
    assert held.wait(30), "a second file follows at once"
    assert len(files.files) == 1
    hub.kill9()
    go_on.set()
    hub.start()
    wait_until(lambda: set(ids(files.files)) == set(names), 60)
    assert quiet(files, 2.5) == 0
    assert all(len(raw) <= 8 << 20 for raw in files.files.values()) and len(files.files) >= 4
    assert ids(files.files) == names  # no file overlaps another one: what went twice has the same name
    spans = [tuple(map(int, NAME.search(name).groups()[:2])) for name in sorted(files.files)]
    assert all(a[1] < b[0] for a, b in zip(spans, spans[1:]))


def test_a_server_that_fails_gets_it_later(hub, files):
    files.say(500, b"no")
    integrate(hub, files.url + "/")
    bulk(hub, "C1")
    files.wait_for(timeout=40)
    bulk(hub, "C2")
    wait_until(lambda: ids(files.files) == ["C1", "C2"], 30)


def test_an_object_store(hub):
    with ObjectStore() as bucket:
        auth = {"type": "aws_sigv4", "accessKeyId": bucket.access, "secretAccessKey": bucket.secret, "region": bucket.region}
        ident = integrate(hub, bucket.url + "/my-bucket/out/", "csv", auth=auth)
        bulk(hub, "C1", "C2")
        (name, raw), = bucket.wait_for().items()
        assert name.startswith("/my-bucket/out/cdrs-") and not bucket.refused
        assert [r["id"] for r in csv.DictReader(io.StringIO(raw.decode(), newline=""))] == ["C1", "C2"]
        # With another secret nothing is taken, the status says so, and nothing is lost.
        assert hub.request("PATCH", "/v1/integrations/" + ident, {"settings": {"auth": {**auth, "secretAccessKey": "wrong-one"}}}).status == 204
        bulk(hub, "C3")
        wait_until(lambda: bucket.refused, 20)
        wait_until(lambda: hub.get("/v1/integrations/" + ident)["integrationStatus"] == "FAILED", 20)
        assert hub.request("PATCH", "/v1/integrations/" + ident, {"settings": {"auth": auth}}).status == 204
        assert len(bucket.wait_for(2)) == 2
    for secret in (bucket.secret, "wrong-one"):
        assert secret not in hub.log()


def test_a_cron_schedule_waits(hub, files):
    month = datetime.datetime.now(datetime.timezone.utc).month % 12 + 1
    ident = integrate(hub, files.url + "/", schedule=f"0 0 1 {month} *")
    bulk(hub, "C1")
    assert quiet(files, 2) == 0
    # A schedule that is changed holds at once.
    assert hub.request("PATCH", "/v1/integrations/" + ident, {"settings": {"schedule": "PT1S"}}).status == 204
    assert ids(files.wait_for()) == ["C1"]
