"""The topic tree is built and read alike, whatever names say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.mqtt.topics import TREE, TopicError, Topics, check_topic
from emulator.events import KINDS

TOPICS = Topics("spdm", "lab")
NAMES = st.text(min_size=1, max_size=20)


def names_in(form: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", form)


@given(data=st.data(), fleet=NAMES)
def test_what_is_built_is_read_again(data: st.DataObject, fleet: str) -> None:
    topics = Topics("lab/spdm", fleet)
    row = data.draw(st.sampled_from(TREE))
    names = {
        name: data.draw(st.sampled_from([*KINDS]) if name == "kind" else NAMES)
        for name in names_in(row.form)
    }
    topic = topics.of(row.name, **names)
    assert not re.search("[+#\0]", topic)
    assert topic.count("/") == 4 + row.form.count("/") + names.get("kind", "").count(".")
    at = topics.parse(topic)
    assert at is not None
    assert (at.row, at.names) == (row, names)


@given(text=st.text())
def test_any_other_topic_is_none_of_the_tree(text: str) -> None:
    assert TOPICS.parse(text) is None
    at = TOPICS.parse(f"spdm/v1/lab/{text}")
    assert at is None or TOPICS.of(at.row.name, **at.names)


@pytest.mark.parametrize("row", TREE, ids=lambda row: row.name)
def test_a_filter_has_every_topic_of_its_kind(row: object) -> None:
    assert row in TREE
    name = getattr(row, "name", "")
    found = TOPICS.all_of(name)
    assert not re.search("[{}]", found)
    assert TOPICS.shared(name) == f"$share/lab/{found}"


def test_the_forms_are_these() -> None:
    kind = "connection.up"
    assert TOPICS.of("device-event", device="a/b", kind=kind) == (
        "spdm/v1/lab/device/a%2Fb/event/connection/up"
    )
    assert TOPICS.all_of("device-event") == "spdm/v1/lab/device/+/event/#"
    assert TOPICS.of("fleet-command") == "spdm/v1/lab/command"


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(TopicError, match="found an empty name"):
        TOPICS.of("device-status", device="")


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0", 3, "x" * 65536, "\ud800" * 65536])
def test_nothing_can_be_published_there(topic: object) -> None:
    with pytest.raises(TopicError, match="reply_to: found"):
        check_topic(topic, what="reply_to")
