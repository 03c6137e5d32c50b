"""The pages: they build without a warning, their commands exist, the tutorials do what they say."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from walkthrough import agrees, commands_of, read_page

from labcut3d.cli import app, main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
COMMANDS = {
    name: {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for name, command in typer.main.get_command(app).commands.items()
}


def tutorial(path):
    marks = [pytest.mark.slow] if read_page(path).slow else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="needs labcut3d[docs]")
def test_the_site_builds_without_a_warning(tmp_path):
    """Every internal link and anchor leads somewhere, and every page is in the navigation."""
    command = [sys.executable, "-m", "sphinx", "-qW", "--keep-going", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 'id="calibration.triangulate_points"' in (
        (tmp_path / "reference" / "calibration.html").read_text()
    )
    pages = [page.read_text() for page in tmp_path.rglob("*.html")]
    assert not [url for page in pages for url in re.findall(r'src="(https?:[^"]+)', page)]


def shown_commands(path):
    """Every labcut3d command that stands in a page, in a line of its own or between backticks."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^labcut3d (.+)$", blocks, re.MULTILINE)
    lines += re.findall(r"^ {4}labcut3d (.+)$", text, re.MULTILINE)
    lines += re.findall(r"`labcut3d ([^`]+)`", text)
    return [" ".join(line.split(" #")[0].split()) for line in lines]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_the_pages_exists_with_its_options(path):
    for line in shown_commands(path):
        name, *arguments = shlex.split(line)
        assert name in COMMANDS, f"{path.name}: labcut3d {line}"
        used = {word.split("=")[0] for word in arguments if re.match(r"--?[a-z]", word)}
        assert used <= COMMANDS[name], f"{path.name}: labcut3d {line}: {used - COMMANDS[name]}"


def run(command, monkeypatch):
    """Run one line of a tutorial; labcut3d in this process, which has its imports done."""
    if not command.startswith("labcut3d "):
        command = re.sub("^python ", f"{shlex.quote(sys.executable)} ", command)
        subprocess.run(command, shell=True, check=True)
        return
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    try:
        main()
    except SystemExit as stop:
        print(f"exit status {stop.code or 0}", flush=True)


@pytest.mark.parametrize("path", [tutorial(path) for path in TUTORIALS])
def test_a_tutorial_does_what_it_says(path, dataset, tmp_path, monkeypatch, capfd):
    page = read_page(path)
    (tmp_path / "data").mkdir()
    for name in page.data:
        (tmp_path / "data" / name).symlink_to(dataset(name).resolve())
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    printed = ""
    for block in page.blocks:
        if block.caption:
            Path(block.caption).write_text(block.text, encoding="utf-8")
        elif block.kind == "sh":
            capfd.readouterr()
            for command in commands_of(block.text):
                run(command, monkeypatch)
            captured = capfd.readouterr()
            printed = captured.out + captured.err
        elif block.kind == "text":
            missing = agrees(block.text, printed)
            assert missing is None, f"not printed: {missing}\n{printed}"
