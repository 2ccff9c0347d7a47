"""Measurements of what was promised: ours and the bare peer, interleaved in one run."""
