"""Records, chunks and rows that are valid by default."""

from collections.abc import Callable, Mapping

from aiokafka import ConsumerRecord, TopicPartition

from workers.records.out import Headers
from workers.stream.chunk import Chunk, Record
from workers.stream.ledger import Ledger
from workers.stream.table import Table


def record_at(
    tp: TopicPartition,
    offset: int,
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    time_ms: int = 0,
    headers: Headers = (),
) -> Record:
    record: Record = ConsumerRecord(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        timestamp=time_ms,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=headers,
    )
    return record


def chunk_of(tp: TopicPartition, first: int, size: int, ledger: Ledger) -> Chunk:
    records = [record_at(tp, offset) for offset in range(first, first + size)]
    return Chunk(tp, records, on_finish=lambda chunk: ledger.settle(chunk.tp))


HEAD = b"T\x01"


class Text:
    """A row that is a piece of text."""

    def __init__(self, text: str = "", origins: Mapping[int, int] | None = None) -> None:
        self.text = text
        self.origins = {} if origins is None else origins

    def marks(self) -> Mapping[int, int]:
        return self.origins

    def pack(self) -> bytes:
        return HEAD + self.text.encode()

    @classmethod
    def unpack(cls, data: bytes) -> "Text":
        if not data.startswith(HEAD):
            raise ValueError("not a text row")
        return cls(data[len(HEAD) :].decode())


def text_table(
    is_expendable: Callable[[str], bool] = lambda key: False,
    forget: Callable[[str], None] = lambda key: None,
    most_open: int | None = None,
) -> Table[Text]:
    return Table(
        "changelog",
        lambda key, packed: Text.unpack(packed),
        lambda key: Text(),
        kind=HEAD[:1],
        version=HEAD[1],
        is_expendable=is_expendable,
        forget=forget,
        most_open=most_open,
    )
