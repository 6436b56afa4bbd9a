"""All faults in the order of the table."""

from load.faults.clock_faults import faketime_is_missing, producers_clocks_jump, worker_clock_jumps
from load.faults.disk_faults import disk_is_missing, fill_disk, make_read_only
from load.faults.fault import Fault
from load.faults.folder_faults import corrupt_index, lose_index, second_worker_on_same_folder
from load.faults.kafka_faults import (
    broker_absent_at_start,
    broker_away,
    kill_broker,
    recreate_topic,
    tear_changelog,
)
from load.faults.process_faults import kill_alone, kill_at_peak, rebalance, sleep_through_session, stop_in_chunk
from load.faults.qdrant import server_is_missing
from load.faults.server_faults import server_down, server_hung, server_set_back, server_slow

# What the stub of a Qdrant server can take in: it is Python.
SERVED_RATE = 50.0

FAULTS = (
    Fault("kill -9 of one of three at peak", kill_at_peak, workers=3, index="memory", at_peak=True),
    Fault("kill -9 of the only worker", kill_alone),
    Fault("rebalance 1→2→3→2→1→6→1", rebalance, index="memory", named=False),
    Fault("SIGTERM in a chunk", stop_in_chunk),
    Fault("SIGSTOP beyond the session", sleep_through_session, workers=2, index="memory", named=False),
    Fault("kill -9 of the broker", kill_broker),
    Fault("broker away", broker_away),
    Fault("broker absent at start", broker_absent_at_start),
    Fault("truncated and malformed row in a changelog", tear_changelog),
    Fault("topic deleted and created again", recreate_topic),
    Fault("Qdrant server down", server_down, index="server", rate=SERVED_RATE, needs=server_is_missing),
    Fault("Qdrant server hung", server_hung, index="server", rate=SERVED_RATE, needs=server_is_missing),
    Fault("Qdrant server slow, 500 ms", server_slow, index="server", rate=SERVED_RATE, needs=server_is_missing),
    Fault("Qdrant server set back", server_set_back, index="server", rate=SERVED_RATE, needs=server_is_missing),
    Fault("index folder in use", second_worker_on_same_folder),
    Fault("index lost", lose_index),
    Fault("index corrupted", corrupt_index),
    Fault("disk full", fill_disk, needs=disk_is_missing),
    Fault("state folder read-only", make_read_only, needs=disk_is_missing),
    Fault("worker's clock ± 1 h", worker_clock_jumps, needs=faketime_is_missing),
    Fault("producers' clocks ± 1 h", producers_clocks_jump),
)
