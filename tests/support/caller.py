"""tests/support/peer_caller.c as an object: outbound calls of the peer room alone."""

import json
import os
import pathlib
import subprocess

PROGRAM = pathlib.Path(os.environ.get("HUB_BUILD_DIR", "build/dev")) / "tests" / "peer_caller"


class Caller:
    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, **call):
        """The result as a dict: err, status, detail, answer, blocked_ms."""
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        self.process.stdin.close()
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        code = self.process.wait(20)
        if kind is None:
            assert code == 0 and not errors, errors  # nothing is written there: no sanitizer has a word to say, no credential is traced
