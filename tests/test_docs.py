"""The documentation holds: its commands run and print what it shows, its options and its links exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "firmware/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def fences(page):
    return FENCE.findall(page.read_text(encoding="utf-8"))


def tour():
    """Pairs of a command and the lines it prints, from the README's block that begins with a prompt."""
    (block,) = [text for text in fences(ROOT / "README.md") if text.startswith("$ ")]
    for part in block.removeprefix("$ ").split("\n$ "):
        command, *lines = part.splitlines()
        yield command, [line for line in lines if line]


def without_numbers(line):
    """What must agree: not the figures, which a compiler's or a processor's version may change."""
    return re.sub(r"[\d,.]+", "#", re.sub(r"[0-9a-f]{12}\b", "#", line)).replace(" ", "")


def test_the_readmes_tour_prints_what_it_shows(tmp_path):
    programs = {"python": sys.executable, "nonn-mcu": str(Path(sys.executable).parent / "nonn-mcu")}
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = list(tour())
    assert len(commands) == 3
    for command, shown in commands:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [programs[program], *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed = {without_numbers(line) for line in done.stdout.splitlines()}
        missing = [line for line in shown if without_numbers(line) not in printed]
        assert not missing, f"{command} printed\n{done.stdout}"


def commands_in_docs():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in fences(page) for line in block.splitlines()] + INLINE.findall(text)
        for line in lines:
            words = line.removeprefix("$ ").split("#")[0].split()
            if words[:1] == ["nonn-mcu"] and len(words) > 1 and words[1].isalpha():
                yield f"{page.relative_to(ROOT)}: {' '.join(words)}"


@pytest.fixture(scope="module")
def options_of():
    """The options that a command's help names."""
    known = {}

    def find(command):
        if command not in known:
            nonn_mcu = Path(sys.executable).parent / "nonn-mcu"
            done = subprocess.run(
                [nonn_mcu, command, "--help"],
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
            )
            assert done.returncode == 0, done.stderr
            known[command] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", done.stdout))
        return known[command]

    return find


@pytest.mark.parametrize("line", sorted(set(commands_in_docs())))
def test_the_options_in_the_docs_exist(line, options_of):
    command, *words = line.split(": nonn-mcu ")[1].split()
    used = {word.strip("[]").split("=")[0] for word in words if word.strip("[]").startswith("-")}
    assert used <= options_of(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
