"""Resource names. A name is the aggregate's id in the database and the subject of its events."""


def campaign_name(id: str) -> str:
    """The name of a campaign."""
    return f"campaigns/{id}"


def brand_name(id: str) -> str:
    """The name of a brand."""
    return f"brands/{id}"


def collaboration_name(campaign: str, creator: str) -> str:
    """The one collaboration of a creator in a campaign."""
    return f"{campaign}/collaborations/{id_of(creator)}"


def campaign_of(collaboration: str) -> str:
    """The campaign that a collaboration belongs to."""
    return collaboration.partition("/collaborations/")[0]


def id_of(name: str) -> str:
    """The last part of a name."""
    return name.rpartition("/")[2]
