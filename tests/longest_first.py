"""In which order files of tests are taken: the last ones are short, so that no process works alone at the end."""

from collections import defaultdict
from collections.abc import Iterable

import pytest

LONGEST = (
    # Half a minute or more each; a file that is missing here, or here in vain, costs only balance.
    "tests/worker/test_lifecycle.py",
    "tests/worker/test_index_outages.py",
    "tests/load/test_demo.py",
    "tests/worker/test_digest.py",
    "tests/worker/test_security.py",
    "tests/worker/test_transactions.py",
    "tests/worker/test_hostile_corpus.py",
    "tests/worker/test_watchdog.py",
    "tests/worker/test_kills.py",
    "tests/infra/test_broker.py",
    "tests/worker/test_dead_letter_tools.py",
    "tests/worker/test_experiments.py",
    "tests/worker/test_people.py",
    "tests/worker/test_zombies.py",
    "tests/worker/test_backlog.py",
    "tests/worker/test_rebalance.py",
    "tests/worker/test_shared_index.py",
    "tests/workers/test_rebuild.py",
    "tests/load/test_cli.py",
    "tests/query/test_every_title.py",
    "tests/models/test_pair_table.py",
    "tests/clients/test_codecs.py",
    "tests/worker/test_retrain.py",
    "tests/worker/test_weights.py",
    "tests/query/test_large.py",
    "tests/load/test_evaluate.py",
    "tests/load/test_bench_contract.py",
    "tests/load/test_fault_runs.py",
    "tests/load/test_bench_speed.py",
)


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The same tests by files: the longest, then those that use the broker, then the rest; a file stays together."""
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.nodeid.partition("::")[0]].append(item)
    return [item for name in sorted(files, key=lambda name: _turn(name, files[name])) for item in files[name]]


def _turn(file: str, items: list[pytest.Item]) -> int:
    if file in LONGEST:
        return LONGEST.index(file)
    waits = any("broker" in getattr(item, "fixturenames", ()) for item in items)
    return len(LONGEST) + (0 if waits else 1)
