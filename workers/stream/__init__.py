"""The stream core: runs of records in, acknowledged effects out, offsets committed last.

Invariants (docs/decisions/0001-own-the-stream-core.md says why each holds):
1. A chunk is a run of consecutive records of one partition, delivered in offset order.
2. An offset is committed only when every record below it has had all its effects acknowledged.
3. A state row is written only after the evidence that it accounts for is acknowledged.
4. No agent folds into a partition whose rows are not recovered, or that is no longer ours.
5. A failed write ends the process: nothing later may be acknowledged past a lost record.
6. What a crash interrupted is repeated before a record of another topic may change the same rows.
"""
