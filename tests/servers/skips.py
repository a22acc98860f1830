"""What happens when the machine lacks what a test needs.

Such a test is skipped and says what is missing and how to get it. Where nothing may be skipped
(``CI=true`` or ``SOCIALDESK_NO_SKIPS=1``) every skip, whoever asked for it, is a failure instead.
The two hooks work from a ``conftest.py`` that imports them.
"""

import os
from collections.abc import Generator, Mapping
from typing import NoReturn

import pytest

_YES = {"1", "true", "yes"}


def lacking(what: str, remedy: str) -> NoReturn:
    """End the running test: the machine lacks ``what``, and ``remedy`` is how to get it."""
    pytest.skip(f"{what} ({remedy})")


def skips_are_failures(environment: Mapping[str, str]) -> bool:
    """Whether this run may leave nothing out."""
    names = ("CI", "SOCIALDESK_NO_SKIPS")
    return any(environment.get(name, "").lower() in _YES for name in names)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so expected failures are marked already
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and skips_are_failures(os.environ):
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in this run: {_reason(report)}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
