"""Analytics: what a campaign returned. Tracked links, conversions, content metrics, KPIs and objectives."""
