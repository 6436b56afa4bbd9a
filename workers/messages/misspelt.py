"""Variables of the environment that look like settings and are none: a misspelt one must not be ignored in silence."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

# Of other tools of the project: where downloads are kept.
ELSEWHERE = frozenset({"TASTESTREAM_CACHE"})
# What Kubernetes (and Docker's links) set for a service that is called tastestream or tastestream-something.
_LINK_NAME = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")


def misspelt(environment: Mapping[str, str], prefix: str, known: Collection[str]) -> Iterator[str]:
    """What is wrong with each variable that begins with `prefix` and is not `known`; case does not matter.

    >>> list(misspelt({"SHOP_WEBPORT": "1", "SHOP_PORT": "tcp://10.0.0.1:6066"}, "SHOP_", {"SHOP_WEB_PORT"}))
    ['SHOP_WEBPORT is no setting: do you mean SHOP_WEB_PORT?']
    """
    for variable, value in sorted(environment.items()):
        name = variable.upper()
        if not name.startswith(prefix) or name in known or name in ELSEWHERE:
            continue
        if _LINK_NAME.search(name) or _LINK_VALUE.match(value):
            continue
        # Without what all have in common, which would make any two alike.
        near = get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in sorted(known)], n=1)
        yield f"{variable} is no setting: " + (f"do you mean {prefix}{near[0]}?" if near else "remove it")
