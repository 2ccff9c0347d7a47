"""The contract of a collaboration."""

from entente_campaign.domain.collaborations.model import Collaboration


def is_required(collaboration: Collaboration) -> bool:
    """Whether nothing goes on before both sides have accepted a contract."""
    return False
