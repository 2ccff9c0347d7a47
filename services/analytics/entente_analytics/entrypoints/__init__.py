"""Ways in: gRPC, the HTTP redirect, event streams and timers."""
