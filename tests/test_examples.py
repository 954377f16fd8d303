"""The administrator's script does what it says, as it stands, against a running server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import PASSWORD
from processes import served
from test_processes import create_organization

SCRIPT = Path(__file__).parents[1] / "docs" / "examples" / "setup_school.sh"
NEEDED = ("bash", "curl", "python3")
DUTIES = {"А.2", "А.9", "Б.2", "Б.3"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dn", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # As root the database runs as another user.
        (Path(name) / "base").mkdir()
        yield Path(name)


@pytest.mark.clause("2.1", "А.11", "А.14", "А.16", "А.19")
def test_an_administrator_sets_a_school_up_with_the_script(folder: Path) -> None:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    assert not missing, "the script is for a machine with these"
    home = folder / "home"
    given = create_organization(folder, home=home)
    with served(folder, "--no-demo", home=home) as server:
        done = subprocess.run(
            ["bash", str(SCRIPT)],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "API": server.address,
                "LOGIN": given["login"],
                "TEMPORARY_PASSWORD": given["password"],
                "PASSWORD": PASSWORD,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr + done.stdout
    told = done.stdout.splitlines()
    steps, duties = told[:-4], told[-4:]
    assert len(steps) == 12
    assert {line.split()[0] for line in steps} == {"done"}, done.stdout
    assert {line.split()[2] for line in duties} == DUTIES
    slips = {one.name for one in folder.glob("slips-*.pdf") if one.read_bytes()[:5] == b"%PDF-"}
    assert slips == {"slips-staff.pdf", "slips-5А.pdf", "slips-6А.pdf"}
