"""Names that other systems use for our fields and event types: tables, no logic.

Read from GA4, Segment, Vertex Retail, Personalize, Recombee, Gorse and Metarank. A new client's spelling is
a new entry here and nothing else; bodies with another nesting are flattened in `vendors.py`.
"""

from collections.abc import Mapping

MAX_NAME_CHARS = 128  # of an event's name that are looked at; none here is as long


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
        "update": "",
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
        "value": "EVENT_VALUE eventValue rating Value portion",
        "event_time": "timestamp TIMESTAMP eventTime sentAt Timestamp event_timestamp",
        "recommendation_id": "recommendationId recommId attributionToken RECOMMENDATION_ID",
        "scenario": "",
        "attributes": "traits",
        "preferred_categories": "preferredCategories",
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
        "session_id": "sessionId",
        "item_ids": "itemIds",
        "text": "query searchQuery",
        "personalised": "personalized",
        "by": "",
        "precomputed": "",
        "next": "page_token pageToken",
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
        "rating": "rate product_reviewed",
        "like": "star",
        "dislike": "",
        "impression": "category_page_view view_item_list product_list_viewed",
        "bookmark": "add_to_wishlist product_added_to_wishlist",
        "watch": "view_portion",
        "search": "view_search_results products_searched",
    }
)

# Records about a person rather than an item.
PERSON_TYPES = names({"identify": "alias", "erase": "forget", "profile": "user_profile"})

# Events of these systems that say nothing on one item's worth: whoever mirrors a whole topic sends them.
IRRELEVANT_EVENTS = frozenset(
    names(
        {
            "page_view": "page screen home_page_view scroll user_engagement session_start first_visit login sign_up",
            "view_cart": "cart_viewed shopping_cart_page_view remove_from_cart product_removed",
            "begin_checkout": "checkout_started checkout_step_viewed checkout_step_completed",
            "add_payment_info": "payment_info_entered add_shipping_info coupon_entered coupon_applied",
            "refund": "order_refunded order_cancelled order_updated",
            "view_promotion": "promotion_viewed promotion_clicked select_promotion promotion_offered",
            "promotion_not_offered": "product_list_filtered product_removed_from_wishlist group share",
        }
    )
)


def looked_up(name: str) -> str:
    """The form of an event's name in these tables.

    >>> looked_up("Product Viewed"), looked_up("add-to-cart")
    ('product_viewed', 'add_to_cart')
    """
    return name[:MAX_NAME_CHARS].lower().replace("-", "_").replace(" ", "_")
