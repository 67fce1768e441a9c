import io

import msgspec
import pytest

from core.frames import EventReader, encode, read_request
from core.messages import Cancel, Done, Failed, OpenModel, Progress
from core.values import Outcome, text


def test_events_survive_any_splitting():
    events = [
        Progress(id=1, stage=text("Reading"), done=1, total=3),
        Failed(id=2, code="OpenError", what=text("No {x}", x="y")),
        Done(id=3, value=Outcome(size_bytes=7)),
    ]
    stream = b"".join(encode(event) for event in events)
    for portion in (1, 3, len(stream)):
        reader, found = EventReader(), []
        for start in range(0, len(stream), portion):
            found += reader.feed(stream[start : start + portion])
        assert found == events


def test_requests_are_read_until_the_stream_ends():
    stream = io.BytesIO(
        encode(OpenModel(id=1, model="a.onnx")) + encode(Cancel(id=2, target=1)) + b"\x05\x00"
    )
    assert read_request(stream) == OpenModel(id=1, model="a.onnx")
    assert read_request(stream) == Cancel(id=2, target=1)
    assert read_request(stream) is None


def test_a_stream_that_is_no_stream_of_frames_is_refused():
    with pytest.raises(ValueError, match="frame"):
        EventReader().feed(b"hello, this is a print of some library")


def test_a_message_of_an_unknown_kind_is_refused():
    body = msgspec.msgpack.encode({"type": "FormatDisk"})
    with pytest.raises(msgspec.ValidationError):
        read_request(io.BytesIO(len(body).to_bytes(4, "little") + body))
