"""Numbers with their nouns, for people."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number and the noun in its form; `plural` is the noun with an s unless given.

    >>> counted(1, "event"), counted(2_000, "event"), counted(0, "reply", "replies")
    ('1 event', '2,000 events', '0 replies')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
