"""Coverage-guided fuzzing of all decode functions: anything but a record or a `BadRecordError` is a finding.

python -m load.bench.fuzz_records --seconds 60

Needs `atheris` (not among the dependencies: pip install atheris). Findings are written to the working folder
as `crash-*` and can be replayed by naming the file.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer

from load.bench.record_samples import CLOUD_EVENT_HEADERS, FOREIGN, ITEMS, NOW_MS, ORDER, OWN, REQUESTS
from workers.admin.schema.contents import MIN_VALUES
from workers.admin.schema.detect import detect
from workers.admin.schema.found import Sampled
from workers.admin.schema.report import shortfall
from workers.errors import BadRecordError, ConfigurationError
from workers.records import aliases
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.event import decode_event
from workers.records.headers import reply_to
from workers.records.ignored import ignored_events
from workers.records.interaction import decode_interaction
from workers.records.item_update import decode_item_event
from workers.records.mapping import Mapping
from workers.records.request import decode_request
from workers.records.scale import rating_scale

FRAME = bytes([0, 0, 0, 0, 7])  # of a schema registry
MAX_INPUT_BYTES = 4096
MAX_MEMORY_MB = 2048
MAX_SECONDS_AN_INPUT = 5
PATHS = {"a.b": "user_id", "items[].sku": "items", "data.x": "event_type"}
MAPPING = Mapping(PATHS, {"x": "view"}, rating_scale("thumbs"), ignored_events(["x*y*"]))
Decode = Callable[[bytes, bytes, Headers], object]
DECODERS: tuple[Decode, ...] = (
    lambda value, key, headers: decode_interaction(value, key, NOW_MS, headers=headers),
    lambda value, key, headers: decode_event(value, key, NOW_MS, headers=headers),
    lambda value, key, headers: decode_event(value, key, NOW_MS, headers=headers, mapping=MAPPING),
    lambda value, key, headers: decode_item_event(value, key, headers),
    lambda value, key, headers: decode_item_event(value, key, (*headers, ("tastestream-update", b"partial"))),
    lambda value, key, headers: decode_item_event(value, key, headers, MAPPING),
    lambda value, key, headers: decode_request(value, key, NOW_MS, headers),
    lambda value, key, headers: reply_to(headers, value, "replies", lambda topic: topic != "no"),
    lambda value, key, headers: detect([Sampled(value, key, headers)], "interaction"),
    lambda value, key, headers: detect([Sampled(value, key, headers)], "item"),
    lambda value, key, headers: detect([Sampled(value, key, headers)] * MIN_VALUES, "interaction"),
    lambda value, key, headers: shortfall(detect([Sampled(value, key, headers)] * MIN_VALUES, "item")),
    lambda value, key, headers: decode_event(FRAME + value, key, NOW_MS, headers=headers),
)


def check(data: bytes) -> None:
    """One input: the first byte chooses function and headers, the rest is the value and, cut, key and header."""
    if not data:
        return
    which, value = data[0], data[1:]
    key = value[:8]
    headers: Headers = ()
    if which & 0x80:
        headers = (*CLOUD_EVENT_HEADERS, ("ce_id", key), ("kafka_replyPartition", key[:4]), (key.hex(), None))
    try:
        DECODERS[which % 0x80 % len(DECODERS)](value, key, headers)
    except BadRecordError as refused:
        if refused.code not in frozenset(Reason) or len(str(refused)) > 1000:
            raise AssertionError(f"{refused.code}: {refused}") from refused


def seeds() -> Iterator[bytes]:
    """Every known shape, for every function."""
    for samples in ({"order": ORDER}, OWN, FOREIGN, ITEMS, REQUESTS):
        for body in samples.values():
            for which in range(len(DECODERS)):
                yield bytes([which]) + orjson.dumps(body)


def main(
    seconds: Annotated[int, typer.Option(help="how long to search")] = 60,
    finding: Annotated[Path | None, typer.Argument(help="a crash file to run again")] = None,
) -> None:
    """Fuzz for a bounded time, or run one finding again."""
    if finding is not None:
        check(finding.read_bytes())
        return
    fuzzer = _fuzzer()
    with TemporaryDirectory() as folder:
        arguments = [sys.argv[0], *_options(Path(folder), seconds), str(_corpus(Path(folder)))]
        fuzzer.Setup(arguments, check)
        fuzzer.Fuzz()


def _fuzzer() -> Any:
    try:
        fuzzer = importlib.import_module("atheris")
    except ImportError:
        raise ConfigurationError("atheris is not installed: pip install atheris (on Linux)") from None
    for name in [*sys.modules]:
        if name.startswith(("workers.records", "workers.admin.schema")):
            _instrument(fuzzer, sys.modules[name])
    return fuzzer


def _instrument(fuzzer: Any, module: Any) -> None:
    """Count the branches of a module's own functions; what pydantic and orjson compile is not seen."""
    for name, member in vars(module).items():
        if getattr(member, "__module__", None) == module.__name__ and hasattr(member, "__code__"):
            setattr(module, name, fuzzer.instrument_func(member))


def _options(folder: Path, seconds: int) -> list[str]:
    tokens = {*aliases.INTERACTION_FIELDS, *aliases.ITEM_FIELDS, *aliases.REQUEST_FIELDS, *aliases.EVENT_TYPES}
    dictionary = folder / "tokens.dict"
    dictionary.write_text("".join(f'"{token}"\n' for token in sorted(tokens)))
    return [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        f"-timeout={MAX_SECONDS_AN_INPUT}",
        f"-dict={dictionary}",
    ]


def _corpus(folder: Path) -> Path:
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / f"{number:04}").write_bytes(seed)
    return corpus


if __name__ == "__main__":
    typer.run(main)
