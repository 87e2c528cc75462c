import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

import hubtest  # noqa: E402


@pytest.fixture
def hub():
    with hubtest.Hub() as started:
        yield started


@pytest.fixture
def partner():
    with hubtest.Partner() as started:
        yield started
