"""Content is submitted, sent back, corrected and approved, by people and by the clock."""

from collections.abc import Sequence

from entente.campaign.v1 import service_pb2 as ca
from entente.messaging.v1 import service_pb2 as me
from entente.review.v1 import service_pb2 as re
from entente_cli import texts
from entente_cli.scenario.campaign import in_state, publish_posts, reach_half_time
from entente_cli.scenario.messaging import reminded
from entente_cli.scenario.stage import Stage
from entente_cli.session import creator

_MEDIA = "https://cdn.lysandre.example/{creator}/{version}.mp4"


async def submit(stage: Stage) -> None:
    """All but one submit content in French; some of it does not meet the brief or the law."""
    await stage.day(12)
    whole = 0
    for number, name in enumerate(stage.cast.submitting):
        caption = texts.FLAWED_CAPTIONS[number] if name in stage.cast.flawed else texts.CAPTIONS[number % 3]
        submission = await _submit(stage, name, caption, 1)
        whole += submission.compliance_percent == 100
        if name in stage.cast.flawed:
            failed = [c.title for c in submission.criteria if c.result != re.CRITERION_RESULT_PASS]
            percent = submission.compliance_percent
            stage.tell("review", "SubmissionReceived", f"{name}: {percent} % compliant, not met: {'; '.join(failed)}")
    stage.tell("review", "SubmissionReceived", f"{len(stage.cast.submitting)} submissions, {whole} of them at 100 %")


async def decide(stage: Stage) -> None:
    """The brand asks for changes, approves what is good, and leaves two for the clock."""
    await stage.day(13)
    for name in stage.cast.flawed:
        changes = re.RequestChangesRequest(name=stage.submissions[name], comment=texts.CHANGES)
        asked = await stage.call(stage.brand, stage.session.review.RequestChanges, changes, name)
        stage.tell("review", "ChangesRequested", f"{name}: {asked.feedback[0].comment}")
    await stage.day(14)
    for number, name in enumerate(stage.cast.taking_part):
        if name in stage.cast.flawed:
            corrected = await _submit(stage, name, texts.CAPTIONS[number % 3], 2)
            stage.tell("review", "SubmissionReceived", f"{name}: corrected, {corrected.compliance_percent} %")
    await _approve(stage, stage.cast.decided)


async def wait_for_the_clock(stage: Stage) -> None:
    """Two submissions are approved by the clock after ten days; a creator who is late is reminded."""
    left = stage.cast.left_to_the_clock
    await stage.day(17.1)
    await reminded(stage, stage.brand_name, len(left), me.OCCASION_REVIEW_REMINDER)
    await stage.day(19.1)
    await reminded(stage, stage.brand_name, 2 * len(left), me.OCCASION_REVIEW_REMINDER)
    stage.tell("review", "ReviewReminderDue", f"the brand is reminded of {len(left)} submissions after 5 and 7 days")
    await stage.day(22.1)
    await in_state(stage, left, ca.COLLABORATION_STATE_APPROVED)
    stage.tell("review", "SubmissionApproved", f"{len(left)} approved automatically after 10 days")
    late = stage.cast.tardy
    await reach_half_time(stage, late)
    await reminded(stage, late, 1, me.OCCASION_PUBLICATION_REMINDER)
    stage.tell("campaign", "ReminderDue", f"{late} has nothing to show at half time, and is reminded")
    await _submit(stage, late, texts.CAPTIONS[0], 1)
    await _approve(stage, [late])
    await publish_posts(stage, [*left, late])


async def _approve(stage: Stage, names: Sequence[str]) -> None:
    for name in names:
        approval = re.ApproveSubmissionRequest(name=stage.submissions[name], comment=texts.THANKS)
        await stage.call(stage.brand, stage.session.review.ApproveSubmission, approval, name)
    await in_state(stage, names, ca.COLLABORATION_STATE_APPROVED)
    stage.tell("review", "SubmissionApproved", f"{len(names)} approved by the brand")


async def _submit(stage: Stage, name: str, caption: str, version: int) -> re.Submission:
    media = re.Media(url=_MEDIA.format(creator=name.removeprefix("creators/"), version=version))
    request = re.SubmitContentRequest(
        collaboration=stage.collaboration(name),
        deliverable="reel-1",
        content=re.Content(caption=caption, language="fr", media=[media]),
    )
    submission: re.Submission = await stage.call(
        creator(name), stage.session.review.SubmitContent, request, name, version
    )
    stage.submissions[name] = submission.name
    return submission
