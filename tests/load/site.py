"""A site on 127.0.0.1 that publishes one release as the GroupLens site does, and misbehaves on request."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web


def zipped(folder: Path, name: str) -> bytes:
    """The files of `folder` in a zip under the folder `name`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{name}/{path.name}")
    return buffer.getvalue()


class Site:
    """What is served: `content` under RELEASE.zip, `md5` beside it; `cut` bytes of it break off, once."""

    def __init__(self, release: str, content: bytes) -> None:
        self.release = release
        self.content = content
        self.md5 = f"MD5 ({release}.zip) = {hashlib.md5(content).hexdigest()}\n"
        self.cut: int | None = None
        self.ranges: list[str | None] = []
        self.url = ""

    async def zip_file(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(self.content):
            return web.Response(status=416)
        if self.cut is not None:
            return await self._break_off(request)
        return web.Response(body=self.content[start:], status=206 if asked else 200)

    async def _break_off(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(self.content))})
        await response.prepare(request)
        await response.write(self.content[: self.cut])
        self.cut = None
        assert request.transport is not None
        request.transport.close()
        return response

    async def checksum(self, request: web.Request) -> web.Response:
        return web.Response(text=self.md5)


@asynccontextmanager
async def serving(release: str, content: bytes) -> AsyncIterator[Site]:
    """A running site with one release."""
    site = Site(release, content)
    app = web.Application()
    app.router.add_get(f"/{release}.zip", site.zip_file)
    app.router.add_get(f"/{release}.zip.md5", site.checksum)
    runner = web.AppRunner(app)
    await runner.setup()
    server = await asyncio.get_running_loop().create_server(runner.server, "127.0.0.1", 0)  # type: ignore[arg-type]
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        await runner.cleanup()
