"""libocpi, installed into a prefix of its own: a program that links to nothing else of this project, by find_package and by hand."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HUB_BUILD_DIR"])
LOCATIONS = ROOT / "fixtures" / "2.2.1" / "locations"


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libocpi")
    run("cmake", "--install", BUILD, "--prefix", folder, "--component", "libocpi")
    return folder


def cache(name):
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


def validates(program):
    good = subprocess.run([program, LOCATIONS / "good" / "home_charger_not_published.json", "2.2.1", "Location"], capture_output=True, text=True)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = subprocess.run([program, LOCATIONS / "bad" / "required_city.json", "2.2.1", "Location"], capture_output=True, text=True)
    assert bad.returncode == 1 and "/city [required] city is required\n" in bad.stdout


def test_a_program_finds_it_with_cmake(prefix, tmp_path):
    run("cmake", "-G", "Ninja", "-S", ROOT / "tests" / "libocpi", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={cache('CMAKE_C_COMPILER')}")
    run("cmake", "--build", tmp_path)
    validates(tmp_path / "validate")


def test_a_program_is_compiled_by_hand_as_plain_c(prefix, tmp_path):
    sanitize = [f"-fsanitize={cache('HUB_SANITIZE')}"] if cache("HUB_SANITIZE") else []
    archive = next(prefix.rglob("libocpi.a"))
    run(cache("CMAKE_C_COMPILER"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *sanitize, f"-I{prefix}/include",
        ROOT / "tests" / "libocpi" / "validate.c", archive, "-lyyjson", "-lpthread", "-o", tmp_path / "validate")
    validates(tmp_path / "validate")


def test_nothing_else_is_installed(prefix):
    headers = sorted(str(p.relative_to(prefix / "include")) for p in (prefix / "include").rglob("*") if p.is_file())
    assert headers == ["hub/base.h", "hub/err.def", "ocpi/ocpi.h"] + [f"ocpi/tbl/{t}.def" for t in ("module", "object", "role", "version")]
    others = sorted(p.name for p in prefix.rglob("*") if p.is_file() and prefix / "include" not in p.parents)
    assert others == ["libocpi.a", "ocpiConfig.cmake", "ocpiConfigVersion.cmake"]
    for name in headers:
        assert not re.search(r"hub/(core|store|crypto|http|peer)\.h|lmdb|mbedtls|h2o|curl", (prefix / "include" / name).read_text()), name
