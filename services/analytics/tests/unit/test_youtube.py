"""The YouTube connector against a local server that answers in the documented shapes of the Data API."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from entente_analytics.adapters.youtube import YouTube
from entente_analytics.application.commands.content import fetch_content_metrics
from entente_analytics.domain.campaigns import PublishedPost
from entente_analytics.domain.content import Figures
from entente_chassis.http import HttpServer
from entente_chassis.refusal import Precondition, Unavailable
from entente_chassis.store.model import Change

VIDEOS = {
    "dQw4w9WgXcQ": {"viewCount": "1234567", "likeCount": "8901", "favoriteCount": "0", "commentCount": "234"},
    # Its owner hides likes, and comments are off.
    "aaaaaaaaaaa": {"viewCount": "10", "favoriteCount": "0"},
}
ANNA = "campaigns/spring/collaborations/anna"


class Api:
    """Answers ``videos.list``."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.keys: set[str] = set()
        self.answer: Response | None = None

    async def videos(self, request: Request) -> Response:
        ids = request.query_params["id"].split(",")
        self.asked.append(len(ids))
        self.keys.add(request.headers.get("x-goog-api-key", ""))
        items = [
            {"kind": "youtube#video", "etag": "e", "id": id, "statistics": VIDEOS[id]} for id in ids if id in VIDEOS
        ]
        page = {"totalResults": len(items), "resultsPerPage": len(items)}
        found = {"kind": "youtube#videoListResponse", "etag": "e", "items": items, "pageInfo": page}
        return self.answer or JSONResponse(found)


def refusal(status: int, reason: str) -> JSONResponse:
    error = {"message": "No.", "domain": "youtube.quota", "reason": reason}
    return JSONResponse({"error": {"code": status, "message": "No.", "errors": [error]}}, status_code=status)


@pytest.fixture
async def api() -> AsyncIterator[tuple[Api, YouTube]]:
    answers = Api()
    server = HttpServer(Starlette(routes=[Route("/youtube/v3/videos", answers.videos)]), "127.0.0.1:0")
    port = await server.start()
    try:
        yield answers, YouTube("the-key", f"http://127.0.0.1:{port}")
    finally:
        await server.stop()


async def test_figures_of_videos_are_read_fifty_at_once_and_hidden_counts_are_not_there(
    api: tuple[Api, YouTube],
) -> None:
    answers, youtube = api
    gone = [f"https://youtu.be/{number:011d}" for number in range(60)]
    urls = ["https://www.youtube.com/watch?v=dQw4w9WgXcQ", "https://youtu.be/aaaaaaaaaaa", "https://x.example/1", *gone]

    found = await youtube.read(urls)

    assert found == {
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ": Figures(views=1_234_567, likes=8_901, comments=234),
        "https://youtu.be/aaaaaaaaaaa": Figures(views=10),
    }
    assert sorted(answers.asked) == [12, 50]
    assert answers.keys == {"the-key"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(403, "quotaExceeded"), Unavailable),
        (refusal(400, "keyInvalid"), Precondition),
        (refusal(500, "backendError"), Unavailable),
        (PlainTextResponse("<html>"), Unavailable),
        (JSONResponse(["surprise"], status_code=400), Precondition),
    ],
)
async def test_a_refusal_is_told_from_an_outage(
    api: tuple[Api, YouTube], answer: Response, kind: type[Exception]
) -> None:
    answers, youtube = api
    answers.answer = answer

    with pytest.raises(kind):
        await youtube.read(["https://youtu.be/dQw4w9WgXcQ"])


async def test_a_campaigns_videos_are_recorded_once_and_what_is_not_shown_is_set_aside(
    service: Any, api: tuple[Api, YouTube]
) -> None:
    posts = (PublishedPost("https://youtu.be/dQw4w9WgXcQ", "video-1"), PublishedPost("https://youtu.be/bbbbbbbbbbb"))

    await service.stores.collaborations.change(
        ANNA, lambda state: Change(replace(state, platform="YOUTUBE", posts=posts))
    )

    done = [
        await fetch_content_metrics(service.stores, [api[1]], "campaigns/spring", now=service.clock.now())
        for _ in range(2)
    ]

    assert [(each.recorded, each.repeated) for each in done] == [(1, 0), (0, 1)]
    assert [(one.subject, one.reason) for one in done[0].aside] == [("https://youtu.be/bbbbbbbbbbb", "POST_NOT_SHOWN")]
    (post,) = await service.stores.posts.find()
    assert (post.state.latest().views, post.state.deliverable) == (1_234_567, "video-1")
