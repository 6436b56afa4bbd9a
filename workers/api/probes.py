"""What operators ask over HTTP: /metrics, /healthz, /readyz."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Probe = Callable[[], dict[str, bool]]


def pages(registry: CollectorRegistry, refresh: Callable[[], None], ready: Probe) -> list[web.RouteDef]:
    """The pages. `refresh` sets gauges that are read, not counted; `ready` names each condition."""

    async def metrics(request: web.Request) -> web.Response:
        refresh()
        return web.Response(body=generate_latest(registry), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(request: web.Request) -> web.Response:
        conditions = ready()
        return web.json_response(conditions, status=200 if all(conditions.values()) else 503)

    return [web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)]
