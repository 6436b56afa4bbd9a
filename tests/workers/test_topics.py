"""Topic names and what each topic must look like."""

from workers.topics import MAX_LETTER_BYTES, Topics, TopicSpec, is_legal_name

TOPICS = Topics("shop.")
SPECS = {spec.name: spec for spec in TOPICS.specs(user_partitions=4, item_partitions=3)}


def spec(name: str) -> TopicSpec:
    return SPECS["shop." + name]


def test_every_topic_carries_the_prefix_and_a_legal_name() -> None:
    assert len(SPECS) == 17
    assert all(name.startswith("shop.") and is_legal_name(name) for name in SPECS)


def test_topics_of_one_key_share_one_partition_count() -> None:
    users = (
        "user-interactions",
        "interactions-rerouted",
        "recommendation-requests",
        "recommendations-served",
        "user-state-changelog",
    )
    items = ("item-catalog", "item-transitions", "item-vectors", "item-state-changelog", "item-counts-changelog")
    assert {spec(name).partitions for name in users} == {4}
    assert {spec(name).partitions for name in items} == {3}
    assert all(spec(name).fixed for name in (*users, *items))


def test_state_is_compacted_and_the_log_of_events_is_kept_for_ever() -> None:
    compacted = {name for name, one in SPECS.items() if one.cleanup == "compact"}
    rows = {"shop.user-state-changelog", "shop.item-state-changelog", "shop.item-counts-changelog"}
    ours = {"shop.item-catalog", "shop.ranker-weights", "shop.recommendation-rules", "shop.experiments"}
    vectors = {"shop.item-vectors", "shop.item-vectors-versions"}
    assert compacted == rows | ours | vectors
    assert spec("user-interactions").config["retention.ms"] == "-1"


def test_a_dead_letter_has_room_for_more_than_a_whole_record() -> None:
    assert spec("dead-letters").config["max.message.bytes"] == str(MAX_LETTER_BYTES)


def test_no_client_may_have_replies_sent_to_a_topic_of_ours() -> None:
    allowed = [name for name in SPECS if TOPICS.may_reply_to(name)]
    assert allowed == ["shop.recommendation-replies"]


def test_topics_of_others_may_be_named_for_replies() -> None:
    assert TOPICS.may_reply_to("web-replies")
    assert TOPICS.may_reply_to("user-interactions")  # another service's, without our prefix
    assert not TOPICS.may_reply_to("__transaction_state")
    assert not TOPICS.may_reply_to("web-replies\n")
