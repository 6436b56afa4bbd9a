"""Names that other systems use for our fields and event types: tables, no logic.

Read from GA4, Segment, Vertex Retail, Personalize, Recombee, Gorse and Metarank. A new client's spelling is
a new entry here and nothing else; bodies with another nesting are flattened in `vendors.py`.
"""

from collections.abc import Mapping

MAX_NAME_CHARS = 128  # of an event's name that are read; none here is as long


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
        "add_to_cart": "product_added cart_addition wishlist_product_added_to_cart",
        "purchase": "purchase_complete order_completed",
        "rating": "rate product_reviewed",
        "like": "star share product_shared",
        "dislike": "",
        "impression": "category_page_view view_item_list product_list_viewed",
        "bookmark": "add_to_wishlist product_added_to_wishlist",
        "watch": "view_portion",
        "search": "view_search_results products_searched",
    }
)

# Records about a person rather than an item.
PERSON_TYPES = names({"identify": "alias", "erase": "forget", "profile": "user_profile"})

# Events that say nothing on one item's worth: a mirrored topic is full of them. `*` stands for any characters.
IGNORED_BY_SYSTEM: Mapping[str, str] = {
    "collected by GA4, Firebase or a tag manager": (
        "page_view screen_view scroll user_engagement session_start session_end first_visit first_open file_download "
        "video_* form_* gtm.* app_* ad_* adunit_exposure notification_* dynamic_link_* firebase_* os_update error "
        "in_app_purchase exception campaign_details"
    ),
    "recommended by GA4": (
        "login sign_up select_content join_group generate_lead *_lead tutorial_* level_* post_score "
        "unlock_achievement earn_virtual_currency spend_virtual_currency view_cart remove_from_cart "
        "begin_checkout add_payment_info add_shipping_info refund view_promotion select_promotion"
    ),
    "Segment and RudderStack": (
        "page screen group cart_viewed cart_shared product_removed product_removed_from_wishlist "
        "product_list_filtered promotion_viewed promotion_clicked checkout_started checkout_step_viewed "
        "checkout_step_completed payment_info_entered order_updated order_refunded order_cancelled coupon_* "
        "application_* install_attributed push_notification_* deep_link_* email_* unsubscribed live_chat_* "
        "signed_up signed_in signed_out account_created account_deleted trial_started trial_ended invite_sent"
    ),
    "Vertex AI Search for commerce": ("home_page_view shopping_cart_page_view promotion_offered promotion_not_offered"),
}
IGNORED_EVENTS = tuple(name for listed in IGNORED_BY_SYSTEM.values() for name in listed.split())


def looked_up(name: str) -> str:
    """The form of an event's name in these tables.

    >>> looked_up("Product Viewed"), looked_up("add-to-cart")
    ('product_viewed', 'add_to_cart')
    """
    return name[:MAX_NAME_CHARS].lower().replace("-", "_").replace(" ", "_")
