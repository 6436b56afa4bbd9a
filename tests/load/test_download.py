"""The downloader against a site on this machine: whole, broken off, damaged, absent."""

import io
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from load.datasets.download import download
from load.datasets.errors import DownloadError
from load.datasets.movielens import read_ratings
from tests.load.folders import RATINGS, comma_folder
from tests.load.site import Site, serving, zipped

RELEASE = "ml-latest-small"


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(RELEASE, zipped(comma_folder(tmp_path / "published"), RELEASE)) as running:
        yield running


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=1000)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_release_is_fetched_checked_and_unpacked_with_its_licence_shown(
    site: Site, tmp_path: Path, console: Console
) -> None:
    folder = await download(RELEASE, tmp_path, console, site.url)
    assert folder == tmp_path / "datasets" / RELEASE
    assert len(read_ratings(folder)) == len(RATINGS)
    assert "Harper and J. A. Konstan (2015)" in printed(console)
    assert [path.name for path in folder.parent.iterdir()] == [RELEASE]


async def test_a_folder_that_is_there_is_not_fetched_again(site: Site, tmp_path: Path, console: Console) -> None:
    await download(RELEASE, tmp_path, console, site.url)
    await download(RELEASE, tmp_path, console, site.url)
    assert len(site.ranges) == 1


async def test_a_download_that_broke_off_continues_where_it_stopped(
    site: Site, tmp_path: Path, console: Console
) -> None:
    site.cut = 300
    with pytest.raises(DownloadError, match="try again"):
        await download(RELEASE, tmp_path, console, site.url)
    assert not (tmp_path / "datasets" / RELEASE).exists()
    folder = await download(RELEASE, tmp_path, console, site.url)
    assert site.ranges == [None, "bytes=300-"]
    assert len(read_ratings(folder)) == len(RATINGS)


async def test_a_complete_file_that_was_not_unpacked_yet_is_not_fetched_again(
    site: Site, tmp_path: Path, console: Console
) -> None:
    part = tmp_path / "datasets" / f"{RELEASE}.zip.part"
    part.parent.mkdir()
    part.write_bytes(site.content)
    assert len(read_ratings(await download(RELEASE, tmp_path, console, site.url))) == len(RATINGS)


async def test_a_damaged_file_is_refused_and_deleted(site: Site, tmp_path: Path, console: Console) -> None:
    good = site.content
    site.content = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(DownloadError, match="published is"):
        await download(RELEASE, tmp_path, console, site.url)
    assert list((tmp_path / "datasets").iterdir()) == []
    site.content = good
    assert (await download(RELEASE, tmp_path, console, site.url)).is_dir()


async def test_a_release_without_a_checksum_is_refused(site: Site, tmp_path: Path, console: Console) -> None:
    site.md5 = "not found"
    with pytest.raises(DownloadError, match="holds no MD5 checksum"):
        await download(RELEASE, tmp_path, console, site.url)


async def test_a_missing_release_names_its_address(site: Site, tmp_path: Path, console: Console) -> None:
    with pytest.raises(DownloadError, match=r"ml-1m\.zip.*404"):
        await download("ml-1m", tmp_path, console, site.url)


async def test_an_unreachable_site_is_a_clear_error(tmp_path: Path, console: Console) -> None:
    with socket.socket() as taken:  # bound and not listening: nothing answers here
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(DownloadError, match="give a folder of your own"):
            await download(RELEASE, tmp_path, console, f"http://127.0.0.1:{taken.getsockname()[1]}")


async def test_an_unknown_release_is_refused_before_anything_is_fetched(
    site: Site, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(DownloadError, match="choose one of ml-latest-small"):
        await download("../ml-1m", tmp_path, console, site.url)
    assert site.ranges == []


async def test_a_published_file_that_is_no_zip_is_refused(tmp_path: Path, console: Console) -> None:
    async with serving(RELEASE, b"<html>moved</html>") as site:
        with pytest.raises(DownloadError, match="is no zip file"):
            await download(RELEASE, tmp_path, console, site.url)
    assert list((tmp_path / "datasets").iterdir()) == []
