"""ocpi/REFERENCE.md is what the rows say."""
import os
import subprocess
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "ocpi" / "REFERENCE.md"


def test_the_page_is_printed_from_the_rows():
    printed = subprocess.run([os.path.join(os.environ["HUB_BUILD_DIR"], "ocpi-reference")], capture_output=True, text=True, check=True).stdout
    assert PAGE.read_text() == printed, "the rows have changed: make reference"


def test_every_object_and_enum_stands_in_it():
    text, tables = PAGE.read_text(), PAGE.parent / "tbl"
    for name, macro in (("object.def", "OCPI_OBJECT("), ("enum.def", "OCPI_ENUM(")):
        for line in (tables / name).read_text().splitlines():
            if line.startswith(macro):
                assert f"### {line.split(chr(34))[1]}\n" in text, line
