"""How far each partition of interactions is folded, and waiting for it (read-your-writes)."""

import asyncio
from collections.abc import Callable


class Progress:
    """Last folded offset per partition; wakes requests that wait for an event of their own."""

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self._advanced = asyncio.Event()

    def offset(self, partition: int) -> int:
        """Last offset folded since this worker started, −1 before the first."""
        return self._offsets.get(partition, -1)

    def advance(self, partition: int, offset: int) -> None:
        """All records up to `offset` are in their users' rows."""
        self._offsets[partition] = max(offset, self.offset(partition))
        self.wake()

    def wake(self) -> None:
        """Rows have changed by records from elsewhere: those who wait check again."""
        self._advanced.set()
        self._advanced = asyncio.Event()

    async def wait_until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Check `holds` again after every advance and wake; False if it is still not true after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._advanced.wait()
        except TimeoutError:
            return holds()
        return True
