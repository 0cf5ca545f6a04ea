"""The gate: verification of a candidate adapter, and the thresholds of the router."""
