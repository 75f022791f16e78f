"""Planted faults: that the tests would notice them."""
