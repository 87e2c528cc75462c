"""The table of rules in tests/README.md names tests that exist."""
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r"(unit|e2e|crash)/(\w+)((?: `\w+`)+)")


def test_every_test_of_the_table_exists():
    named = 0
    for line in (TESTS / "README.md").read_text().splitlines():
        if not line.startswith("| ") or "`" not in line:
            continue
        for folder, name, tests in ENTRY.findall(line):
            path = TESTS / folder / (name + (".c" if folder == "unit" else ".py"))
            text = path.read_text()
            for test in re.findall(r"`(\w+)`", tests):
                named += 1
                assert re.search(rf"\b{test}\(", text), f"{path.name} has no {test}: {line[:60]}"
    assert named > 100
