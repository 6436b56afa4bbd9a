"""What a worker goes by: followed from compacted topics, or learned online."""
