"""How this deployment reads its clients' records: the mapping file, and the settings beside it (reads the file)."""

from workers.records.ignored import ignored_events, patterns_of
from workers.records.mapping import Mapping, Mappings, load_mapping
from workers.records.scale import rating_scale
from workers.settings import Settings


def mappings_of(settings: Settings) -> Mappings:
    """The mapping of each topic; raises `ConfigurationError` for a file that can't be used."""
    given = settings_mapping(settings)
    return load_mapping(settings.mapping_file, given) if settings.mapping_file else Mappings(interaction=given)


def settings_mapping(settings: Settings) -> Mapping:
    """What the settings say beside a mapping file: the scale of ratings, and which events are ignored."""
    return Mapping(
        scale=rating_scale(settings.rating_scale), ignored=ignored_events(patterns_of(settings.ignored_events))
    )
