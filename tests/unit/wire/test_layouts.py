"""Every message in every shape, against bytes written by hand."""

import pytest
from unit.wire.samples import SAMPLES, Sample

from emulator.errors import WireError
from emulator.spdm.messages import LAYOUTS
from emulator.wire import annotate, decode, encode, parse, render
from emulator.wire.annotate import explain

PROOFS = ("signature", "verify_data")
each = pytest.mark.parametrize("sample", SAMPLES, ids=str)


def test_every_layout_has_samples() -> None:
    assert {sample.layout for sample in SAMPLES} == set(LAYOUTS.values())


@each
def test_round_trip(sample: Sample) -> None:
    message, end = decode(sample.layout, sample.raw, sample.shape)
    assert end == len(sample.raw)
    assert encode(message, sample.shape) == sample.raw
    assert message.code == sample.layout.CODE == sample.raw[1]


@each
def test_without_its_trailer_a_message_lacks_its_proofs_only(sample: Sample) -> None:
    message, _ = decode(sample.layout, sample.raw, sample.shape)
    unsigned = encode(message, sample.shape, trailer=False)
    kept = b"".join(data for name, data in sample.parts if name not in PROOFS)
    assert unsigned == kept


@each
def test_cut_at_any_byte_the_field_that_fails_is_named(sample: Sample) -> None:
    for cut in range(len(sample.raw)):
        if sample.open_ended and cut >= sample.settled:
            continue
        with pytest.raises(WireError) as failure:
            decode(sample.layout, sample.raw[:cut], sample.shape)
        assert failure.value.field == sample.field_at(cut), cut
        assert failure.value.message == sample.layout.__name__
        assert failure.value.offset <= cut


@each
def test_padding_up_to_the_slack_is_accepted_and_no_more(sample: Sample) -> None:
    if sample.open_ended:
        message, end = parse(sample.layout, sample.raw + bytes(4), sample.shape)
        assert end == len(sample.raw) + 4
        assert encode(message, sample.shape) == sample.raw + bytes(4)
        return
    expected, _ = parse(sample.layout, sample.raw, sample.shape)
    for padding in (1, 2, 3):
        message, end = parse(sample.layout, sample.raw + b"\xff" * padding, sample.shape, slack=3)
        assert (message, end) == (expected, len(sample.raw))
    with pytest.raises(WireError) as failure:
        parse(sample.layout, sample.raw + bytes(4), sample.shape, slack=3)
    assert (failure.value.field, failure.value.offset) == ("", len(sample.raw))
    with pytest.raises(WireError, match="where the message ends after"):
        parse(sample.layout, sample.raw + bytes(1), sample.shape)


@each
def test_an_annotation_has_each_field_where_it_lies(sample: Sample) -> None:
    spans = annotate(sample.layout, sample.raw, sample.shape)
    at = 0
    for span, (name, data) in zip(spans, sample.parts, strict=True):
        assert (span.name, span.start, span.end) == (name, at, at + len(data))
        at = span.end
        if isinstance(span.value, bytes):
            assert span.value == data
        else:
            assert span.value == int.from_bytes(data, "little")


@each
def test_an_annotation_covers_every_byte_however_many_there_are(sample: Sample) -> None:
    longer = sample.raw + b"more"
    for length in range(len(longer) + 1):
        spans = annotate(sample.layout, longer[:length], sample.shape)
        assert [span.start for span in spans] == [0, *(span.end for span in spans)][:-1]
        assert (spans[-1].end if spans else 0) == length


@each
def test_a_rendering_has_a_line_a_field(sample: Sample) -> None:
    lines = render(sample.layout, sample.raw, sample.shape).splitlines()
    assert [line.split()[1] for line in lines] == [name for name, _ in sample.parts]


@each
def test_what_fits_has_nothing_to_explain(sample: Sample) -> None:
    assert "disagree" in explain(sample.layout, sample.raw, sample.shape).reason
