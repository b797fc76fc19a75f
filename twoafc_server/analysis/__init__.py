"""Fool rates with intervals that hold: participants and images are crossed random samples."""
