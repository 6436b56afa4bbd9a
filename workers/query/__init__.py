"""From a request to an answer: one file a stage, in the order of `pipeline.py`."""
