"""Which key identifies whose record it is, and the function that flattens it."""

from collections.abc import Callable

from workers.records.vendors import ga4, gorse, metarank, personalize, recombee, retail, segment
from workers.records.vendors.parts import Object

# In this order; a function that finds that the body is not its system's returns None, and the next one tries.
Shapes = tuple[tuple[str, Callable[[Object], Object | None]], ...]

EVENT_SHAPES: Shapes = (
    ("event_name", ga4.export_row),
    ("ecommerce", ga4.data_layer),
    ("events", ga4.measurement),
    ("event", metarank.event),
    ("type", segment.call),
    ("productDetails", retail.user_event),
    ("userInfo", retail.user_event),
    ("path", recombee.interaction),
    ("eventList", personalize.put_events),
    ("impression", personalize.impression),
    ("Labels", gorse.user),
)
ITEM_SHAPES: Shapes = (
    ("event", metarank.item),
    ("priceInfo", retail.product),
    ("availability", retail.product),
    ("categories", retail.product),
    ("ItemId", gorse.item),
    ("properties", personalize.put_item),
)


def flattened(body: Object, shapes: Shapes) -> Object:
    """The record's fields on one level, under any accepted spelling; a body of no known shape as it is."""
    for marker, flatten in shapes:
        if marker in body:
            flat = flatten(body)
            if flat is not None:
                return flat
    return body
