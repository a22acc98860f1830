"""The set-up says what is missing, is done once, and installs what is pinned."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

# Answers as a Python does, except where a test wants it to lack something. The virtual environment
# that it makes has itself as its Python, and what pip is asked is written down.
PYTHON = """#!/bin/sh
case "$*" in
    "--version") echo "Python 3.{minor}.1" ;;
    *"version_info < "*) [ {minor} -ge 11 ] ;;
    *"import ensurepip"*) {has_venv} ;;
    *"sys.version_info["*) echo "3.{minor}" ;;
    "-m venv --clear .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip install "*) echo "$*" >>pip-calls ;;
    "-m compileall "*) echo "$*" >>compile-calls ;;
    *) echo "asked: $*" >&2; exit 99 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What set-up looks at, apart from the real tree."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def a_python(folder: Path, minor: int = 12, *, has_venv: bool = True) -> Path:
    program = folder / "a-python"
    program.write_text(PYTHON.format(minor=minor, has_venv=str(has_venv).lower()))
    program.chmod(0o755)
    return program


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL"}}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def pip_calls(folder: Path) -> list[str]:
    return (folder / "pip-calls").read_text().splitlines()


def test_help_is_what_a_bare_make_shows(checkout: Path) -> None:
    shown = make(checkout).stdout
    described = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"play", "run", "test", "setup", "check", "bench", "clean"} <= set(described)
    for target in described:
        assert f"make {target} " in shown


def test_no_python_is_told(checkout: Path) -> None:
    outcome = make(checkout, "play", "PYTHON=no-python-here")
    assert outcome.returncode != 0
    assert "there is no no-python-here here" in outcome.stderr
    assert "apt install python3 python3-venv" in outcome.stderr


def test_an_old_python_is_told_with_its_version(checkout: Path) -> None:
    outcome = make(checkout, "play", f"PYTHON={a_python(checkout, minor=10)}")
    assert outcome.returncode != 0
    assert "Python 3.11 or later is needed" in outcome.stderr
    assert "is Python 3.10.1" in outcome.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_names_the_package_to_install(checkout: Path) -> None:
    outcome = make(checkout, "play", f"PYTHON={a_python(checkout, minor=13, has_venv=False)}")
    assert outcome.returncode != 0
    assert "apt install python3.13-venv" in outcome.stderr
    assert not (checkout / ".venv").exists()


def test_packages_are_installed_once_and_again_when_what_is_wanted_changed(checkout: Path) -> None:
    python = f"PYTHON={a_python(checkout)}"
    for _ in range(2):
        assert make(checkout, "setup", python).returncode == 0
    [call] = pip_calls(checkout)
    assert "--constraint constraints.txt" in call
    assert call.endswith("--editable .")
    assert (checkout / "compile-calls").read_text() == "-m compileall -qq bot handlers storage\n"

    later = (checkout / ".venv/packages-installed").stat().st_mtime + 10
    os.utime(checkout / "constraints.txt", (later, later))
    assert make(checkout, "setup", python).returncode == 0
    assert len(pip_calls(checkout)) == 2


def test_the_tests_packages_include_the_others(checkout: Path) -> None:
    python = f"PYTHON={a_python(checkout)}"
    assert make(checkout, ".venv/test-packages-installed", python).returncode == 0
    assert make(checkout, "setup", python).returncode == 0
    [call] = pip_calls(checkout)
    assert call.endswith("--editable .[dev]")


def test_what_failed_to_install_is_tried_again(checkout: Path) -> None:
    python = a_python(checkout)
    working = python.read_text()
    python.write_text(working.replace(">>pip-calls", ">>pip-calls; exit 1"))
    assert make(checkout, "setup", f"PYTHON={python}").returncode != 0
    (checkout / ".venv/bin/python").write_text(working)
    assert make(checkout, "setup", f"PYTHON={python}").returncode == 0
    assert len(pip_calls(checkout)) == 2


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(n): v for n, _, v in (line.partition("==") for line in lines)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned: make constraints"
        assert requirement.specifier.contains(version), f"{requirement}: {version} is pinned"
