"""What the business watches."""

from prometheus_client import Counter

campaigns_changed = Counter("entente_campaign_steps_total", "Steps of campaigns, by the state they led to", ["state"])
collaboration_steps = Counter("entente_collaboration_steps_total", "Steps of collaborations, by action", ["action"])
acceptances_refused = Counter(
    "entente_campaign_acceptances_refused_total",
    "Acceptances refused for want of places, budget or an open campaign, by reason",
    ["reason"],
)
reservations_lapsed = Counter(
    "entente_campaign_reservations_lapsed_total",
    "Reserved places whose acceptance had not confirmed them in time, by what was done",
    ["outcome"],
)
reminders_sent = Counter("entente_campaign_reminders_total", "Reminders that came due, by kind", ["kind"])
scores_asked = Counter("entente_campaign_scores_asked_total", "Questions to matching, by outcome", ["outcome"])
