"""The proxy's process: `python -m bench.server.proxy`, told what to do by lines of JSON.

Each line on stdin is a request, and gets one line on stdout. At the end of stdin, which is the end
of the parent too, the process ends.
"""

import json
import os
import signal
from typing import Any

from bench.model.link import Link
from bench.server.proxy.counters import Counters
from bench.server.proxy.relay import Port, Relay


class _Requests:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._ports: dict[int, Port] = {}
        self._rest = b""

    def read(self) -> None:
        """Answer every whole line that has come."""
        data = os.read(0, 65_536)
        if not data:
            self._relay.stop()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(self._answer(json.loads(line))).encode() + b"\n")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "open":
            target = request["target"]
            where = target if isinstance(target, str) else (target[0], target[1])
            try:
                port = Port(where, Link(*request["link"]))
            except OSError as error:
                return {"error": f"{error.strerror}"}
            self._ports[port.number] = port
            self._relay.listen(port)
            return {"port": port.number}
        port = self._ports[request["port"]]
        if request["do"] == "close":
            self._relay.close(port)
            del self._ports[port.number]
        counted, port.counters = port.counters, Counters()
        return counted.as_dict()


def main() -> None:
    """Serve until stdin ends. Ctrl-C is for the parent, which then closes stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    relay = Relay()
    relay.watch(0, _Requests(relay).read)
    relay.run()


if __name__ == "__main__":
    main()
