"""What operators ask over HTTP: /metrics, /healthz, /readyz, on Faust's web server."""

from collections.abc import Callable
from typing import Any

import faust
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Probe = Callable[[], dict[str, bool]]


def attach(app: faust.App, registry: CollectorRegistry, refresh: Callable[[], None], ready: Probe) -> None:
    """Add the pages. `refresh` sets gauges that are read, not counted; `ready` names each condition."""

    @app.page("/metrics", name="metrics")
    async def metrics(view: View, request: Request) -> Response:
        refresh()
        return view.bytes(generate_latest(registry), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    @app.page("/healthz", name="healthz")
    async def healthz(view: View, request: Request) -> Response:
        return view.json({"alive": True})

    @app.page("/readyz", name="readyz")
    async def readyz(view: View, request: Request) -> Response:
        conditions: dict[str, Any] = dict(ready())
        return view.json(conditions, status=200 if all(conditions.values()) else 503)
