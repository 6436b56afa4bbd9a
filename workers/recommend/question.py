"""A request with all that it takes to answer it, and who answers."""

from dataclasses import dataclass
from typing import Protocol

from models.state.user_state import UserState
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.reply import Reply
from workers.records.request import Request


@dataclass(frozen=True, slots=True)
class Question:
    """A request of the user whose row is `user`, owned with `partition`; answered as `settings` say."""

    request: Request
    recommendation_id: str
    user: UserState | None = None
    partition: int = 0
    settings: VariantSettings = AS_DEPLOYED


class Answering(Protocol):
    """What the transports ask."""

    async def answer(self, question: Question) -> Reply:
        """The reply; raises `BadRecordError` for what can't be answered, `DependencyError` if all that finds fails."""
