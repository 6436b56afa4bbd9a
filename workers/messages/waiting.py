"""What is said while something is tried again and again: one line at first, then one in ten seconds."""

import logging
from collections.abc import Callable

from aiokafka.errors import KafkaConnectionError
from tenacity import RetryCallState

from workers.messages.seldom import Seldom

SAY_EVERY_S = 10.0


def say_what_for(log: logging.Logger, what: str) -> Callable[[RetryCallState], None]:
    """A `before_sleep` of tenacity: names what is waited for, since when, and why the last attempt failed."""
    due = Seldom(SAY_EVERY_S)

    def say(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if due() is not None:
            waited = f" for {state.seconds_since_start:.0f} s" if state.attempt_number > 1 else ""
            log.warning("waiting%s until %s: %s", waited, what, plain(error))

    return say


def plain(error: BaseException | None) -> str:
    """Why a call failed, for people; aiokafka puts addresses as Python writes them into its errors.

    >>> plain(KafkaConnectionError("Unable to bootstrap from [('127.0.0.1', 9092, <AddressFamily.AF_INET: 2>)]"))
    'nothing that speaks Kafka answers there'
    >>> plain(TimeoutError())
    'no answer in time'
    """
    if isinstance(error, KafkaConnectionError) and "Unable to bootstrap" in str(error):
        return "nothing that speaks Kafka answers there"
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__
