"""Fixtures for every test; their meaning is written where they are made.

Tests and async fixtures run in an event loop per test. Nothing that outlives a test lives in a
loop: the servers below are processes, started and ended by plain fixtures, and a browser is quick
enough to start (about a second) to be had anew by each test that wants one.
"""

from tests.servers.bluesky import bluesky_network, pds
from tests.servers.chromium import browser, browser_program, new_page, page
from tests.servers.postgres import (
    database_url,
    postgresql,
    postgresql_url,
    postgresql_with_extensions,
)
from tests.servers.skips import pytest_make_collect_report, pytest_runtest_makereport
from tests.servers.tls import tls_server

__all__ = [
    "bluesky_network",
    "browser",
    "browser_program",
    "database_url",
    "new_page",
    "page",
    "pds",
    "postgresql",
    "postgresql_url",
    "postgresql_with_extensions",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "tls_server",
]
