"""What `tastestream schema detect` does (touches Kafka, the console and the mapping file)."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from workers.commands.bars import rate_bar
from workers.records.mapping import Mapping, Mappings, RecordKind, load_mapping, save_mapping
from workers.schema.detect import detect
from workers.schema.found import Detection, Sampled
from workers.schema.report import detection_report
from workers.schema.sample import read_sample
from workers.stream.connect import ClientOptions


async def detect_schema(
    options: ClientOptions,
    topic: str,
    kind: RecordKind | None,
    wanted: int,
    deadline_s: float,
    answers: Console,
    bars: Console | None,
) -> Detection:
    """Print what the newest records of a topic mean, and return it."""
    with rate_bar(bars) as bar:
        task = bar.add_task("records read", total=wanted)
        sample = await read_sample(options, topic, wanted, deadline_s, lambda count: bar.advance(task, count))
    found = detect(sample.records, kind) if kind is not None else likelier(sample.records)
    if sample.cut:
        answers.print(f"the sample is smaller than asked for: {sample.cut}", markup=False)
    answers.print(f"{topic}, read as {found.kind} records", markup=False, highlight=False)
    answers.print(detection_report(found))
    return found


def likelier(sample: list[Sampled]) -> Detection:
    """As interactions, which need more fields, unless more of the records can be read as items."""
    event, item = detect(sample, "interaction"), detect(sample, "item")
    return item if item.after > event.after else event


def write_mapping(path: Path, found: Detection) -> str:
    """Write what was found; the file's other section stays. What was done, for a person."""
    if found.mapping == Mapping():
        return f"{path} was not written: " + (
            "these records are understood without a mapping" if found.before == 1 else "no fields were recognised"
        )
    kept = load_mapping(path) if path.exists() else Mappings()
    sections = {"interaction": kept.interaction, "item": kept.item, found.kind: found.mapping}
    save_mapping(path, replace(kept, **sections))
    return f"wrote {path}: start the worker with TASTESTREAM_MAPPING_FILE={path}"
