"""What `tastestream schema detect` does (touches Kafka, the console and the mapping file)."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from workers.admin.bars import rate_bar
from workers.admin.schema.detect import detect
from workers.admin.schema.found import Detection, Sampled
from workers.admin.schema.report import detection_report
from workers.admin.schema.sample import read_sample
from workers.records.mapping import (
    AS_THEY_ARE,
    SCALE_OF_FILE,
    Mapping,
    Mappings,
    RecordKind,
    load_mapping,
    save_mapping,
)
from workers.stream.connect import ClientOptions

MIN_UNDERSTOOD = 0.5
"""Share of the records that a mapping must understand: with less it is a start, to be finished by hand."""


async def detect_schema(
    options: ClientOptions,
    topic: str,
    kind: RecordKind | None,
    wanted: int,
    deadline_s: float,
    answers: Console,
    bars: Console | None,
    given: Mapping = AS_THEY_ARE,
) -> Detection:
    """Print what the newest records of a topic mean, and return it; `given`: what the settings say already."""
    with rate_bar(bars) as bar:
        task = bar.add_task("records read", total=wanted)
        sample = await read_sample(options, topic, wanted, deadline_s, lambda count: bar.advance(task, count))
    found = detect(sample.records, kind, given) if kind is not None else likelier(sample.records, given)
    if sample.cut:
        answers.print(f"the sample is smaller than asked for: {sample.cut}", markup=False)
    answers.print(f"{topic}, read as {found.kind} records", markup=False, highlight=False)
    answers.print(detection_report(found))
    return found


def likelier(sample: list[Sampled], given: Mapping = AS_THEY_ARE) -> Detection:
    """As interactions, which need more fields, unless more of the records can be read as items.

    Records that name a person and what happened are interactions, even if none of the names is understood yet.
    """
    event, item = detect(sample, "interaction", given), detect(sample, "item", given)
    named = {one.name for one in event.fields}
    if "event_type" in named and named & {"user_id", "anonymous_id"}:
        return event
    return item if item.after > event.after else event


def is_usable(found: Detection) -> bool:
    """Whether so many of the records are understood that a worker can be started with the mapping."""
    return found.after >= MIN_UNDERSTOOD


def write_mapping(path: Path, found: Detection) -> str:
    """Write what was found, if it is usable; the file's other section stays. What was done, for a person."""
    if not is_usable(found):
        return f"{path} was not written: too few records are understood"
    mapping, has_scale = found.mapping, found.mapping.scale.named_by == SCALE_OF_FILE
    if not (mapping.fields or mapping.events or has_scale):
        return f"{path} was not written: without a mapping {found.before:.1%} of the records are understood already"
    kept = load_mapping(path) if path.exists() else Mappings()
    if found.kind == "interaction":
        scale = mapping.scale if has_scale else kept.interaction.scale
        mapping = replace(mapping, scale=scale, ignored=kept.interaction.ignored)
    save_mapping(path, replace(kept, **{found.kind: mapping}))
    return f"wrote {path}: start the worker with TASTESTREAM_MAPPING_FILE={path}"
