"""Learning keeps within its budget, and chooses without looking."""

import pytest

from models.ranking.budget import Budget


def chosen(budget: Budget, rate: int, seconds: int, start_s: int = 0, cost_s: float = 0.0) -> int:
    """Events chosen of `rate` a second, each costing `cost_s`."""
    taken = 0
    for n in range(rate * seconds):
        if budget.wants(f"{start_s}/{n}", start_s + n / rate):
            taken += 1
            budget.spent(cost_s)
    return taken


def test_quiet_stream_is_learned_whole() -> None:
    assert chosen(Budget(20.0, 0.5), rate=5, seconds=20) == 100


def test_fast_stream_is_learned_at_the_rate_allowed() -> None:
    budget = Budget(20.0, 0.5)
    chosen(budget, rate=2_000, seconds=3)
    assert chosen(budget, rate=2_000, seconds=10, start_s=3) == pytest.approx(200, rel=0.3)


def test_costly_examples_keep_within_the_share_of_a_core() -> None:
    budget = Budget(1_000.0, cpu_share=0.1)
    chosen(budget, rate=500, seconds=3, cost_s=0.005)
    spent_s = 0.005 * chosen(budget, rate=500, seconds=10, start_s=3, cost_s=0.005)
    assert spent_s == pytest.approx(1.0, rel=0.3)


def test_on_a_quarter_of_a_core_learning_takes_the_same_share_of_what_there_is() -> None:
    budget, cpu_s = Budget(1_000.0, cpu_share=0.1), 0.005
    chosen(budget, rate=500, seconds=3, cost_s=4 * cpu_s)
    spent_cpu_s = cpu_s * chosen(budget, rate=500, seconds=20, start_s=3, cost_s=4 * cpu_s)
    assert spent_cpu_s == pytest.approx(0.1 * 20 / 4, rel=0.3)


def test_what_comes_to_the_cost_of_an_example_later_counts() -> None:
    whole, pieces = Budget(1_000.0, cpu_share=0.1), Budget(1_000.0, cpu_share=0.1)
    for n in range(500):
        if whole.wants(f"{n}", n / 100):
            whole.spent(0.02)
        if pieces.wants(f"{n}", n / 100):
            pieces.spent(0.015)
            pieces.spent(0.005, examples=0)
    assert pieces.share == pytest.approx(whole.share)


def test_a_burst_out_of_nothing_ends_at_twice_the_budget_of_a_period() -> None:
    assert chosen(Budget(20.0, 0.5), rate=2_000, seconds=1) == 2 * 20
    assert chosen(Budget(1_000.0, cpu_share=0.1), rate=2_000, seconds=1, cost_s=0.005) == 2 * 20


def test_same_event_is_chosen_by_every_worker_with_the_same_share() -> None:
    budgets = [Budget(20.0, 0.5) for _ in range(2)]
    for budget in budgets:
        budget.share = 0.3
    picks = [[budget.wants(f"e{n}", now_s=0.0) for n in range(1_000)] for budget in budgets]
    assert picks[0] == picks[1]
    assert sum(picks[0]) == pytest.approx(300, rel=0.2)


def test_share_comes_back_when_the_burst_is_over() -> None:
    budget = Budget(20.0, 0.5)
    chosen(budget, rate=2_000, seconds=3)
    assert budget.share < 0.05
    chosen(budget, rate=5, seconds=20, start_s=3)
    assert budget.share == 1.0
