"""The README's tour is true: its blocks run as they stand against a server with the demo school."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Server
from school_day import SCHOOL_DAY
from typer.models import CommandInfo

from dnevnik_api.cli import app
from dnevnik_api.settings import Settings

README = Path(__file__).parents[1] / "README.md"
NEEDED = ("bash", "curl", "python3")


@pytest.fixture
def demo() -> Iterator[tuple[Path, Server]]:
    with tempfile.TemporaryDirectory(prefix="dn", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # As root the database runs as another user.
        (folder / "base").mkdir()
        server = Server(folder, home=folder / ".dnevnik")
        try:
            server.wait(seconds=150)
            yield folder, server
        finally:
            server.end()


def test_the_tour_runs_as_it_stands(demo: tuple[Path, Server]) -> None:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    assert not missing, "the tour is for a machine with these"
    folder, server = demo
    text = README.read_text("utf-8")
    tour = _part(text, "The tour") + _part(text, "The tour goes on: marks that can be trusted")
    blocks = re.findall(r"```bash\n(.*?)```", tour, re.DOTALL)
    assert len(blocks) == 8
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "API": server.address,
            "TODAY": f"{SCHOOL_DAY:%Y-%m-%d}",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    said = done.stdout
    assert '"topic":"Басни И. А. Крылова"' in said
    assert '"marks_changed":1,"attendance_changed":1' in said
    assert '"value":"5-"' in said
    assert '"type": "/problems/forbidden"' in said
    assert '"old_value":"4","new_value":"5-"' in said
    assert "Когда;Кто изменил" in said
    assert re.search(r"^404$", said, re.MULTILINE), "another's child"
    assert re.search(r"^accepted$", said, re.MULTILINE), "the claim"
    assert "'value': '5', 'count': " in said, "the way to a five"
    assert '"closed":true}' in said
    assert re.search(r"^/problems/period-closed$", said, re.MULTILINE)
    assert '"reason":"Служебная записка № 12"' in said
    assert re.search(r'"operations":1,.*"now":{"value":"2".*"becomes":{"value":"5-"', said)
    assert '"voided":true' in said
    assert '"kind":"seal_verification","state":"queued"' in said


def test_every_setting_and_every_command_is_in_its_table() -> None:
    text = README.read_text("utf-8")
    settings = {f"DNEVNIK_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"`(DNEVNIK_\w+)`", _part(text, "Configuration"))) == settings
    commands = {_name_of(command) for command in app.registered_commands}
    commands |= {str(group.name) for group in app.registered_groups}
    assert (
        set(re.findall(r"^\| `dnevnik ([\w-]+)", _part(text, "Commands"), re.MULTILINE)) == commands
    )


def test_every_file_that_is_linked_is_there() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/security.md"):
        folder = (README.parent / page).parent
        for link in re.findall(r"\]\(([^)#:]+)\)", (folder / Path(page).name).read_text("utf-8")):
            assert (folder / link).exists(), f"{page}: {link}"


def _part(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def _name_of(command: CommandInfo) -> str:
    function = command.callback.__name__ if command.callback else ""
    return command.name or function.replace("_", "-")
