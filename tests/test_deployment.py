"""What an operator or CI runs: the files are checked as far as that needs no container."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # The stubs are not worth a package.

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def tool(name: str) -> Path:
    """Return a program of the environment that runs the tests."""
    return Path(sys.executable).with_name(name)


def test_the_dockerfile_has_no_known_fault() -> None:
    linted = subprocess.run(
        [tool("hadolint"), "--no-color", "--failure-threshold", "info", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.stdout + linted.stderr == ""
    assert linted.returncode == 0


def test_the_image_runs_as_an_ordinary_user_and_says_how_it_is() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last = dockerfile.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9][0-9]*:[1-9][0-9]*$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK (.|\n)*/health", last, re.MULTILINE)
    assert "--require-hashes" in dockerfile


def test_the_builder_gets_only_what_is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    copied = set(re.findall(r"^COPY (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied - {"--from=build"}


def test_the_services_start_in_order(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"database", "migrate", "api", "worker"}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("api", "worker"):
        expected = {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["depends_on"] == expected


@pytest.mark.parametrize("name", ["migrate", "api", "worker"])
def test_a_service_can_change_neither_its_system_nor_its_powers(
    compose: dict[str, Any], name: str
) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(
    ("name", "role"), [("migrate", "owner"), ("api", "app"), ("worker", "worker")]
)
def test_each_service_has_the_role_made_for_it(
    compose: dict[str, Any], name: str, role: str
) -> None:
    addresses = [
        value
        for key, value in compose["services"][name]["environment"].items()
        if key.endswith("DATABASE_URL")
    ]
    password = f"${{DNEVNIK_{role.upper()}_PASSWORD}}"
    assert addresses == [f"postgresql://dnevnik_{role}:{password}@database/dnevnik"]


def test_no_password_has_a_default(compose: dict[str, Any]) -> None:
    """Compose refuses to start when a variable with `:?` is missing."""
    environment = compose["services"]["database"]["environment"]
    assert len(environment) == 4
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", value) for value in environment.values())


def test_the_database_is_made_by_the_script_of_the_package(compose: dict[str, Any]) -> None:
    mounts = [volume.split(":")[0] for volume in compose["services"]["database"]["volumes"]]
    assert (ROOT / mounts[1]).is_file()


def test_ci_runs_the_tests_and_then_the_clients() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    subprocess.run(["bash", "-n", run], check=True)
    lines = run.read_text(encoding="utf-8").splitlines()
    assert lines.index('make test "$@"') < lines.index("    make clients")


def test_make_names_its_targets() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for target in ("run", "test", "check", "reset", "real-school", "bench", "lock", "openapi"):
        assert re.search(rf"^make {target} +\S", listed, re.MULTILINE), target


@pytest.mark.parametrize("path", ["LICENSE", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_a_visitor_finds_the_usual_files(path: str) -> None:
    assert (ROOT / path).stat().st_size > 0
