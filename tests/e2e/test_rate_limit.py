"""Rate limits of API keys: 429, Retry-After, RateLimit-*, across workers."""

import concurrent.futures
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, fetch  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub(workers=2) as hub:
        yield hub


def make(hub, **limits):
    return hub.post("/v1/keys", {"name": "limited", "permissions": ["PARTY.READ"], "rateLimit": limits})["key"]


def limits_of(reply):
    return tuple(int(reply.headers["RateLimit-" + name]) for name in ("Limit", "Remaining", "Reset"))


def test_without_a_limit_nothing_is_said(hub):
    key = hub.post("/v1/keys", {"name": "free", "permissions": ["PARTY.READ"]})["key"]
    for key in (key, None):
        reply = hub.request("GET", "/v1/parties", key=key)
        assert reply.status == 200 and not any(name.lower().startswith("ratelimit") for name in reply.headers)


def test_the_bucket_is_spent_refused_and_fills_again(hub):
    key = make(hub, burst="3/s", steady="1000/h")
    seen = [hub.request("GET", "/v1/parties", key=key) for _ in range(3)]
    assert [r.status for r in seen] == [200] * 3
    assert [limits_of(r)[:2] for r in seen] == [(3, 2), (3, 1), (3, 0)] and limits_of(seen[2])[2] == 1
    reply = hub.request("GET", "/v1/parties", key=key)
    assert reply.status == 429 and reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["status"] == reply.body["code"] == 429 and reply.body["title"] == "Too Many Requests"
    assert reply.headers.get_all("Retry-After") == ["1"] and limits_of(reply)[:2] == (3, 0)
    assert hub.request("GET", "/v1/parties").status == 200  # another key is not concerned
    time.sleep(1.05)
    assert hub.request("GET", "/v1/parties", key=key).status == 200


def test_the_steady_rate_holds_beside_the_burst(hub):
    key = make(hub, burst="100/s", steady="2/h")
    assert [hub.request("GET", "/v1/parties", key=key).status for _ in range(4)] == [200, 200, 429, 429]
    reply = hub.request("GET", "/v1/parties", key=key)
    assert limits_of(reply)[0] == 2 and 1700 < int(reply.headers["Retry-After"]) <= 1800


def test_the_longest_wait_is_told_when_both_are_spent(hub):
    key = make(hub, burst="1/s", steady="1/h")
    reply = hub.request("GET", "/v1/parties", key=key)
    assert reply.status == 200 and limits_of(reply)[1] == 0 and 3590 < limits_of(reply)[2] <= 3600
    for wait in (0, 1.1):
        time.sleep(wait)
        reply = hub.request("GET", "/v1/parties", key=key)
        assert reply.status == 429 and 3590 < int(reply.headers["Retry-After"]) <= 3600 and limits_of(reply)[2] == int(reply.headers["Retry-After"])


def test_one_half_alone_is_a_limit(hub):
    key = make(hub, steady="2/d", burst=None)
    assert [hub.request("GET", "/v1/parties", key=key).status for _ in range(3)] == [200, 200, 429]


def test_refusals_and_errors_count_too(hub):
    key = make(hub, burst="2/h")
    assert hub.request("GET", "/v1/keys", key=key).status == 403
    assert hub.request("GET", "/v1/parties/77", key=key).status == 404
    assert hub.request("GET", "/v1/parties", key=key).status == 429


def test_workers_share_the_bucket(hub):
    key = make(hub, burst="40/h")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: hub.request("GET", "/v1/parties", key=key).status, range(80)))
    assert statuses.count(200) == 40 and statuses.count(429) == 40


def test_tokens_of_a_client_share_its_bucket(hub):
    made = hub.post("/v1/keys", {"name": "c", "type": "oauth2", "permissions": ["PARTY.READ"], "rateLimit": {"burst": "4/h"}})
    form = f"grant_type=client_credentials&client_id={made['clientId']}&client_secret={made['clientSecret']}"
    def ask():
        return fetch(hub.url + "/oauth2/token", "POST", form, {"Content-Type": "application/x-www-form-urlencoded"})
    tokens = [ask().body["access_token"] for _ in range(2)]
    assert [hub.request("GET", "/v1/parties", key=token).status for token in tokens + tokens] == [200, 200, 429, 429]
    assert ask().status == 429
