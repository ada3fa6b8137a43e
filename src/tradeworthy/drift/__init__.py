"""Drift of live features: metrics, nulls, calibration, reports and the schedule. All pure."""
