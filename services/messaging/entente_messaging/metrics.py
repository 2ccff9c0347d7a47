"""What the business watches of messaging."""

from prometheus_client import Counter

notifications = Counter("entente_messaging_notifications_total", "Notifications made", ["occasion"])
mails = Counter("entente_messaging_mails_total", "Attempts to send an e-mail, by how it stands after them", ["outcome"])
messages = Counter("entente_messaging_messages_total", "Messages written by people", ["sender"])
