"""A name that nobody looks up, and threads that other work holds, delay no page to anybody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from alerts.notify.destination import Destination
from alerts.notify.lookup import addresses
from alerts.notify.notifiers import open_destination
from alerts.notify.pager import Pager
from alerts.store.store import Store
from tests.support.paging import Clock, Phone, destination, owe, page, receiver, store, url
from tests.support.service import PATIENCE_S, until

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

DEAD = "dead.example.org"
PAGES = 40
"""More than an event loop has threads for."""


@pytest.fixture
def dead_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that does not answer for one name."""
    over, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == DEAD:
            over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    over.set()


def to(name: str, address: str) -> Destination:
    made = open_destination(address, name)
    made.timeout_s = PATIENCE_S
    return made


@pytest.mark.usefixtures("dead_name")
@pytest.mark.parametrize("dead", [f"webhook://{DEAD}/hook?key=0123456789abcdef0123456789abcdef", f"pcd04://{DEAD}"])
async def test_a_name_that_nobody_looks_up_delays_no_page_to_another_name(store: Store, dead: str) -> None:
    with receiver([]) as (address, got):
        alive = address.replace("json://127.0.0.1", "ntfy://localhost").split("?")[0]
        owe(store, *(page(f"k{n}") for n in range(PAGES)))
        pager = Pager(store, [to("dead", dead), to("alive", alive)], Clock())
        running = asyncio.create_task(pager.run())
        await until(lambda: len(got) == PAGES, "every page at the one whose name is known")
        await pager.drain(running, within_s=0.05)


async def test_threads_that_other_work_holds_delay_no_page(store: Store) -> None:
    over, loop = threading.Event(), asyncio.get_running_loop()
    held = [loop.run_in_executor(None, over.wait) for _ in range(100)]
    phone = Phone()
    owe(store, page("k1"))
    pager = Pager(store, [destination("phone", phone)], Clock())
    running = asyncio.create_task(pager.run())
    try:
        await until(lambda: len(phone.got) == 1, "the page")
        assert not any(each.done() for each in held)
    finally:
        over.set()
        await asyncio.gather(*held)
        assert await pager.drain(running)


async def test_a_name_that_does_not_exist_is_an_error_and_a_number_is_itself() -> None:
    with pytest.raises(socket.gaierror):
        await addresses("no-such-name.invalid", 80)
    assert [address for _, _, address in await addresses("127.0.0.1", 80)] == ["127.0.0.1"]
