"""The proxy between client and server: order, delays that are never too short, ends, its process.

That a delay is not too long is shown by the proxy's own counts in every run: no test asserts it.
"""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import psutil
import pytest

from bench.model.errors import BenchError
from bench.model.link import Link
from bench.server.proxy.direction import MOST_WAITING_BYTES
from bench.server.proxy.process import HOST, Proxy
from bench.server.proxy.relay import Address
from tests.bench.command import LONGEST_S


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        yield running


def serve(handle: Callable[[socket.socket], None]) -> Address:
    """Return the address of a server that gives its first connection to `handle`."""
    listener = socket.create_server((HOST, 0))

    def accept() -> None:
        with closing(listener):
            connection, _ = listener.accept()
        with closing(connection):
            handle(connection)

    threading.Thread(target=accept, daemon=True).start()
    host, port = listener.getsockname()
    return (host, port)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while data := connection.recv(65_536):
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("link", [Link(), Link(2_000_000, 2_000_000), Link(0, 0, 5e6)], ids=str)
def test_bytes_arrive_whole_and_in_order(proxy: Proxy, link: Link) -> None:
    """Defect: with jitter, a later message could overtake an earlier one."""
    data = random.Random(1).randbytes(400_000)
    port = proxy.open(serve(echo), link)
    with socket.create_connection((HOST, port)) as client:

        def send() -> None:
            chunks = random.Random(2)
            start = 0
            while start < len(data):
                end = start + chunks.randint(1, 20_000)
                client.sendall(data[start:end])
                start = end
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert read_all(client) == data
        sender.join()
    counts = proxy.close(port)
    assert counts.bytes_to_server == counts.bytes_to_client == len(data)


@pytest.mark.parametrize("latency_ns", [200_000, 500_000, 1_000_000, 20_000_000])
def test_a_round_trip_is_never_shorter_than_asked(proxy: Proxy, latency_ns: int) -> None:
    """Defect: 0.5 ms became 0, because epoll's timeouts are whole milliseconds."""
    port = proxy.open(serve(echo), Link(latency_ns))
    with socket.create_connection((HOST, port)) as client:
        for _ in range(20):
            start = time.perf_counter_ns()
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            assert time.perf_counter_ns() - start >= latency_ns
    assert proxy.close(port).round_trips == 20


def test_the_first_message_waits_for_the_handshake_too(proxy: Proxy) -> None:
    """Defect: a new connection cost no round trip, so that NullPool looked cheap."""
    port = proxy.open(serve(echo), Link(20_000_000))
    start = time.perf_counter_ns()
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"x")
        client.recv(1)
        assert time.perf_counter_ns() - start >= 40_000_000
    proxy.close(port)


def test_bandwidth_is_shared_by_all_connections(proxy: Proxy) -> None:
    listener = socket.create_server((HOST, 0))
    host, number = listener.getsockname()
    port = proxy.open((host, number), Link(0, 0, 1_000_000))
    start = time.perf_counter_ns()
    with closing(listener):
        clients = [socket.create_connection((HOST, port)) for _ in range(2)]
        servers = [listener.accept()[0] for _ in clients]
        for client in clients:
            client.sendall(bytes(50_000))
            client.shutdown(socket.SHUT_WR)
        assert [len(read_all(server)) for server in servers] == [50_000, 50_000]
        assert time.perf_counter_ns() - start >= 100_000_000
        for end in (*clients, *servers):
            end.close()
    proxy.close(port)


def test_an_answer_to_a_half_closed_connection_arrives(proxy: Proxy) -> None:
    """Defect: the end of the client's stream ended the server's answer with it."""

    def answer_at_the_end(connection: socket.socket) -> None:
        question = read_all(connection)
        connection.sendall(question.upper())

    port = proxy.open(serve(answer_at_the_end), Link(1_000_000))
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"QUESTION"
    proxy.close(port)


def test_a_server_that_leaves_is_seen_by_its_client(proxy: Proxy) -> None:
    port = proxy.open(serve(lambda connection: connection.sendall(b"bye")), Link(1_000_000))
    with socket.create_connection((HOST, port)) as client:
        assert read_all(client) == b"bye"
    proxy.close(port)


def test_a_server_that_is_absent_closes_the_connection(proxy: Proxy) -> None:
    with socket.create_server((HOST, 0)) as listener:
        absent = listener.getsockname()
    port = proxy.open((absent[0], absent[1]), Link())
    with socket.create_connection((HOST, port)) as client:
        assert client.recv(1) == b""
    proxy.close(port)


def test_a_slow_client_holds_the_server_back(proxy: Proxy) -> None:
    """Defect: a proxy without a limit read a whole result into its memory."""
    sent = 0
    has_stopped = threading.Event()

    def send_much(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(1)
        with suppress(TimeoutError):
            while True:
                sent += connection.send(bytes(1 << 20))
        has_stopped.set()

    port = proxy.open(serve(send_much), Link())
    with socket.create_connection((HOST, port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        received = 0
        while data := client.recv(1 << 20):
            if received == 0:
                assert has_stopped.wait(LONGEST_S)  # the server sends until nobody takes more
            received += len(data)
        assert received == sent
    counts = proxy.close(port)
    assert counts.bytes_to_client < MOST_WAITING_BYTES * 4


def test_messages_sent_without_waiting_are_one_round_trip(proxy: Proxy) -> None:
    """Defect: a pipeline of three messages counted as three."""
    whole = b"parsebindexecute"

    def answer_the_last(connection: socket.socket) -> None:
        asked = b""
        while len(asked) < len(whole):
            asked += connection.recv(100)
        connection.sendall(asked)

    port = proxy.open(serve(answer_the_last), Link())
    with socket.create_connection((HOST, port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in (b"parse", b"bind", b"execute"):
            client.sendall(message)
            time.sleep(0.001)
        answer = b""
        while len(answer) < len(whole):
            answer += client.recv(100)
    assert proxy.counts(port).round_trips == 1
    assert proxy.close(port).round_trips == 0


def test_a_connection_that_ends_without_an_answer_is_no_round_trip(proxy: Proxy) -> None:
    """Defect: the protocol's last message, Terminate, counted as a round trip."""
    port = proxy.open(serve(lambda connection: print(read_all(connection))), Link())
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"X")
    assert proxy.close(port).round_trips == 0


def test_a_closed_link_ends_its_connections(proxy: Proxy) -> None:
    port = proxy.open(serve(echo), Link())
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        proxy.close(port)
        assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_a_proxy_that_died_is_named() -> None:
    """Defect: the driver's "connection refused" said nothing of the proxy."""
    with Proxy() as dying:
        psutil.Process(dying.pid).kill()
        with pytest.raises(BenchError, match="proxy between client and server has ended") as error:
            dying.open((HOST, 1), Link())
    assert len(str(error.value).splitlines()) == 2


def test_the_process_ends_with_a_parent_that_is_killed() -> None:
    """Defect: a killed command left its proxy running."""
    source = (
        "import time\n"
        "from bench.server.proxy.process import Proxy\n"
        "proxy = Proxy()\n"
        "print(proxy.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    child.wait(LONGEST_S)


def test_ctrl_c_does_not_end_the_proxy_before_its_parent(proxy: Proxy) -> None:
    """Defect: Ctrl-C reaches the whole group, and cases that were ending failed by the proxy."""
    psutil.Process(proxy.pid).send_signal(signal.SIGINT)
    port = proxy.open(serve(echo), Link())
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    proxy.close(port)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit(2)")
def test_a_proxy_that_can_open_no_port_is_named() -> None:
    """Defect: the error was a traceback of the proxy, and the command waited for its answer."""
    with Proxy() as full:
        full.open((HOST, 1), Link())  # it has started, and opens no further file by itself
        psutil.Process(full.pid).rlimit(psutil.RLIMIT_NOFILE, (3, 3))
        with pytest.raises(BenchError, match=r"cannot listen at 127.0.0.1: ") as error:
            full.open((HOST, 1), Link())
    assert len(str(error.value).splitlines()) == 2


def test_a_port_that_others_hold_is_never_asked_for(proxy: Proxy) -> None:
    """Defect: a fixed port would be taken on some machine. The kernel gives one that is free."""
    ports = [proxy.open((HOST, 1), Link()) for _ in range(3)]
    assert len(set(ports)) == 3
    for port in ports:
        proxy.close(port)
