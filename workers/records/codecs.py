"""Codecs of record batches, by the numbers that Kafka gives them (no I/O)."""

from collections.abc import Mapping
from typing import Literal

Codec = Literal["none", "gzip", "snappy", "lz4", "zstd"]

CODECS: Mapping[Codec, int] = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
