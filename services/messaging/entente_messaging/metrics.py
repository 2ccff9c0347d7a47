"""What the business watches of messaging."""

from prometheus_client import Counter

notifications = Counter("entente_messaging_notifications_total", "Notifications made", ["occasion"])
mails = Counter("entente_messaging_mails_total", "E-mails, by how they ended", ["outcome"])
messages = Counter("entente_messaging_messages_total", "Messages written by people", ["sender"])
