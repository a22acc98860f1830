"""A test that the machine can't run is skipped with words, and fails where nothing may be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.skips import skips_are_failures

ROOT = Path(__file__).parents[2]

NEEDY = """
import pytest
from tests.servers.skips import lacking

@pytest.fixture
def browser():
    lacking("Chromium is not on this machine", "apt install chromium")

def test_by_fixture(browser):
    pass

def test_in_the_test():
    pytest.skip("for a reason")

@pytest.mark.skipif(True, reason="another machine")
def test_by_mark():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    raise AssertionError

def test_that_runs():
    pass
"""

WHOLE_MODULE = """
import pytest
pytest.importorskip("no_such_module_at_all")
"""


def run(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a file of tests in a pytest of its own, with only the hooks under test."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(source)
    alone = ["-rsf", "-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), str(folder)]
    plain = {k: v for k, v in os.environ.items() if k not in {"CI", "SOCIALDESK_NO_SKIPS"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.servers.skips", *alone],
        cwd=ROOT,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_skip_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    outcome = run(tmp_path, NEEDY)
    assert outcome.returncode == 0
    assert "1 passed, 3 skipped, 1 xfailed" in outcome.stdout
    assert "Chromium is not on this machine (apt install chromium)" in outcome.stdout


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"SOCIALDESK_NO_SKIPS": "1"}])
def test_where_nothing_may_be_skipped_every_skip_is_a_failure(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    outcome = run(tmp_path, NEEDY, **environment)
    assert outcome.returncode == 1
    assert "1 passed, 1 xfailed" in outcome.stdout
    assert "skipped," not in outcome.stdout
    for reason in ("Chromium is not on this machine", "for a reason", "another machine"):
        assert f"nothing may be skipped in this run: Skipped: {reason}" in outcome.stdout


def test_a_whole_module_that_skips_itself_is_a_failure_too(tmp_path: Path) -> None:
    assert run(tmp_path, WHOLE_MODULE).returncode == 5  # pytest's "no test ran"
    assert run(tmp_path, WHOLE_MODULE, CI="true").returncode not in {0, 5}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "false"}, False),
        ({"CI": ""}, False),
        ({"SOCIALDESK_NO_SKIPS": "1"}, True),
        ({"SOCIALDESK_NO_SKIPS": "0"}, False),
    ],
)
def test_what_the_environment_says_counts(environment: dict[str, str], expected: bool) -> None:
    assert skips_are_failures(environment) is expected
