"""Stopping: what is under way is answered, nothing aborts, exit code 0."""

import http.client
import signal
import socket
import subprocess
import threading
import time

import pytest
from hubtest import Hub, wait_until


def load(hub, stop, answers, errors):
    """Requests over kept connections until the server closes; an answer that breaks off is an error."""
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
        try:
            connection.connect()
        except OSError:
            return  # no longer listening
        try:
            for _ in range(50):
                connection.request("GET", "/healthz")
                reply = connection.getresponse()
                reply.read()
                answers.append(reply.status)
                if reply.getheader("Connection") == "close":
                    break
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            pass  # a kept connection may be closed between two requests
        except Exception as error:
            errors.append(repr(error))
        finally:
            connection.close()


@pytest.mark.parametrize("round_", range(3))
def test_stop_under_load_exits_0(round_):
    with Hub(workers=2) as hub:
        stop, answers, errors = threading.Event(), [], []
        threads = [threading.Thread(target=load, args=(hub, stop, answers, errors)) for _ in range(6)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) > 100)
        begin = time.monotonic()
        hub.stop(timeout=15)
        took = time.monotonic() - begin
        stop.set()
        for thread in threads:
            thread.join()
        assert not errors
        assert set(answers) == {200}
        assert took < 9, took
        assert hub.events("stopped")


def test_stop_with_idle_half_sent_and_open_connections():
    with Hub("--request-timeout-ms", "1000") as hub:
        sockets = [socket.create_connection(("127.0.0.1", hub.port), 5) for _ in range(20)]
        for i, s in enumerate(sockets):
            if i % 2:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        time.sleep(0.2)
        begin = time.monotonic()
        hub.stop(timeout=15)
        assert time.monotonic() - begin < 9
        for s in sockets:
            s.close()


def test_a_request_begun_before_the_signal_is_answered():
    with Hub() as hub:
        with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
            s.sendall(b"POST /v1/parties HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
            time.sleep(0.3)
            hub.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            s.sendall(b"}")
            answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 401") and b"Connection: close" in answer
        assert hub.process.wait(15) == 0
        hub.check_log()
        hub.process = None


def test_stop_right_after_start():
    for _ in range(3):
        with Hub() as hub:
            hub.stop()


def test_sigint_stops_too_and_a_second_signal_ends_at_once():
    hub = Hub("--drain-timeout-ms", "20000")
    try:
        with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
            s.sendall(b"POST /v1/parties HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{")
            time.sleep(0.2)
            hub.process.send_signal(signal.SIGINT)
            wait_until(lambda: hub.events("stopping"))
            with pytest.raises(subprocess.TimeoutExpired):
                hub.process.wait(0.7)
            hub.process.send_signal(signal.SIGINT)
            assert hub.process.wait(3) != 0
        hub.check_log()
    finally:
        hub.process = None
        hub.close()
    with Hub() as again:
        again.process.send_signal(signal.SIGINT)
        assert again.process.wait(10) == 0
        again.process = None
