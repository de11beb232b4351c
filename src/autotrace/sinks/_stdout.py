"""A sink for the stdout that this process was started with."""

from __future__ import annotations

from autotrace import _process
from autotrace.sinks._descriptor import DescriptorSink
from autotrace.sinks._entry import Entry


class StdoutSink:
    """Writes whole lines to the stdout of this process, and to stderr while descriptor 1 is another file than at activation."""

    def __init__(self) -> None:
        self._sinks: dict[int, DescriptorSink] = {}
        self.fd = 1
        """The descriptor of the latest batch."""

    def write(self, batch: list[Entry]) -> int:
        """Like `DescriptorSink.write`. Raises `OSError` also if neither stdout nor stderr is the program's own."""
        place = _process.stdout.place()
        if place != self.fd and self.fd in self._sinks:
            self._sinks[self.fd].abandon()
        self.fd = place
        if place not in self._sinks:
            self._sinks[place] = DescriptorSink(place)
        return self._sinks[place].write(batch)

    def close(self, deadline: float) -> None:
        """Release the locks. The sink buffers nothing."""
        for sink in self._sinks.values():
            sink.close(deadline)
