"""The data of the backlog run, the share of time that its worker gets, and what it prints."""

import signal
import threading
from io import StringIO

from rich.console import Console

from load.datasets.interleaved import interleaved_dataset
from load.faults.backlog import backlog_table
from load.faults.backlog_run import BacklogRun
from load.faults.duty_cycle import DutyCycle, Share

RUN = BacklogRun(
    items=100,
    users=50,
    events=400,
    published_s=1.0,
    searchable_s=2.0,
    folded_s=3.0,
    shown_s=4.0,
    left=0,
    ends=(),
    peak_mb=80.0,
)


def test_every_user_rates_before_any_rates_again() -> None:
    ratings = interleaved_dataset(items=30, users=20, events=50).ratings
    assert len(ratings) == 50
    assert set(ratings.user[:20].tolist()) == set(ratings.user[20:40].tolist()) == set(range(20))


def test_the_same_sizes_give_the_same_data_and_only_items_that_are_described() -> None:
    first, second = (interleaved_dataset(items=30, users=20, events=50) for _ in range(2))
    assert first.fingerprint() == second.fingerprint()
    assert set(map(str, first.ratings.item.tolist())) <= {item["item_id"] for item in first.items}


def test_a_few_items_get_most_of_the_events() -> None:
    items = interleaved_dataset(items=1_000, users=100, events=5_000).ratings.item.tolist()
    counts = sorted((items.count(item) for item in set(items)), reverse=True)
    assert sum(counts[:100]) > 0.4 * len(items)


def test_a_process_is_stopped_and_continued_in_turn_and_left_running() -> None:
    sent: list[signal.Signals] = []
    twice = threading.Event()

    def send(number: signal.Signals) -> None:
        sent.append(number)
        if len(sent) == 4:
            twice.set()

    with DutyCycle(send, Share(0.001, 0.001)):
        assert twice.wait(10)
    assert sent == [signal.SIGSTOP, signal.SIGCONT] * (len(sent) // 2)


def test_a_run_counts_as_survived_with_nothing_left_and_no_end() -> None:
    assert RUN.survived
    for change in ({"left": 1}, {"ends": (1,)}):
        assert not BacklogRun(**{**RUN.as_json(), "ends": (), **change}).survived


def test_the_table_shows_how_long_it_took_and_how_often_the_worker_ended() -> None:
    shown = StringIO()
    Console(width=100, file=shown).print(backlog_table("a run", BacklogRun(**{**RUN.as_json(), "ends": (1, 1)})))
    table = shown.getvalue()
    assert "2 (1, 1)" in table
    assert "100 " in table and "4.0 s" in table
