"""What every Entente service stands on: state, events, RPCs, time and telemetry. It knows no domain noun."""
