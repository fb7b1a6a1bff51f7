"""TCP proxies in front of the parts, in a process of their own: each passes on, slows, mutes, loses or refuses.

Runs as a script: `proxy.py NAME=PORT=TARGET ...`, where a target is HOST:PORT or the path of a Unix socket. Each line
of the standard input is `NAME MODE VALUE`, and is answered with `ok` once it holds. Needs only the standard library.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PART = 16_384
# At a throttle the bytes come in drops of so much of a second.
DROP_S = 0.1
MODES = ("open", "slow", "throttle", "mute", "lose", "cut")


@dataclass
class Proxy:
    """One way through; `value` is milliseconds for `slow` and bytes a second for `throttle`."""

    name: str
    port: int
    target: str
    mode: str = "open"
    value: int = 0
    passes: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    # Those that would have got what was lost.
    deprived: set[asyncio.StreamWriter] = field(default_factory=set)

    async def behave(self, mode: str, value: int) -> None:
        """From now on; raises ValueError for a mode that there is not."""
        if mode not in MODES:
            raise ValueError(f"{mode} is none of {', '.join(MODES)}")
        self.mode, self.value = mode, value
        if mode == "cut":
            await self._refuse()
        else:
            await self._listen()
        if mode != "lose":
            self._end_deprived()
        if mode == "mute":
            self.passes.clear()
        else:
            self.passes.set()

    async def _listen(self) -> None:
        if self.server is None:
            self.server = await asyncio.start_server(self._take, HOST, self.port, backlog=512, reuse_address=True)

    async def _refuse(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        for writer in list(self.writers):
            _reset(writer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            await self.passes.wait()
            there, back = await self._connect()
        except OSError:
            # As when nobody listens there: the caller is hung up on.
            _reset(writer)
            self.writers.discard(writer)
            return
        self.writers.add(back)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer, is_answer=True))
        self.writers -= {writer, back}
        self.deprived.discard(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.target.startswith("/"):
            return await asyncio.open_unix_connection(self.target)
        host, _, port = self.target.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    def _end_deprived(self) -> None:
        """What lost a part of an answer cannot go on with the rest of it."""
        for writer in list(self.deprived):
            _reset(writer)
        self.deprived.clear()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(PART):
                if is_answer and self.mode == "lose":
                    self.deprived.add(writer)
                else:
                    await self._pass_on(part, writer)
        writer.close()

    async def _pass_on(self, part: bytes, writer: asyncio.StreamWriter) -> None:
        while part:
            await self.passes.wait()
            if self.mode == "slow":
                await asyncio.sleep(self.value / 1000)
            size = len(part)
            if self.mode == "throttle":
                size = max(1, int(self.value * DROP_S))
                await asyncio.sleep(DROP_S)
            writer.write(part[:size])
            await writer.drain()
            part = part[size:]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection at once and without a farewell, as a host that goes down does."""
    opened = writer.get_extra_info("socket")
    if opened is not None and opened.family == socket.AF_INET:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main(places: list[str]) -> None:
    """Serves until the standard input ends."""
    proxies = {}
    for place in places:
        name, port, target = place.split("=", 2)
        proxies[name] = Proxy(name, int(port), target)
        await proxies[name].behave("open", 0)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ok", flush=True)
    while line := await orders.readline():
        name, mode, value = line.decode().split()
        await proxies[name].behave(mode, int(value))
        print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
