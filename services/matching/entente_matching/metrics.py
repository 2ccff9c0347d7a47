"""What the business watches of matching."""

from prometheus_client import Counter, Gauge, Histogram

import_rows = Counter("entente_matching_import_rows_total", "Rows of imported files, by what came of them", ["outcome"])
searches = Counter("entente_matching_searches_total", "Searches, by whether anybody was found", ["outcome"])
search_seconds = Histogram(
    "entente_matching_search_seconds",
    "Time that the index takes for a search",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)
scores = Counter("entente_matching_scores_total", "Fit scores given one by one, by confidence", ["confidence"])
feedback = Counter("entente_matching_feedback_total", "What came back from collaborations, by kind", ["kind"])
indexed_creators = Gauge("entente_matching_indexed_creators", "Creators in the search index")
index_seen_time = Gauge(
    "entente_matching_index_seen_timestamp_seconds", "Machine time up to which the index has seen the database"
)
index_delay_seconds = Histogram(
    "entente_matching_index_delay_seconds",
    "Time from a change of a creator to its being found by this process",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
index_snapshot_bytes = Gauge("entente_matching_index_snapshot_bytes", "Size of the index's own file")
unreadable_states = Counter(
    "entente_matching_unreadable_states_total", "Records of the topic of creators that do not decode"
)
