"""What the business watches of messaging."""

from prometheus_client import Counter

notifications = Counter("entente_messaging_notifications_total", "Notifications made", ["occasion"])
deliveries = Counter(
    "entente_messaging_deliveries_total", "Attempts to deliver, by how it stands after them", ["channel", "outcome"]
)
digested = Counter("entente_messaging_digested_total", "Notifications that digests told")
bounces = Counter("entente_messaging_bounces_total", "E-mails that came back", ["permanent"])
messages = Counter("entente_messaging_messages_total", "Messages written by people", ["sender"])
