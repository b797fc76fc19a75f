"""Timed two-alternative forced-choice studies: design, serving, storage, analysis."""
