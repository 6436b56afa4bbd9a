"""Requests that wait for an event of their own wake up when it is folded."""

import asyncio

from workers.users.progress import Progress


async def test_offsets_only_grow() -> None:
    progress = Progress()
    assert progress.offset(1) == -1
    progress.advance(1, 7)
    progress.advance(1, 3)
    assert (progress.offset(1), progress.offset(0)) == (7, -1)


async def test_a_waiting_request_goes_on_at_its_own_event_and_not_before() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.wait_until(lambda: progress.offset(0) >= 5, timeout_s=30.0))
    for offset in (3, 4):
        await asyncio.sleep(0)
        progress.advance(0, offset)
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.advance(0, 5)
    assert await waiting


async def test_what_already_holds_needs_no_waiting_even_without_time() -> None:
    assert await Progress().wait_until(lambda: True, timeout_s=0.0)


async def test_what_never_comes_is_given_up() -> None:
    assert not await Progress().wait_until(lambda: False, timeout_s=0.01)


async def test_waiting_requests_check_again_when_rows_changed_by_records_from_elsewhere() -> None:
    progress, rows = Progress(), set[str]()
    waiting = asyncio.create_task(progress.wait_until(lambda: "u" in rows, timeout_s=30.0))
    await asyncio.sleep(0)
    rows.add("u")
    progress.wake()
    assert await asyncio.wait_for(waiting, 5.0)
