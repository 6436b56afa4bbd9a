"""What the pages name exists: commands and their options, settings, files and headings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from load.cli import register
from tests.infra.prometheus import ROOT
from workers.cli.app import app
from workers.settings import PREFIX, Settings

register(app)

PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *sorted((ROOT / "docs").glob("*.md"))]
RECORDS = [ROOT / "CHANGELOG.md", *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
SHELL = re.compile(r"^```sh[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REDIRECTED = re.compile(r"\s+(\d?>|&).*")
INLINE = re.compile(r"`(?:TASTESTREAM_\w+=\S+ )?tastestream ([a-z][^`]*)`")
SETTING = re.compile(rf"\b{PREFIX}([A-Z][A-Z_]*[A-Z])\b")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
FILE = re.compile(r"`((?:workers|models|load|infra|tests|docs|examples|\.github)/[\w./-]*)(?:::\w+)?`")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def names_of(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each call of `tastestream` in the page's shell blocks."""
    for block in SHELL.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(REDIRECTED.sub("", line), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words[:1] == ["tastestream"]:
                yield words[1:]


def complaint(arguments: list[str]) -> str:
    """What the console says against these arguments, nothing if it takes them; help comes after they are parsed."""
    ended = CliRunner().invoke(app, [*arguments, "--help"])
    return "" if ended.exit_code == 0 else ended.output


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_each_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for arguments in commands(page):
        assert not complaint(arguments), arguments
    for words in INLINE.findall(page.read_text()):
        assert not complaint(shlex.split(words)), words


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_each_setting_of_a_page_exists(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert set(SETTING.findall(page.read_text())) <= known


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_each_file_of_a_page_exists(page: Path) -> None:
    assert [name for name in FILE.findall(page.read_text()) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, *RECORDS], ids=names_of([*PAGES, *RECORDS]))
def test_each_link_of_a_page_leads_to_a_file_and_heading(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text()):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{name} is missing"
        if anchor:
            assert anchor in {anchor_of(heading) for heading in HEADING.findall(target.read_text())}, f"{name}#{anchor}"


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_a_command_or_an_option_that_does_not_exist_would_be_found() -> None:
    assert "--for-ever" in complaint(["topics", "create", "shop-replies", "--for-ever"])
    assert "shows" in complaint(["state", "shows", "42"])
