"""Fetches MovieLens releases from the GroupLens site into the cache folder (touches network and disk)."""

import asyncio
import hashlib
import re
import shutil
import zipfile
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from load.datasets.errors import DownloadError

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
RELEASES = ("ml-latest-small", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m")
LICENCE = (
    "MovieLens data: GroupLens Research, University of Minnesota; for research use, no commercial use "
    "without permission (README.txt in the release has the terms). Please cite F. M. Harper and J. A. "
    "Konstan (2015), The MovieLens Datasets: History and Context, ACM Transactions on Interactive "
    "Intelligent Systems 5(4), 19."
)

# Being offline must show within seconds, or a demo seems to hang; a slow line may still take its time.
TIMEOUTS = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
PIECE_BYTES = 256 * 1024


async def download(release: str, cache: Path, console: Console, site: str = GROUPLENS) -> Path:
    """The folder `cache/datasets/RELEASE`, fetched and checked against the published MD5 unless it is there.

    An interrupted download continues where it stopped. The folder appears complete or not at all.
    Raises DownloadError if the site can't be reached, lacks the release, or sent what it did not publish.
    """
    if release not in RELEASES:
        raise DownloadError(f"no release is called {release!r}; choose one of {', '.join(RELEASES)}")
    folder = cache / "datasets" / release
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    console.print(LICENCE, highlight=False)
    url, part = f"{site}/{release}.zip", folder.with_name(f"{release}.zip.part")
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUTS, trust_env=True) as session:
            expected = await _published_md5(session, f"{url}.md5")
            await _fetch(session, url, part, console)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DownloadError(
            f"{url}: {error or type(error).__name__}; try again, or give a folder of your own"
        ) from error
    _verify(part, expected, url)
    await asyncio.to_thread(_unpack, part, folder)
    return folder


async def _published_md5(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url, raise_for_status=True) as response:
        text = await response.text()
    found = re.search(r"\b[0-9a-fA-F]{32}\b", text)
    if found is None:
        raise DownloadError(f"{url} holds no MD5 checksum; try again later, or give a folder of your own")
    return found[0].lower()


async def _fetch(session: aiohttp.ClientSession, url: str, part: Path, console: Console) -> None:
    """Appends to `part` what is missing of `url`; a server that can't continue sends the whole again."""
    have = _size(part)
    async with session.get(url, headers={"Range": f"bytes={have}-"} if have else {}) as response:
        if response.status == 416:  # nothing is missing: all there is to do is to check it
            return
        response.raise_for_status()
        continues = response.status == 206
        size = response.content_length
        with part.open("ab" if continues else "wb") as file, _progress(console) as progress:
            start = have if continues else 0
            task = progress.add_task(
                url.rsplit("/", 1)[-1], total=None if size is None else start + size, completed=start
            )
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                file.write(piece)
                progress.advance(task, len(piece))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
    )


def _verify(part: Path, expected: str, url: str) -> None:
    with part.open("rb") as file:
        # The site publishes MD5 and nothing stronger: it shows damage, TLS shows who sent it.
        actual = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if actual != expected:
        part.unlink()
        raise DownloadError(
            f"{url} has MD5 {actual}, published is {expected}; what was fetched is deleted, fetch it again"
        )


def _unpack(part: Path, folder: Path) -> None:
    """Unpacks beside `folder` and renames, so that a killed process leaves no half folder behind."""
    unpacking = folder.with_name(f"{folder.name}.unpacking")
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        with zipfile.ZipFile(part) as archive:
            archive.extractall(unpacking)
    except zipfile.BadZipFile as error:
        part.unlink()
        raise DownloadError(f"{part} is no zip file; it is deleted, fetch it again") from error
    # ml-10m unpacks as ml-10M100K: take the one folder inside, whatever its name.
    (inside,) = (child for child in unpacking.iterdir() if child.is_dir() and child.name != "__MACOSX")
    inside.replace(folder)
    shutil.rmtree(unpacking)
    part.unlink()
