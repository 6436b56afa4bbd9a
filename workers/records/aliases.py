"""Names that other systems use for our fields and event types: tables, no logic.

Read from GA4, Segment, Vertex Retail, Personalize, Recombee and Gorse. A new client's spelling is a new
entry here and nothing else.
"""

from collections.abc import Mapping


def names(table: Mapping[str, str]) -> dict[str, str]:
    """Every accepted spelling → our field; the table maps a field to its other spellings, blank-separated."""
    return {spelling: field for field, others in table.items() for spelling in (field, *others.split())}


ITEM_FIELDS = names(
    {
        "item_id": "itemId ITEM_ID ItemId product_id productId id",
        "title": "name TITLE NAME",
        "description": "overview DESCRIPTION Comment",
        "image_url": "imageUrl image_link poster_url",
        "url": "link uri URL",
        "category": "CATEGORY CATEGORY_L1",
        "tags": "TAGS genres GENRES Labels",
        "price": "PRICE",
        "available": "is_available in_stock AVAILABLE",
        "published_at": "publishedAt CREATION_TIMESTAMP published release_date Timestamp",
        "vector": "embedding",
        "attributes": "properties",
    }
)

INTERACTION_FIELDS = names(
    {
        "event_id": "id eventId messageId EVENT_ID",
        "event_type": "eventType EVENT_TYPE event event_name FeedbackType",
        "user_id": "userId USER_ID UserId",
        "anonymous_id": "anonymousId visitorId user_pseudo_id",
        "session_id": "sessionId SESSION_ID",
        "item_id": "itemId ITEM_ID ItemId product_id productId",
        "items": "products productDetails",
        "value": "EVENT_VALUE eventValue rating Value",
        "event_time": "timestamp TIMESTAMP eventTime sentAt Timestamp",
        "recommendation_id": "recommendationId recommId attributionToken RECOMMENDATION_ID",
        "scenario": "",
    }
)

INTERACTION_ITEM_FIELDS = names(
    {"item_id": "itemId ITEM_ID product_id productId id", "quantity": "", "price": "", "position": "index"}
)

REQUEST_FIELDS = names(
    {
        "kind": "",
        "user_id": "userId USER_ID",
        "anonymous_id": "anonymousId visitorId",
        "item_ids": "itemIds",
        "limit": "count numResults",
        "exclude": "excluded",
        "filters": "",
        "diversity": "",
        "explain": "",
        "min_offset": "minOffset",
        "deadline_ms": "deadlineMs",
        "event_time": "eventTime timestamp",
        "scenario": "",
    }
)

# Spelled in lower case with underscores; "Product Viewed" and "product-viewed" are looked up the same way.
EVENT_TYPES = names(
    {
        "view": "detail_page_view view_item product_viewed detail_view read",
        "click": "select_item product_clicked",
        "add_to_cart": "product_added cart_addition",
        "purchase": "purchase_complete order_completed",
        "rating": "rate",
        "like": "",
        "dislike": "",
        "impression": "category_page_view view_item_list product_list_viewed",
        "bookmark": "",
        "watch": "view_portion",
        "search": "view_search_results products_searched",
    }
)
