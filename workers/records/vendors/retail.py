"""Vertex AI Search for commerce (Retail API v2): user events and products."""

from typing import Any

from workers.records.vendors.parts import Object, as_list, as_object


def user_event(body: Object) -> Object:
    """A user event: products and the logged-in user are one level down."""
    details = map(as_object, as_list(body.get("productDetails")))
    return {
        **body,
        "productDetails": None,
        "user_id": as_object(body.get("userInfo")).get("userId") or body.get("user_id"),
        "items": [
            {"item_id": as_object(detail.get("product")).get("id"), "quantity": detail.get("quantity")}
            for detail in details
        ],
    }


def product(body: Object) -> Object:
    """A product; its `name` is a resource path and not shown."""
    images = as_list(body.get("images"))
    attributes = as_object(body.get("attributes"))
    return {
        "item_id": body.get("id"),
        "title": body.get("title"),
        "description": body.get("description"),
        "url": body.get("uri"),
        "image_url": as_object(images[0]).get("uri") if images else None,
        "category": next(iter(as_list(body.get("categories"))), None),
        "tags": body.get("tags"),
        "price": as_object(body.get("priceInfo")).get("price"),
        "available": body["availability"] != "OUT_OF_STOCK" if "availability" in body else None,
        "published_at": body.get("publishTime"),
        "attributes": {name: _custom(content) for name, content in attributes.items()},
    }


def _custom(attribute: Any) -> Any:
    """A custom attribute has texts or numbers; one alone stands for itself."""
    content = as_object(attribute)
    values = as_list(content.get("text")) or as_list(content.get("numbers"))
    return values[0] if len(values) == 1 else values
