"""The tests look at nothing that would show the mistake: only the plugin does."""

import asyncio

import httpx
from notes import open_maker
from shop import make_app

POSTS = "abc"


async def visit(shared: bool) -> None:
    async with open_maker() as maker:
        app = make_app(maker, shared=shared, at_once=asyncio.Barrier(len(POSTS)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            answers = await asyncio.gather(
                *(client.post("/notes", params={"text": name}) for name in POSTS)
            )
            assert all(answer.status_code == 200 for answer in answers)
            assert all(answer.headers["stamped"] == "yes" for answer in answers)
            assert (await client.get("/notes")).json() >= 0
        await app.state.everybodys.close()


def test_shared() -> None:
    asyncio.run(visit(shared=True))


def test_own() -> None:
    asyncio.run(visit(shared=False))
