"""Tests of the synthetic faces."""
