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
            "event_type": "eventtype eventname event action activity verb type",
            "user_id": "userid user uid customerid customer memberid member accountid account profileid buyerid",
            "anonymous_id": "anonymousid visitorid visitor guestid guest deviceid cookieid clientid",
            "session_id": "sessionid session sid visitid",
            "item_id": "itemid item productid product sku articleid article contentid content movieid trackid asin",
            "value": "rating score stars",
            "event_time": "eventtime timestamp time ts datetime occurredat createdat happenedat eventtimestamp",
            "recommendation_id": "recommendationid requestid rankingid",
            "scenario": "placement widget",
        }
    ),
    "item": names(
        {
            "item_id": "itemid productid sku articleid contentid movieid trackid asin",
            "title": "name itemname productname headline",
            "description": "summary text plot overview",
            "category": "categoryname department genre section",
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
    ("search", "search"),
    ("click", "click"),
    ("view", "view"),
    ("visit", "view"),
    ("seen", "view"),
)
