"""Where calls, events and timers come in."""
