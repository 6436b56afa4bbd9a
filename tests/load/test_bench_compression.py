"""The codecs' benchmark packs what it is given, and reads all of it back."""

from load.bench.compression import SHOWN, cost_of
from workers.records.out import OutRecord


def test_each_codec_keeps_all_records_and_makes_repetitive_ones_smaller() -> None:
    batches = [[OutRecord(b"%d" % n, b"much of the same, " * 20) for n in range(50)] for _ in range(4)]
    costs = [cost_of("rows", codec, batches) for codec in SHOWN]
    assert [cost.records for cost in costs] == [200] * len(SHOWN)
    plain, *packed = (cost.size_bytes for cost in costs)
    assert plain > 360
    assert all(size < plain / 4 for size in packed)
