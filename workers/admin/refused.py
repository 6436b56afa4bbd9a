"""Shows what a followed topic holds that workers skip, and how to heal it (prints)."""

from rich.console import Console

from workers.admin.shown import shown
from workers.stream.refused import Refusals

# The newest ones; the rest is counted.
MOST_REFUSED = 20


def print_refused(console: Console, refused: Refusals) -> None:
    """Say which records of a followed topic no worker goes by, the newest first, and how to heal them."""
    newest = list(refused)[::-1]
    for record in newest[:MOST_REFUSED]:
        text = f"skipped: {record.position}, key {record.key!r}: {record.reason}: {record.problem}"
        console.print(shown(text, 1_000), soft_wrap=True)
    if len(newest) > MOST_REFUSED:
        console.print(f"skipped: {len(newest) - MOST_REFUSED} more", highlight=False)
    if newest:
        healing = "a good record of the same key, or a null value, takes the place of one that is skipped"
        console.print(healing, soft_wrap=True)
