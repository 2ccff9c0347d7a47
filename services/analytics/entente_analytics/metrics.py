"""What the business watches in this service."""

from prometheus_client import Counter, Gauge

clicks_taken = Counter("entente_analytics_clicks_taken_total", "Clicks redirected and kept, by verdict", ["verdict"])
clicks_lost = Counter("entente_analytics_clicks_lost_total", "Clicks redirected that could not be kept on disk")
clicks_unsent = Gauge(
    "entente_analytics_journal_unsent_bytes", "Bytes of the click journal that the broker has not got"
)
clicks_counted = Counter(
    "entente_analytics_clicks_counted_total", "Clicks of the stream, by what became of their event", ["outcome"]
)
unknown_links = Counter("entente_analytics_unknown_links_total", "Requests for links that do not exist")
conversions = Counter(
    "entente_analytics_conversions_total", "Conversions reported, by how they are attributed", ["rule"]
)
refunds = Counter("entente_analytics_refunds_total", "Refunds reported")
objectives_changed = Counter(
    "entente_analytics_objectives_changed_total", "Objectives by the status they got", ["status"]
)
archived_records = Counter("entente_analytics_archived_records_total", "Records written to the archive of raw events")
postbacks = Counter("entente_analytics_postbacks_total", "Postbacks and pixels, by what became of them", ["outcome"])
rows_set_aside = Counter("entente_analytics_rows_set_aside_total", "Rows of imports not taken", ["file", "reason"])
