"""All faults in the order of the table, and what was not run and why."""

from load.outages.fault import Fault
from load.outages.folder_faults import corrupt_index, lose_index, second_worker_on_same_folder
from load.outages.kafka_faults import (
    broker_absent_at_start,
    broker_away,
    clock_jumps,
    kill_broker,
    tear_changelog,
)
from load.outages.process_faults import (
    kill_alone,
    kill_at_peak,
    rebalance,
    sleep_through_session,
    stop_in_chunk,
)

FAULTS = (
    Fault("kill -9 of one of three at peak", kill_at_peak, workers=3, index="memory", at_peak=True),
    Fault("kill -9 of the only worker", kill_alone),
    Fault("rebalance 1→2→3→2→1→6→1", rebalance, index="memory", named=False),
    Fault("kill -9 of the broker", kill_broker),
    Fault("broker away", broker_away),
    Fault("broker absent at start", broker_absent_at_start),
    Fault("SIGTERM in a chunk", stop_in_chunk),
    Fault("SIGSTOP beyond the session", sleep_through_session, workers=2, index="memory", named=False),
    Fault("index folder in use", second_worker_on_same_folder),
    Fault("index lost", lose_index),
    Fault("index corrupted", corrupt_index),
    Fault("torn row in the changelog", tear_changelog),
    Fault("record times ± 1 h", clock_jumps),
)
NOT_RUN = {
    "Qdrant server down, hung, slow, old": "these runs have no server; tests/index has its faults",
    "worker's clock ± 1 h": "needs a clock of its own for a process (faketime); record times are shifted instead",
}
