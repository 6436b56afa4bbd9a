"""The digest sees what changed, and only that."""

import random
from dataclasses import fields
from typing import Any

import orjson

from models.state.history import HistoryEntry
from models.state.identity import Identity
from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState
from models.state.user_state import UserState
from tests.models.builders import evidence
from tests.state.builders import Fold, touch, vector_of
from workers.admin.state.counts_row import CountsRow
from workers.admin.state.digest import TOLERANCE, differences, table_digest, to_json
from workers.admin.state.form import Form, counts_form, item_form, user_form
from workers.admin.state.rows_diff import unlike_rows
from workers.items.rows import ItemRow

LOG = [touch(item, 1_000 * n, user) for n, (item, user) in enumerate(["au", "bu", "av", "cv", "bu"])]


def of(rows: dict[str, Form]) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(orjson.dumps(to_json({"users": table_digest(rows.items(), keep_rows=True)})))
    return made


def test_rows_in_another_order_have_the_same_digest() -> None:
    rows = {key: Form({"n": n}, {"taste": (n / 3, 1.0)}) for n, key in enumerate("abcdef")}
    keys = list(rows)
    random.Random(1).shuffle(keys)
    assert of(rows) == of({key: rows[key] for key in keys})


def test_evidence_of_two_partitions_in_any_order_gives_the_same_form() -> None:
    pieces = [evidence(n, ["p", "q"], partition=n % 2, clock=700 * n) for n in range(6)]
    straight, crossed = CountsRow.alone(), CountsRow.alone()
    for piece in pieces:
        straight.use.apply(piece)
    for piece in sorted(pieces, key=lambda piece: piece.origin):
        crossed.use.apply(piece)
    first, second = of({"b": counts_form(straight)}), of({"b": counts_form(crossed)})
    assert straight.pack() != crossed.pack()
    assert not differences(first, second)


def test_one_count_that_differs_is_seen_and_named() -> None:
    first, second = Fold().publish(LOG), Fold().publish(LOG)
    second.item("b").use.count += 1
    assert [line.split(" ")[:2] for line in differences(first.digest(), second.digest())] == [["counts:", "hash"]]
    assert list(unlike_rows(first.digest(), second.digest())) == ["counts 'b': count 1 against 2"]


def test_a_lost_event_and_a_lost_user_are_named() -> None:
    first, second = Fold().publish(LOG), Fold().publish([event for event in LOG if event.user_id == "u"])
    assert "users 'v': only in the first" in list(unlike_rows(first.digest(), second.digest()))
    assert any(line.startswith("users: rows 2 against 1") for line in differences(first.digest(), second.digest()))


def test_a_taste_that_differs_by_more_than_rounding_is_seen() -> None:
    first, second = Fold().publish(LOG), Fold().publish(LOG)
    second.users["u"].taste.learn_one(vector_of("a"), 1e-3, 1_000)
    lines = differences(first.digest(), second.digest())
    assert lines and all(line.startswith("users: taste") for line in lines)


def test_rounding_is_no_difference() -> None:
    sums = {"a": Form({}, {"taste": (100.0, 100.0)})}, {"a": Form({}, {"taste": (100.0 * (1 + TOLERANCE / 2), 100.0)})}
    assert not differences(of(sums[0]), of(sums[1]))


def test_two_rows_that_were_swapped_are_seen_in_the_sums() -> None:
    straight = {"a": Form({}, {"taste": (1.0, 1.0)}), "b": Form({}, {"taste": (2.0, 2.0)})}
    swapped = {"a": straight["b"], "b": straight["a"]}
    assert differences(of(straight), of(swapped))


def test_every_part_of_a_row_is_in_its_form_or_left_out_by_name() -> None:
    """A new part of a row is compared in `workers/admin/state/form.py`, or left out as said there."""
    user, row = user_form(UserState(), vector_of).exact, item_form(ItemRow()).exact
    counts = counts_form(CountsRow.alone()).exact
    assert set(UserState.__slots__) == {"history", "_seen", "taste", "waiting", "profile", "identity", "watermarks"}
    assert user.keys() == {"history", "seen", "profile", "identity"}
    assert set(Identity.__slots__) == {*user["identity"], "merges"}
    compared = {"time_ms", "item_id", "weight", "event_hash", "stars"}
    assert {field.name for field in fields(HistoryEntry)} == compared | {"origin", "group", "flags"}
    assert set(ItemRow.__slots__) == {"catalog", "slots", "catalog_offset", "forwarded"}
    assert row.keys() == {"catalog", "vectors"}
    numbers, pairs = {"count", "likes", "buyers", "ratings", "stars"}, {"transitions", "cooccurrence", "bought"}
    assert set(ItemState.__slots__) == {*numbers, "_pairs", "slot", "by_events", "by_days", "watermarks", "born"}
    assert set(vars(ItemPairs())) == {"followed", "bought", "_followed", "_bought"}
    assert counts.keys() == numbers | pairs
