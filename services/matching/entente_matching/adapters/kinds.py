"""What matching keeps, and where its events go."""

from entente_chassis import topics
from entente_chassis.store import Kind
from entente_matching.adapters.events import to_message
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback
from entente_matching.domain.imports import Import
from entente_matching.domain.relations import Relation
from entente_matching.domain.shortlists import Shortlist

EVENTS = topics.events("matching")

CREATORS = Kind(
    collection="creators",
    state_type=Creator,
    topic=EVENTS,
    to_message=to_message,
    indexes=[["changed_at"]],
)
FEEDBACK = Kind(
    collection="feedback",
    state_type=Feedback,
    indexes=[["creator"], ["changed_at"], ["brand"]],
)
RELATIONS = Kind(
    collection="relations",
    state_type=Relation,
    indexes=[["brand", "banned"]],
)
IMPORTS = Kind(
    collection="imports",
    state_type=Import,
    topic=EVENTS,
    to_message=to_message,
    indexes=[["-finished_at"]],
)
SHORTLISTS = Kind(
    collection="shortlists",
    state_type=Shortlist,
    topic=EVENTS,
    to_message=to_message,
    indexes=[["brand"]],
)
