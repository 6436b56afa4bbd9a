"""Words by which foreign names of fields and events are recognised: tables, no logic.

Names of fields are written without separators, in lower case, alone or with the name of their parent.
"""

from collections.abc import Mapping

from workers.records.aliases import names
from workers.records.mapping import RecordKind

FIELD_HINTS: Mapping[RecordKind, Mapping[str, str]] = {
    "interaction": names(
        {
            "event_id": "eventid messageid eventuuid uuid guid",
            "event_type": "eventtype eventname event action activity verb type what operation interaction",
            "user_id": "userid user uid customerid customer memberid member accountid account profileid buyerid buyer "
            "shopperid shopper subscriberid subscriber readerid reader viewerid viewer listenerid listener personid "
            "person who",
            "anonymous_id": "anonymousid visitorid visitor guestid guest deviceid cookieid clientid",
            "session_id": "sessionid session sid visitid",
            "item_id": "itemid item productid product sku articleid article contentid content movieid movie "
            "trackid track asin songid song videoid video bookid book offerid offer listingid listing skuid productsku",
            "value": "rating score stars points grade",
            "event_time": "eventtime timestamp time ts datetime occurredat occurred occurredon createdat happenedat "
            "happened eventtimestamp eventts when timestampms loggedat recordedat",
            "recommendation_id": "recommendationid requestid rankingid",
            "scenario": "placement widget",
        }
    ),
    "item": names(
        {
            "item_id": "itemid productid sku articleid contentid movieid trackid asin songid videoid bookid offerid "
            "listingid skuid productsku",
            "title": "name itemname productname headline label caption displayname producttitle itemtitle movietitle",
            "description": "summary text plot overview",
            "category": "categoryname department dept genre section",
            "tags": "keywords labels topics genres",
            "price": "unitprice saleprice listprice",
            "available": "instock isavailable isactive",
            "published_at": "publishedat releasedate publicationdate createdat",
            "url": "permalink link pageurl",
            "image_url": "image imageurl picture thumbnail cover poster",
            "vector": "embedding embeddings",
        }
    ),
}

ID_WORDS = ("identifier", "number", "uuid", "guid", "code", "key", "ref", "id", "no", "nr")
"""Last words of a name that say only that it is an id: whose, its parent or the rest of the name says."""

NAME_WORDS = frozenset({"name", "title", "label", "caption", "displayname"})
"""Last words that mean an item's title only where they are the item's own."""

OTHER_ENTITIES = frozenset(
    names(
        {
            "brand": "manufacturer publisher supplier seller vendor store shop",
            "author": "artist director owner user customer",
            "collection": "series campaign currency country",
        }
    )
)
"""Parents whose name is not the item's."""

# What takes something back says nothing of ours, whatever else such a name contains.
EVENT_NEGATIONS = ("remov", "cancel", "refund", "return", "delet", "fail", "abandon", "reject", "declin")

# The first one that a name contains decides, so the longer and the negative ones come first.
EVENT_HINTS: tuple[tuple[str, str], ...] = (
    ("unlike", "dislike"),
    ("dislike", "dislike"),
    ("like", "like"),
    ("impress", "impression"),
    ("shown", "impression"),
    ("wish", "bookmark"),
    ("favo", "bookmark"),
    ("bookmark", "bookmark"),
    ("purchas", "purchase"),
    ("order", "purchase"),
    ("bought", "purchase"),
    ("cart", "add_to_cart"),
    ("basket", "add_to_cart"),
    ("rating", "rating"),
    ("rated", "rating"),
    ("review", "rating"),
    ("watch", "watch"),
    ("play", "watch"),
    ("listen", "watch"),
    ("search", "search"),
    ("click", "click"),
    ("tapped", "click"),
    ("select", "click"),
    ("buy", "purchase"),
    ("share", "like"),
    ("saved", "bookmark"),
    ("pdp", "view"),
    ("view", "view"),
    ("visit", "view"),
    ("seen", "view"),
)
