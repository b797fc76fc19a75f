"""Observers with a known true fool rate: as numbers, as bots over HTTP and in a browser.

It imports `web`, `analysis` and below; power and coverage stand on its numbers.
"""
