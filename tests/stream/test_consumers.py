"""A consumer that reads what was not committed would count aborted transactions: none is made by chance."""

from pathlib import Path

import workers

MADE_IN = Path("stream/consumers.py")


def test_all_consumers_of_the_workers_are_made_in_one_file() -> None:
    folder = Path(workers.__file__).parent
    making = {file.relative_to(folder) for file in folder.rglob("*.py") if "AIOKafkaConsumer(" in file.read_text()}
    assert making == {MADE_IN}
