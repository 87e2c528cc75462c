#!/usr/bin/env python3
"""The benchmark: starts the hub and its loaders on loopback and prints one table. Ratios are taken in one run, pair by pair, because machines are noisy.

    bench/run.py --build build/bench [--quick] [--million] [--only NAME,…] [--out bench/results/FILE.md]

Rows: check, forms, bridge, get-one, get-page, put-integration, put-location, list-integrations, status-push, start-million (only with --million).
"""
import argparse
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEY = "bench-key-bench-key"
CPUS = sorted(os.sched_getaffinity(0))


def pin(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


SERVER_CPU, LOAD_CPU = {CPUS[0]}, {CPUS[-1]}


def request(method, url, body=None, headers=None):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    req = urllib.request.Request(url, data, method=method, headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(req, timeout=900) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def must(method, url, body=None, headers=None):
    status, got, text = request(method, url, body, headers)
    if status >= 300:
        sys.exit(f"{method} {url}: HTTP {status} {text[:500]!r}")
    return text, got


class Server:
    """A process that prints "port N" or is told its port."""

    def __init__(self, command, cpus=None):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=pin(cpus) if cpus else None)
        self.port = int(re.match(rb"port (\d+)", self.process.stdout.readline()).group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Hub:
    def __init__(self, build, folder, workers, cpus=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(folder / "hub.log", "a")
        started = time.monotonic()
        self.process = subprocess.Popen(
            [build / "ocpi-hub", "serve", "--data", folder / "data", "--listen", f"127.0.0.1:{self.port}", "--public-url", self.url,
             "--workers", str(workers), "--insecure-peers"],
            env={**os.environ, "OCPI_HUB_ADMIN_KEY": KEY, "OCPI_HUB_LOG_LEVEL": "warn"}, stderr=self.log, preexec_fn=pin(cpus) if cpus else None)
        while True:
            try:
                urllib.request.urlopen(self.url + "/readyz", timeout=5).read()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - started > 120:
                    sys.exit(f"the hub did not start, see {folder}/hub.log")
                time.sleep(0.005)
        self.start_seconds = time.monotonic() - started

    def call(self, method, path, body=None, headers=None):
        text, got = must(method, self.url + path, body, {"X-API-KEY": KEY, **(headers or {})})
        return (json.loads(text) if text else None), got

    def metric(self, name):
        text = must("GET", self.url + "/metrics")[0].decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))

    def rss_mb(self):
        """Resident and of it private (the mapped store is page cache that the kernel may drop)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        def kb(key):
            return int(re.search(rf"{key}:\s+(\d+)", status).group(1)) / 1024
        return kb("VmRSS"), kb("RssAnon")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def wrk(url, seconds, connections, script=None, args=(), headers=(), cpus=None):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", str(HERE / script)]
    command += [url]
    if args:
        command += ["--", *args]
    text = subprocess.run(command, capture_output=True, text=True, preexec_fn=pin(cpus) if cpus else None).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        print(f"  warning: {url}: " + "; ".join(line.strip() for line in text.splitlines() if "Non-2xx" in line or "Socket errors" in line))
    match = re.search(r"Requests/sec:\s+(\S+)", text)
    if not match:
        sys.exit(f"wrk failed:\n{text}")
    p99 = re.search(r"99%\s+(\S+)", text)
    return float(match.group(1)), p99.group(1) if p99 else "?"


def ndjson(args):
    return subprocess.run([sys.executable, ROOT / "fixtures/generate.py", *args], capture_output=True, check=True).stdout


def party(hub, party_id, role):
    hub.call("POST", "/v1/parties", {"countryCode": "NL", "partyId": party_id, "roles": [role], "businessDetails": {"name": "Bench"}})


def register(hub, sink, number, role, models=None, version="2.2.1"):
    """One integration with partner `number` of the sink; the token that the partner was given."""
    made, _ = hub.call("POST", "/v1/integrations", {
        "integrationName": f"Sink {number}", "integrationType": "OCPI", "models": models or {},
        "ocpiConnection": {"initialRole": "SENDER", "endpointUrl": f"{sink.url}/p/{number}/versions", "initialToken": f"token-a-of-{number}",
                           "customerRoles": [role], "versions": [version]}})
    for _ in range(500):
        got, _ = hub.call("GET", f"/v1/integrations/{made['id']}?include=none")
        if got["integrationStatus"] == "CONNECTED":
            return made["id"], must("GET", f"{sink.url}/p/{number}/token")[0].decode()
        time.sleep(0.02)
    sys.exit(f"partner {number} is not connected: {got['integrationStatus']} {got['statusDescription']}")


def authorization(token, version="2.2.1"):
    return "Token " + (token if version == "2.1.1" else base64.b64encode(token.encode()).decode())


class Bench:
    def __init__(self, args):
        self.args, self.build = args, Path(args.build)
        # Many short rounds, the sides in turn: a neighbour's burst then spoils a pair or two, not the median.
        self.seconds = 2
        self.rounds = 3 if args.quick else 9
        self.objects = 10000 if args.quick else 100000
        self.rows = []

    def row(self, name, value, baseline, ratio, target, note):
        self.rows.append((name, value, baseline, ratio, target, note))
        print(f"  {name}: {value} against {baseline}, ratio {ratio} (wanted: {target}) {note}", flush=True)

    # ---- reads against a bare handler (and nginx) that sends the same bytes

    def compare_read(self, name, hub, path, token, target):
        text, headers = must("GET", hub.url + path, headers={"Authorization": authorization(token)})
        keep = [k for k in headers.keys() if k.lower() not in ("content-length", "content-type", "connection", "server", "date")]
        body = self.folder / f"{name}.json"
        body.write_bytes(text)
        flat = [item for k in keep for item in (k, headers[k])]
        bare = Server([self.build / "bench/bench_bare", body, *flat], SERVER_CPU)
        nginx = self.start_nginx(body)
        sides = {"hub": [], "bare": [], "nginx": []}
        for _ in range(self.rounds):
            sides["hub"].append(wrk(hub.url + path, self.seconds, 32, headers=["Authorization: " + authorization(token)], cpus=LOAD_CPU)[0])
            sides["bare"].append(wrk(bare.url + "/", self.seconds, 32, headers=["Authorization: " + authorization(token)], cpus=LOAD_CPU)[0])
            if nginx:
                sides["nginx"].append(wrk(nginx[1], self.seconds, 32, cpus=LOAD_CPU)[0])
        bare.stop()
        ratio = statistics.median(h / b for h, b in zip(sides["hub"], sides["bare"]))
        note = f"body {len(text)} bytes"
        if nginx:
            nginx[0].terminate()
            nginx[0].wait(10)
            note += f"; nginx sends the file {statistics.median(sides['nginx']):,.0f}/s, hub/nginx {statistics.median(h / n for h, n in zip(sides['hub'], sides['nginx'])):.2f}"
        self.row(name, f"{statistics.median(sides['hub']):,.0f}/s", f"bare {statistics.median(sides['bare']):,.0f}/s", f"{ratio:.2f}", target, note)

    def start_nginx(self, body):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        if not Path(binary).exists():
            return None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        root = self.folder / "www"
        root.mkdir(exist_ok=True)
        os.chmod(self.folder, 0o755)
        shutil.copy(body, root / body.name)
        conf = self.folder / "nginx.conf"
        conf.write_text(f"daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.err; events {{}}\n"
                        f"http {{ access_log off; sendfile on; keepalive_requests 100000000; default_type application/json; open_file_cache max=10;\n"
                        f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
        process = subprocess.Popen([binary, "-c", str(conf), "-p", str(self.folder)], stderr=subprocess.DEVNULL, preexec_fn=pin(SERVER_CPU))
        time.sleep(0.5)
        return process, f"http://127.0.0.1:{port}/{body.name}"

    def fill(self, hub):
        data = ndjson(["tariffs", "--party", "BEN"])
        hub.call("POST", "/v1/tariffs", data, {"Content-Type": "application/x-ndjson"})
        data = ndjson(["locations", "--party", "BEN", "--count", str(self.objects), "--pad", "2048"])
        before, started = hub.rss_mb(), time.monotonic()
        answer, _ = hub.call("POST", "/v1/locations", data, {"Content-Type": "application/x-ndjson"})
        took, after = time.monotonic() - started, hub.rss_mb()
        if answer["created"] != self.objects:
            sys.exit(f"bulk: {answer}")
        self.row("bulk import over /v1", f"{self.objects / took:,.0f} objects/s", f"{len(data) >> 20} MB body", "-", "report",
                 f"private memory {before[1]:.0f} → {after[1]:.0f} MB")

    def reads(self):
        self.new_folder()
        hub = Hub(self.build, self.folder, 1, SERVER_CPU)
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        self.fill(hub)
        _, token = register(hub, sink, 1, "CPO")
        details = json.loads(must("GET", hub.url + "/ocpi/2.2.1", headers={"Authorization": authorization(token)})[0])
        base = next(e["url"] for e in details["data"]["endpoints"] if e["identifier"] == "locations" and e["role"] == "SENDER")[len(hub.url):]
        if self.wanted("get-one"):
            self.compare_read("get-one", hub, f"{base}/LOC-{self.objects // 2:06d}", token, "0.80")
        if self.wanted("get-page"):
            self.compare_read("get-page", hub, f"{base}?limit=50", token, "0.70")
            self.deep_page(hub, base, token)
        total, private = hub.rss_mb()
        self.row("memory under load", f"{private:.0f} MB private", f"{total:.0f} MB resident with mapped store", "-", "report", f"{self.objects} locations")
        sink.stop()
        hub.stop()

    def deep_page(self, hub, base, token):
        """The last pages by their links against the first page."""
        headers = {"Authorization": authorization(token)}
        offset = self.objects - 100
        _, got = must("GET", f"{hub.url}{base}?limit=50&offset={offset}", headers=headers)
        link = re.search(r"<([^>]+)>", got["Link"]).group(1)
        first, deep = [], []
        for _ in range(self.rounds):
            first.append(wrk(f"{hub.url}{base}?limit=50", 1, 8, headers=["Authorization: " + headers["Authorization"]], cpus=LOAD_CPU)[0])
            deep.append(wrk(link, 1, 8, headers=["Authorization: " + headers["Authorization"]], cpus=LOAD_CPU)[0])
        ratio = statistics.median(d / f for d, f in zip(deep, first))
        self.row("last page by its link", f"{statistics.median(deep):,.0f}/s", f"first page {statistics.median(first):,.0f}/s", f"{ratio:.2f}", "report", "")

    # ---- one object in three versions

    def forms(self):
        """Bulk import while partners of all three versions are registered; then each reads one Location, the stored form against the original."""
        self.new_folder()
        hub = Hub(self.build, self.folder, 1, SERVER_CPU)
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        tokens = {v: register(hub, sink, n + 1, "CPO", version=v)[1] for n, v in enumerate(("2.1.1", "2.2.1", "2.3.0"))}
        data = ndjson(["locations", "--party", "BEN", "--count", str(self.objects)])
        before, peak, over = hub.rss_mb()[1], [0.0], threading.Event()
        watch = threading.Thread(target=lambda: [peak.__setitem__(0, max(peak[0], hub.rss_mb()[1])) for _ in iter(lambda: over.wait(0.02), True)])
        watch.start()
        started = time.monotonic()
        answer, _ = hub.call("POST", "/v1/locations", data, {"Content-Type": "application/x-ndjson"})
        took = time.monotonic() - started
        over.set()
        watch.join()
        if answer["created"] != self.objects:
            sys.exit(f"bulk: {answer}")
        self.row("bulk import with three projections", f"{self.objects / took:,.0f} objects/s", f"{len(data) >> 20} MB body", "-", "report",
                 f"private memory {before:.0f} MB, at most {peak[0]:.0f} MB")
        sides = {}
        for version, token in tokens.items():
            header = {"Authorization": authorization(token, version)}
            details = json.loads(must("GET", f"{hub.url}/ocpi/{version}", headers=header)[0])["data"]["endpoints"]
            base = next(e["url"] for e in details if e["identifier"] == "locations" and e.get("role", "SENDER") == "SENDER")
            url = next(f"{base}/{i}" for i in (f"LOC-{n:06d}" for n in range(self.objects // 2, self.objects))
                       if request("GET", f"{base}/{i}", headers=header)[0] == 200)
            sides[version] = (url, [f"Authorization: {header['Authorization']}"], len(must("GET", url, headers=header)[0]))
        rates = {v: [] for v in sides}
        for _ in range(self.rounds):
            for version, (url, headers, _) in sides.items():
                rates[version].append(wrk(url, self.seconds, 32, headers=headers, cpus=LOAD_CPU)[0])
        for version in ("2.1.1", "2.3.0"):
            ratio = statistics.median(a / b for a, b in zip(rates[version], rates["2.2.1"]))
            self.row(f"GET of a stored projection, {version}", f"{statistics.median(rates[version]):,.0f}/s", f"2.2.1 original {statistics.median(rates['2.2.1']):,.0f}/s",
                     f"{ratio:.2f}", "0.97", f"bodies {sides[version][2]} and {sides['2.2.1'][2]} bytes")
        sink.stop()
        hub.stop()

    # ---- validating against parsing

    def check(self):
        """Locations of about 2 KB, as they come and with long texts: ocpi_read + ocpi_check against yyjson with the same flags and pool."""
        self.new_folder()
        lines = self.folder / "locations.ndjson"
        some = ndjson(["locations", "--count", "5000"]).splitlines()
        long = ndjson(["locations", "--count", "300", "--pad", "2048"]).splitlines()
        for name, objects, least, most in (("check, dense", some, 1800, 2400), ("check, long texts", long, 2048, 2200)):
            lines.write_bytes(b"".join(line + b"\n" for line in objects if least <= len(line) <= most))
            out = subprocess.run([self.build / "bench/bench_micro_ocpi_check", lines, "Location", "2.2.1", "50" if self.args.quick else "300"],
                                 capture_output=True, text=True, check=True).stdout
            size = re.search(r"(\d+) bytes each", out).group(1)
            took = {side: (float(ns), float(ratio)) for side, ns, ratio in re.findall(r"^(.+?) +(\d+) ns +([\d.]+)$", out, re.M)}
            both, normal = took["ocpi_read + ocpi_check"], took["and ocpi_normalise"]
            self.row(name, f"{both[0]:.0f} ns", f"yyjson alone {took['yyjson'][0]:.0f} ns", f"{both[1]:.2f}", "at most 3",
                     f"{size} bytes; parse and walk {took['ocpi_read'][1]:.2f}, with ocpi_normalise {normal[1]:.2f}")

    # ---- an object in another version

    def bridge(self):
        self.new_folder()
        lines = self.folder / "locations.ndjson"
        lines.write_bytes(b"".join(line + b"\n" for line in ndjson(["locations", "--count", "5000"]).splitlines() if 1800 <= len(line) <= 2400))
        for source, target in (("2.2.1", "2.1.1"), ("2.2.1", "2.3.0")):
            out = subprocess.run([self.build / "bench/bench_micro_ocpi_bridge", lines, "Location", source, target, "50" if self.args.quick else "300"],
                                 capture_output=True, text=True, check=True).stdout
            size, losses, there = re.search(r"(\d+) bytes each, (\S+) losses each, (\d+) bytes out", out).groups()
            alone, both = (float(ns) for ns in re.findall(r"(\d+) ns", out))
            self.row(f"bridge one Location {source} → {target}", f"{1e9 / alone:,.0f} objects/s", f"with reading it {1e9 / both:,.0f} objects/s", "-",
                     "report", f"one core; {size} → {there} bytes, {losses} losses each, {alone:.0f} ns")

    # ---- durable writes against a raw LMDB loop

    def compare_write(self, name, hub, value_bytes, keys, run, target, log_bytes=0):
        ratios, ours, raws, batches = [], [], [], []
        for _ in range(self.rounds):
            commits, operations = hub.metric("ocpi_hub_store_commits_total"), hub.metric("ocpi_hub_store_operations_total")
            rate, p99 = run()
            batch = (hub.metric("ocpi_hub_store_operations_total") - operations) / max(1, hub.metric("ocpi_hub_store_commits_total") - commits)
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            out = subprocess.run([self.build / "bench/bench_raw_lmdb", folder, str(keys), str(value_bytes), str(max(1, round(batch))), str(self.seconds),
                                  *([str(log_bytes)] if log_bytes else [])],
                                 capture_output=True, text=True, check=True).stdout
            shutil.rmtree(folder)
            raw = float(out.split()[1])
            ratios.append(rate / raw), ours.append(rate), raws.append(raw), batches.append(batch)
        log = f" and an audit entry of {log_bytes}" if log_bytes else ""
        self.row(name, f"{statistics.median(ours):,.0f}/s", f"raw LMDB {statistics.median(raws):,.0f}/s", f"{statistics.median(ratios):.2f}", target,
                 f"batches of {statistics.median(batches):.0f}, {value_bytes} bytes{log}, p99 {p99}")

    def compare_credentials(self, hub, ids):
        """The same update by a stored key, by an access token, and by a key with a rate limit that never refuses; each against the first, in turn."""
        wanted = {"name": "bench", "permissions": ["INTEGRATION.UPDATE"]}
        key = hub.call("POST", "/v1/keys", wanted)[0]["key"]
        limited = hub.call("POST", "/v1/keys", {**wanted, "rateLimit": {"burst": "1000000/s", "steady": "1000000/s"}})[0]["key"]
        client = hub.call("POST", "/v1/keys", {**wanted, "type": "oauth2"})[0]
        form = f"grant_type=client_credentials&client_id={client['clientId']}&client_secret={client['clientSecret']}".encode()
        text, _ = must("POST", hub.url + "/oauth2/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
        rates = {name: [] for name in ("admin key", "by key", "by access token", "with rate limit")}
        for _ in range(self.rounds):
            for name, secret in zip(rates, (KEY, key, json.loads(text)["access_token"], limited)):
                rates[name].append(wrk(hub.url, self.seconds, 64, "put_integration.lua", [secret, ids])[0])
        for name in list(rates)[1:]:
            against = "admin key" if name == "by key" else "by key"
            ratio = statistics.median(a / b for a, b in zip(rates[name], rates[against]))
            self.row(f"put-integration {name}", f"{statistics.median(rates[name]):,.0f}/s", f"{against} {statistics.median(rates[against]):,.0f}/s",
                     f"{ratio:.2f}", "0.95", "")

    def writes(self):
        self.new_folder()
        hub = Hub(self.build, self.folder, len(CPUS))
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        party(hub, "BEM", "EMSP")
        if self.wanted("put-integration"):
            count = 200 if self.args.quick else 1000
            ids = []
            for n in range(count):
                made, _ = hub.call("POST", "/v1/integrations", {"integrationName": f"Partner {n}", "integrationType": "OCPI",
                                                                "ocpiConnection": {"initialRole": "RECEIVER", "customerRoles": ["CPO"]}})
                ids.append(int(made["id"]))
            wrk(hub.url, 1, 64, "put_integration.lua", [KEY, f"{ids[0]}-{ids[-1]}"])
            entries, _ = hub.call("GET", "/v1/audit?limit=50")
            entry = sum(len(json.dumps(e, separators=(",", ":"))) for e in entries) // len(entries)
            self.compare_write("put-integration", hub, 600, count,
                               lambda: wrk(hub.url, self.seconds, 64, "put_integration.lua", [KEY, f"{ids[0]}-{ids[-1]}"]), "0.60", entry)
            self.compare_credentials(hub, f"{ids[0]}-{ids[-1]}")
        if self.wanted("put-location"):
            _, token = register(hub, sink, 7, "EMSP")
            lines = self.folder / "locations.ndjson"
            usual = [line for line in ndjson(["locations", "--country", "DE", "--party", "S07", "--count", str(self.objects // 10), "--pad", "2048"]).splitlines()
                     if len(line) < 2200]
            random.Random(1).shuffle(usual)  # as the raw loop: keys in no order
            lines.write_bytes(b"\n".join(usual) + b"\n")
            details = json.loads(must("GET", hub.url + "/ocpi/2.2.1", headers={"Authorization": authorization(token)})[0])
            base = next(e["url"] for e in details["data"]["endpoints"] if e["identifier"] == "locations" and e["role"] == "RECEIVER")[len(hub.url):]
            self.compare_write("put-location", hub, sum(map(len, usual)) // len(usual), len(usual),
                               lambda: wrk(hub.url, self.seconds, 64, "put_location.lua", [authorization(token), base, str(lines)]), "0.60")
        sink.stop()
        hub.stop()

    # ---- the list of integrations

    def integration(self, sink, n):
        """Settings as people have them: most are OCPI, half of these with a partner that is connected; of the others each type and provider."""
        names = {"integrationName": f"Partner {n} of the region", "reference": f"ref-{n:06d}", "description": "Roaming by the agreement of last year, see the contract",
                 "entityType": "organisation", "entityId": f"3f2504e0-4f89-41d3-9a0c-{n:012d}", "configData": {"owner": "team-roaming", "costCentre": 4711 + n % 10}}
        if n % 10 < 6:
            sender = n % 10 < 3
            return {**names, "integrationType": "OCPI", "models": {"pushLocation": n % 2 == 0},
                    "ocpiConnection": {"initialRole": "SENDER" if sender else "RECEIVER", "customerRoles": ["CPO"], "versions": ["2.2.1"],
                                       "schedule": {"deltaMinutes": 30 + n % 30, "fullHours": 24},
                                       **({"endpointUrl": f"{sink.url}/p/{n}/versions", "initialToken": f"token-a-of-{n}"} if sender else {})}}
        mail = {"default_sender_email": "hub@example.com", "default_sender_name": "Hub"}
        kinds = [
            {"integrationType": "Webhook", "settings": {"url": "http://127.0.0.1:9/hook", "events": ["location.created", "location.updated", "cdr.created"],
                                                        "secret": "whsec_" + base64.b64encode(b"secret-of-24-bytes-long!").decode()}},
            {"integrationType": "UtilityCloud", "utilityCloudConnection": {"tenant": "acme", "clientId": f"client-{n}", "clientSecret": "s3cr3t-of-the-client-9876",
                                                                           "scope": "invoices.write", "meteredValuesAreSent": True}},
            {"integrationType": "Salesforce", "salesforceConnection": {"endpointUrl": "http://127.0.0.1:9/services/data",
                                                                       "auth": {"type": "oauth2", "clientId": "3MVG9", "clientSecret": "ABCDEF-0123456789"}}},
            {"integrationType": "Messaging", "provider": "sendgrid_email", "settings": {**mail, "api_key": "SG.0123456789abcdef0123456789abcdef"}},
            {"integrationType": "Messaging", "provider": "custom_email_provider",
             "settings": {**mail, "password": "correct horse battery staple", "port": "587", "sending_domain": "example.com", "username": "hub"}},
            {"integrationType": "EInvoicing", "settings": {"endpointUrl": "http://127.0.0.1:9/invoices", "auth": "Bearer 0123456789abcdef0123456789abcdef"}},
            {"integrationType": "DataExport", "settings": {"endpointUrl": "http://127.0.0.1:9/export", "auth": {"type": "basic", "username": "u", "password": "p-0123456789"},
                                                           "format": "csv", "schedule": "daily"}}]
        return {**names, "enabled": False, **kinds[n % len(kinds)]}

    def make_integrations(self, hub, sink, count):
        numbers = iter(range(count))

        def make():
            connection = http.client.HTTPConnection("127.0.0.1", hub.port)
            for n in numbers:
                connection.request("POST", "/v1/integrations", json.dumps(self.integration(sink, n)), {"X-API-KEY": KEY, "Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 201:
                    sys.exit(f"POST /v1/integrations: HTTP {answer.status} {text[:500]!r}")
        makers = [threading.Thread(target=make) for _ in range(16)]
        for thread in makers:
            thread.start()
        for thread in makers:
            thread.join()
        connected, until = 0, time.monotonic() + 120
        while connected < count * 3 // 10:
            connected = int(hub.call("GET", "/v1/integrations?status=CONNECTED&limit=1")[1]["X-Total-Count"])
            if time.monotonic() > until:
                sys.exit(f"only {connected} of {count * 3 // 10} partners are connected")
            time.sleep(0.1)

    def list_integrations(self):
        """Pages from all over the list, by offset and by the links, one after the other on one connection. What is judged is the time that the hub says it
        took (Server-Timing: from the request read to the answer handed to the connection), so that a neighbour of the client does not count as the hub."""
        self.new_folder()
        hub = Hub(self.build, self.folder, 1, SERVER_CPU)
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        count = 1000 if self.args.quick else 10000
        self.make_integrations(hub, sink, count)
        connection = http.client.HTTPConnection("127.0.0.1", hub.port)
        sizes, total = [], 0
        time.sleep(5)  # lines are made about a second after the last change, some thousands a second

        def page(path):
            started = time.monotonic()
            connection.request("GET", path, headers={"X-API-KEY": KEY})
            answer = connection.getresponse()
            text = answer.read()
            took = (time.monotonic() - started) * 1000
            if answer.status != 200 or answer.headers["X-Total-Count"] != str(count):
                sys.exit(f"GET {path}: HTTP {answer.status} {text[:500]!r}")
            sizes.append(len(text))
            link = re.search(r"<https?://[^/]+([^>]+)>", answer.headers["Link"] or "")
            return float(re.search(r"dur=([\d.]+)", answer.headers["Server-Timing"]).group(1)), took, link and link.group(1)
        for _ in range(100):
            page("/v1/integrations?limit=100")
        before, pages, chance = hub.rss_mb()[1], {"offset": [], "link": []}, random.Random(1)
        while total < (2000 if self.args.quick else 10000):
            offset = chance.randrange(count - 100)
            *times, link = page(f"/v1/integrations?offset={offset}&limit=100")
            pages["offset"].append(times)
            for _ in range(4):
                if link:
                    *times, link = page(link)
                    pages["link"].append(times)
            total = sum(map(len, pages.values()))
        after = hub.rss_mb()[1]

        def p99(column, kinds):
            times = sorted(times[column] for kind in kinds for times in pages[kind])
            return times[len(times) // 2], times[len(times) * 99 // 100]
        middle, worst = p99(0, pages)
        self.row(f"list of {count:,} integrations, a page of 100", f"p99 {worst:.2f} ms", "server time", "-", "< 1 ms",
                 f"p50 {middle:.2f} ms; p99 by offset {p99(0, ['offset'])[1]:.2f}, by link {p99(0, ['link'])[1]:.2f}; at the client p50 {p99(1, pages)[0]:.2f}, "
                 f"p99 {p99(1, pages)[1]:.2f}; {len(pages['offset']) + len(pages['link'])} pages of {statistics.mean(sizes) / 1024:.0f} KiB; "
                 f"private memory {before:.1f} → {after:.1f} MB")
        connection.close()
        hub.stop()
        hub = Hub(self.build, self.folder, 1, SERVER_CPU)  # a process makes its own lines: there are none in the first half second
        connection = http.client.HTTPConnection("127.0.0.1", hub.port)
        first = sorted(page(f"/v1/integrations?offset={chance.randrange(count - 100)}&limit=100")[0] for _ in range(20))
        self.row(f"list of {count:,} integrations, right after a start", f"p50 {first[10]:.2f} ms", "server time", "-", "report", "each object read and written anew")
        sink.stop()
        hub.stop()

    # ---- one status change, 100 partners

    def status_push(self):
        self.new_folder()
        hub = Hub(self.build, self.folder, len(CPUS))
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        partners = 20 if self.args.quick else 100
        hub.call("POST", "/v1/locations", ndjson(["locations", "--party", "BEN", "--count", "50"]), {"Content-Type": "application/x-ndjson"})
        locations = [json.loads(line) for line in ndjson(["locations", "--party", "BEN", "--count", "50"]).splitlines()]
        for n in range(partners):
            register(hub, sink, n, "CPO", {"pushLocation": True})
        self.until_quiet(sink)
        latencies = []
        statuses = ["AVAILABLE", "CHARGING"]
        for n in range(10 if self.args.quick else 40):
            must("POST", sink.url + "/reset")
            location = locations[n % len(locations)]
            hub.call("POST", "/v1/evse-status", [self.change(location, "RESERVED")])
            acknowledged = time.monotonic_ns()
            self.until(sink, partners)
            latencies += [(at - acknowledged) / 1e6 for at in json.loads(must("GET", sink.url + "/arrivals")[0])]
        latencies.sort()
        must("POST", sink.url + "/reset")
        changes = [self.change(location, statuses[r % 2], evse) for r in range(4) for location in locations for evse in range(len(location["evses"]))]
        started = time.monotonic()
        for at in range(0, len(changes), 200):
            hub.call("POST", "/v1/evse-status", changes[at:at + 200])
        count = self.until_quiet(sink)
        took = (max(json.loads(must("GET", sink.url + "/arrivals")[0])) / 1e9) - started
        self.row("status-push", f"{count / took:,.0f} PATCHes/s", f"{partners} partners", "-", "report",
                 f"acknowledged → received: p50 {latencies[len(latencies) // 2]:.1f} ms, p99 {latencies[int(len(latencies) * 0.99)]:.1f} ms")
        sink.stop()
        hub.stop()

    @staticmethod
    def change(location, status, evse=0):
        return {"country_code": "NL", "party_id": "BEN", "location_id": location["id"], "evse_uid": location["evses"][evse]["uid"], "status": status}

    @staticmethod
    def received(sink):
        return json.loads(must("GET", sink.url + "/stats")[0])["received"]

    def until(self, sink, count):
        for _ in range(5000):
            if self.received(sink) >= count:
                return
            time.sleep(0.002)
        print(f"  warning: {self.received(sink)} of {count} arrived")

    def until_quiet(self, sink):
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1.5:
            now = self.received(sink)
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.05)
        return last

    # ---- start with a million locations

    def million(self):
        self.new_folder()
        hub = Hub(self.build, self.folder, len(CPUS))
        sink = Server([self.build / "bench/bench_sink"])
        party(hub, "BEN", "CPO")
        _, token = register(hub, sink, 1, "CPO")
        started = time.monotonic()
        data = ndjson(["locations", "--party", "BEN", "--count", "100000", "--pad", "2048"])
        for part in range(10):
            chunk = data if part == 0 else data.replace(b'"id":"LOC-', b'"id":"L%02d-' % part)
            hub.call("POST", "/v1/locations", chunk, {"Content-Type": "application/x-ndjson"})
        took = time.monotonic() - started
        hub.stop()
        hub = Hub(self.build, self.folder, len(CPUS))
        total, private = hub.rss_mb()
        self.row("start with 1,000,000 locations", f"{hub.start_seconds:.2f} s", "until /readyz", "-", "< 1 s",
                 f"idle {private:.0f} MB private, {total:.0f} MB resident; loaded at {1e6 / took:,.0f} objects/s")
        rate, _ = wrk(f"{hub.url}/ocpi/2.2.1/sender/locations?limit=50", 5, 64, "walk_pages.lua", [authorization(token)])
        total, private = hub.rss_mb()
        self.row("memory under load, 1,000,000 locations", f"{private:.0f} MB private", f"{total:.0f} MB resident with mapped store", "-", "report",
                 f"{rate:,.0f} pages of 50 a second, each from elsewhere in the list")
        sink.stop()
        hub.stop()

    def new_folder(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ocpi-hub-bench-"))
        self.folders.append(self.folder)

    folders = []

    def wanted(self, name):
        return not self.args.only or name in self.args.only.split(",")

    def run(self):
        try:
            if self.wanted("check"):
                self.check()
            if self.wanted("forms"):
                self.forms()
            if self.wanted("bridge"):
                self.bridge()
            if self.wanted("get-one") or self.wanted("get-page"):
                self.reads()
            if self.wanted("put-integration") or self.wanted("put-location"):
                self.writes()
            if self.wanted("list-integrations"):
                self.list_integrations()
            if self.wanted("status-push"):
                self.status_push()
            if self.args.million or self.args.only == "start-million":
                self.million()
        finally:
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)
        table = ["| figure | measured | compared with | ratio | wanted | note |", "|---|---|---|---|---|---|"]
        table += ["| " + " | ".join(row) + " |" for row in self.rows]
        print("\n" + "\n".join(table))
        if self.args.out:
            Path(self.args.out).write_text(f"Measured {time.strftime('%Y-%m-%d')}, {len(CPUS)} cores.\n\n" + "\n".join(table) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--out")
    Bench(parser.parse_args()).run()


if __name__ == "__main__":
    main()
