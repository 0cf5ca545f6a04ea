"""The gate: what a candidate has proved that it knows."""
