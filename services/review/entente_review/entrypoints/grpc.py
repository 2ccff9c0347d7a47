"""The RPCs of review."""

from dataclasses import dataclass
from typing import Any

from entente.review.v1 import service_pb2 as pb
from entente.review.v1 import service_pb2_grpc
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.rpc import Access, Role, current_caller, request_key
from entente_review import metrics
from entente_review.application import commands, queries
from entente_review.application.commands import ToSubmit, Version
from entente_review.application.stores import Desk
from entente_review.domain.content import Content
from entente_review.domain.criteria import Result
from entente_review.domain.events import CriterionFeedback
from entente_review.domain.names import submission_name
from entente_review.domain.review import Submission, SubmissionState, find_version
from entente_review.domain.text import Caption

_READERS = frozenset(Role)
_DECIDERS = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR})

ACCESS: Access = {
    "SubmitContent": frozenset({Role.CREATOR, Role.OPERATOR}),
    "GetSubmission": _READERS,
    "ListSubmissions": _READERS,
    "ApproveSubmission": _DECIDERS,
    "RequestChanges": _DECIDERS,
    "RejectSubmission": _DECIDERS,
    "OverrideCriterion": _DECIDERS,
    "ListDecisions": _READERS,
}
"""Which roles may call what. Whose submission it is, is decided with the submission at hand."""

Context = Any


class ReviewServicer(service_pb2_grpc.ReviewServiceServicer):
    """Answers for review.

    Args:
        desk: what the use cases work on.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def SubmitContent(self, request: pb.SubmitContentRequest, context: Context) -> pb.Submission:
        words = from_proto(_Words, request)
        sent = ToSubmit(
            collaboration=request.collaboration,
            deliverable=request.deliverable,
            deliverable_kind=words.deliverable_kind,
            platform=words.platform,
            content=_content(request.content),
        )
        version = await commands.submit(self._desk, current_caller(), sent, request_key(request))
        if version.review.applied:
            metrics.received(_submission(version))
        return _message(version)

    async def GetSubmission(self, request: pb.GetSubmissionRequest, context: Context) -> pb.Submission:
        return _message(await queries.get(self._desk, current_caller(), request.name))

    async def ListSubmissions(self, request: pb.ListSubmissionsRequest, context: Context) -> pb.ListSubmissionsResponse:
        versions, token = await queries.find(
            self._desk,
            current_caller(),
            campaign=request.campaign,
            collaboration=request.collaboration,
            state=from_proto(_Filter, request).state,
            latest_only=request.latest_only,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListSubmissionsResponse(submissions=map(_message, versions), next_page_token=token)

    async def ApproveSubmission(self, request: pb.ApproveSubmissionRequest, context: Context) -> pb.Submission:
        return await self._decide(request, commands.approval(self._desk, current_caller(), request.comment))

    async def RequestChanges(self, request: pb.RequestChangesRequest, context: Context) -> pb.Submission:
        feedback = tuple(from_proto(CriterionFeedback, entry) for entry in request.feedback)
        return await self._decide(request, commands.changes(self._desk, current_caller(), feedback, request.comment))

    async def RejectSubmission(self, request: pb.RejectSubmissionRequest, context: Context) -> pb.Submission:
        return await self._decide(request, commands.rejection(self._desk, current_caller(), request.reason))

    async def OverrideCriterion(self, request: pb.OverrideCriterionRequest, context: Context) -> pb.Submission:
        result = Result.PASS if request.result == pb.CRITERION_RESULT_PASS else Result.FAIL
        act = commands.overriding(self._desk, current_caller(), request.criterion, result, request.reason)
        version = await commands.decide(
            self._desk, current_caller(), request.name, act, request=request_key(request), etag=request.etag
        )
        if version.review.applied:
            metrics.overridden(_submission(version), request.criterion)
        return _message(version)

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Context) -> pb.ListDecisionsResponse:
        log, token = await queries.decisions(
            self._desk,
            current_caller(),
            request.submission,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListDecisionsResponse(
            decisions=[to_proto(pb.Decision, decision) for decision in log], next_page_token=token
        )

    async def _decide(
        self,
        request: pb.ApproveSubmissionRequest | pb.RequestChangesRequest | pb.RejectSubmissionRequest,
        act: commands.Decide,
    ) -> pb.Submission:
        version = await commands.decide(
            self._desk, current_caller(), request.name, act, request=request_key(request), etag=request.etag
        )
        if version.review.applied:
            metrics.decided(_submission(version))
        return _message(version)


@dataclass(frozen=True)
class _Words:
    """The enums of a request to submit, as words."""

    deliverable_kind: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class _Filter:
    """The enum of a request to list."""

    state: SubmissionState | None = None


def _submission(version: Version) -> Submission:
    return find_version(version.review.state, version.number)


def _content(message: pb.Content) -> Content:
    return Content(
        caption=message.caption,
        language=message.language,
        media=tuple(media.url for media in message.media),
        links=tuple(message.links),
        paid_partnership_label=message.paid_partnership_label,
        audience_markets=tuple(message.audience_markets),
    )


def _message(version: Version) -> pb.Submission:
    review, submission = version.review.state, _submission(version)
    message = to_proto(pb.Submission, vars(submission) | vars(review.subject) | {"content": None})
    message.name = submission_name(review.name, submission.version)
    message.etag = version.review.etag
    message.create_time.FromDatetime(submission.submit_time)
    message.deliverable = review.deliverable
    message.compliance_percent = submission.compliance_percent
    content, caption = submission.content, Caption(submission.content.caption)
    message.content.CopyFrom(
        to_proto(
            pb.Content,
            vars(content)
            | {
                "media": [{"url": url} for url in content.media],
                "hashtags": [tag.name for tag in caption.tags],
                "mentions": [mention.text for mention in caption.mentions],
            },
        )
    )
    return message
