"""The recipes of ocpi/README.md, followed: a made-up field, module and version go into a copy of libocpi, whose own tests must then pass; the files that
were touched are those that the recipe counts, and no others. The files of the hub that a recipe names hold such rows."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "ocpi" / "README.md").read_text()


def counted(recipe, where="Files"):
    """The files that the recipe lists, and the number that it says."""
    text = re.search(rf"^## {recipe}\n(.*?)(?=^## |\Z)", README, re.S | re.M).group(1)
    number, names = re.search(rf"^{where}, (\d+):((?:[ \n]`[^`]+`)+)", text, re.M).groups()
    names = set(re.findall(r"`([^`]+)`", names))
    assert len(names) == int(number), recipe
    return names


class Copy:
    """libocpi, its fixtures and tests in a folder of their own, and a note of what was touched."""

    def __init__(self, folder):
        self.folder, self.touched = folder, set()
        for part in ("ocpi", "include", "src/base", "fixtures", "tests/unit", "tests/support"):
            shutil.copytree(ROOT / part, folder / part)

    def note(self, name):
        self.touched.add(re.sub(r"^fixtures/[\d.]+/\w+/(good|bad)/.*", r"fixtures/<version>/<module>/\1", name))

    def after(self, name, line, more):
        """Lines behind the first one that begins so; None: at the end of the file."""
        path = self.folder / name
        text = path.read_text()
        at = len(text) if line is None else text.index("\n", text.index(f"\n{line}") + 1) + 1
        path.write_text(text[:at] + more + text[at:])
        self.note(name)

    def replace(self, name, pattern, text):
        path = self.folder / name
        changed = re.sub(pattern, text, path.read_text())
        assert changed != path.read_text(), name
        path.write_text(changed)
        self.note(name)

    def file(self, name, source, old=None, new=None):
        """A fixture from another one."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (self.folder / source).read_text()
        assert old is None or old in text
        path.write_text(text.replace(old, new, 1) if old else text)
        self.note(name)

    def build(self):
        flags = ["-std=gnu17", "-D_GNU_SOURCE", '-DHUB_VERSION="0"', f'-DHUB_SOURCE_DIR="{self.folder}"', "-O0", "-w", "-I", "include", "-I", ".",
                 "-I", "tests/support"]
        units = ["ocpi/*.c", "src/base/*.c"]
        shell = f"ls {' '.join(units)} | xargs -P2 -n4 cc {' '.join(map(repr, flags))} -c && ar rcs lib.a *.o"
        subprocess.run(shell, shell=True, cwd=self.folder, check=True)
        self.flags = flags

    def run(self, source):
        """A program of the copy: what it prints. The facts of the specification know nothing of made-up rows."""
        program = self.folder / Path(source).stem
        subprocess.run(["cc", *self.flags, source, "-o", program, "lib.a", "-lyyjson", "-lcmocka", "-lpthread", "-lm"], cwd=self.folder, check=True)
        done = subprocess.run([program], cwd=self.folder, env={**os.environ, "OCPI_SPEC_DIR": "/nowhere"}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def prove(self, *tests):
        self.build()
        for test in tests:
            self.run(f"tests/unit/{test}.c")
        page = self.run("ocpi/reference/main.c")
        assert page != (self.folder / "ocpi/REFERENCE.md").read_text()
        self.touched.add("ocpi/REFERENCE.md")
        return page


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


def test_add_a_field(copy):
    copy.after("ocpi/tbl/field.def", "OCPI_FIELD(help_phone,", "OCPI_FIELD(landmark, STRING, NONE, 40, MAYBE, V230, PLAIN, NONE)\n")
    copy.after("ocpi/tbl/bridge.def", "OCPI_MOVE(LOCATION, help_phone,", 'OCPI_MOVE(LOCATION, landmark, V230, V211 | V221, DROP, NONE, "", LOSSY, "new")\n')
    good = "fixtures/2.3.0/locations/good/"
    copy.file(good + "landmark.json", good + "smallest.json", '"city"', '"landmark": "the clock tower",\n  "city"')
    copy.file("fixtures/2.3.0/locations/bad/length_landmark.json", good + "landmark.json", "the clock tower", "the clock tower" * 3)
    page = copy.prove("ocpi_check_test", "ocpi_fixture_test", "ocpi_table_test", *bridge_tests())
    assert "| `landmark` | | | string(40) ? | 2.3.0 → 2.1.1, 2.2.1: DROP, lossy (new) |" in page
    assert copy.touched == counted("Add a field")


def bridge_tests():
    return sorted(p.stem for p in (ROOT / "tests/unit").glob("ocpi_bridge*_test.c"))


def test_add_a_module(copy):
    copy.after("ocpi/tbl/object.def", None, 'OCPI_OBJECT(PERMIT, "Permit", PERMITS)\n')
    copy.after("ocpi/tbl/field.def", None, """
OCPI_FIELDS(PERMIT)
OCPI_FIELD(country_code, CISTRING, NONE, 2, ONE, V230, IDENTITY, NONE)
OCPI_FIELD(party_id, CISTRING, NONE, 3, ONE, V230, IDENTITY, NONE)
OCPI_FIELD(id, CISTRING, NONE, 36, ONE, V230, IDENTITY, NONE)
OCPI_FIELD(kind, ENUM, PERMIT_KIND, 0, ONE, V230, PLAIN, NONE)
OCPI_FIELD(last_updated, DATETIME, NONE, 25, ONE, V230, STAMPED, NONE)
OCPI_FIELDS_END
""")
    copy.after("ocpi/tbl/enum.def", None, '\nOCPI_ENUM(PERMIT_KIND, "PermitKind", 0)\nOCPI_VALUE("RESIDENT", V230)\nOCPI_ENUM_END\n')
    copy.after("ocpi/tbl/enum.def", 'OCPI_VALUE("credentials"', 'OCPI_VALUE("permits", V230)\n')
    copy.after("ocpi/tbl/module.def", None, 'OCPI_MODULE(PERMITS, "permits", OCPI_V2_3_0, PERMIT, FUNCTIONAL)\n')
    copy.after("ocpi/tbl/side.def", "OCPI_SIDES(CPO, LOCATIONS", "OCPI_SIDES(CPO, PERMITS, OCPI_SENDER)\nOCPI_SIDES(EMSP, PERMITS, OCPI_RECEIVER)\n")
    copy.after("ocpi/tbl/route.def", None, "OCPI_ROUTE(PERMITS, SENDER, V230, LIST, OCPI_GET, 0)\n"
                                           "OCPI_ROUTE(PERMITS, RECEIVER, V230, OBJECT, OCPI_GET | OCPI_PUT, 3)\n")
    text = '{"country_code": "SE", "party_id": "OHM", "id": "P%d", "kind": "RESIDENT", "last_updated": "2026-03-14T09:26:53Z"}'
    for n in range(2):
        name = f"fixtures/2.3.0/permits/good/permit_{n}.json"
        (copy.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (copy.folder / name).write_text(text % n)
        copy.note(name)
    fields = {"country_code": '"country_code": "SE", ', "party_id": '"party_id": "OHM", ', "id": '"id": "P0", ', "kind": '"kind": "RESIDENT", '}
    good, bad = "fixtures/2.3.0/permits/good/permit_0.json", "fixtures/2.3.0/permits/bad/"
    for name, member in fields.items():
        copy.file(f"{bad}required_{name}.json", good, member, "")
        copy.file(f"{bad}type_{name}.json", good, member, f'"{name}": [1], ')
    page = copy.prove("ocpi_check_test", "ocpi_fixture_test", "ocpi_table_test", "ocpi_normalise_test")
    assert "### Permit\n" in page and "| permits | RECEIVER | 3 | 2.3.0 | GET PUT |" in page
    assert copy.touched == counted("Add a module")


def test_add_a_version(copy):
    copy.after("ocpi/tbl/version.def", None, 'OCPI_VERSION(2_4_0, 3, "2.4.0")\n')
    copy.after("ocpi/schema.h", "#define V230", "#define V240 OCPI_V2_4_0\n")
    for name in ("field", "enum", "rule", "bridge"):
        copy.replace(f"ocpi/tbl/{name}.def", r"\bV230\b", "V230 | V240")
    copy.replace("ocpi/tbl/module.def", r"\bOCPI_V2_3_0\b", "OCPI_V2_3_0 | OCPI_V2_4_0")
    copy.after("ocpi/tbl/enum.def", 'OCPI_VALUE("2.3.0"', 'OCPI_VALUE("2.4.0", V240)\n')
    for path in sorted((copy.folder / "fixtures/2.3.0").glob("*/*/*.json")):
        kind = path.relative_to(copy.folder / "fixtures/2.3.0")
        copy.file(f"fixtures/2.4.0/{kind}", f"fixtures/2.3.0/{kind}")
    page = copy.prove("ocpi_check_test", "ocpi_fixture_test", "ocpi_table_test")
    assert "| field | 2.1.1 | 2.2.1 | 2.3.0 | 2.4.0 | bridge |" in page
    assert "| tariffs | SENDER | 0 | 2.1.1, 2.2.1, 2.3.0, 2.4.0 | GET |" in page
    assert copy.touched == counted("Add a version")


@pytest.mark.parametrize("module", ["LOCATIONS", "TARIFFS", "SESSIONS", "CDRS", "TOKENS"])
def test_the_hub_has_rows_of_every_module_where_the_recipe_says(module):
    for name in counted("Add a module", "Files of the hub"):
        assert re.search(rf"\b(OCPI_MODULE_)?{module}\b", (ROOT / name).read_text()), f"{name} has no row of {module}"


def test_the_hub_keeps_every_version_where_the_recipe_says():
    versions = re.findall(r"^OCPI_VERSION\((\w+),", (ROOT / "ocpi/tbl/version.def").read_text(), re.M)
    slots, store = sorted(counted("Add a version", "Files of the hub"), key=lambda name: "store" in name)
    assert all(f"OCPI_V{v}" in (ROOT / slots).read_text() for v in versions)
    assert re.search(rf"HUB_OBJECT_FORMS\b\D*{len(versions)}\b", (ROOT / store).read_text())
