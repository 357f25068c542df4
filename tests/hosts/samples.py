"""What Prometheus writes by remote write, decoded.

Sources: https://prometheus.io/docs/specs/prw/remote_write_spec/ and
https://github.com/google/snappy/blob/main/format_description.txt
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Messages of the protocol and their fields in the order of their numbers: name, type, whether there are many.
_MESSAGES = {
    "Label": [("name", "string", False), ("value", "string", False)],
    "Sample": [("value", "double", False), ("timestamp", "int64", False)],
    "TimeSeries": [("labels", "Label", True), ("samples", "Sample", True)],
    "WriteRequest": [("timeseries", "TimeSeries", True)],
}
_FIELD = descriptor_pb2.FieldDescriptorProto


def _request_class() -> Any:
    """Return the class of a WriteRequest."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind, many) in enumerate(fields, 1):
            label = _FIELD.LABEL_REPEATED if many else _FIELD.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if kind in _MESSAGES:
                made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".prometheus.{kind}"
            else:
                made.type = getattr(_FIELD, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


_REQUEST = _request_class()


def decode(body: bytes) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    """Return each series' labels and its samples (milliseconds since the epoch, value)."""
    request = _REQUEST.FromString(_decompress(body))
    return [
        (
            {label.name: label.value for label in series.labels},
            [(sample.timestamp, sample.value) for sample in series.samples],
        )
        for series in request.timeseries
    ]


def _decompress(data: bytes) -> bytes:
    """Return what a block of Snappy holds."""
    position = shift = length = 0
    while True:  # the length, seven bits a byte
        length |= (data[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if data[position - 1] < 0x80:
            break
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        size = (tag >> 2) + 1
        if tag & 3 == 0:  # a literal
            if size > 60:
                more = size - 60
                size = int.from_bytes(data[position : position + more], "little") + 1
                position += more
            out += data[position : position + size]
            position += size
            continue
        if tag & 3 == 1:  # a copy, by an offset of 11 bits
            size = ((tag >> 2) & 7) + 4
            offset = (tag >> 5) << 8 | data[position]
            position += 1
        else:  # by one of 16 or 32 bits
            wide = 2 if tag & 3 == 2 else 4
            offset = int.from_bytes(data[position : position + wide], "little")
            position += wide
        for _ in range(size):  # it may overlap what it makes
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)
