"""Argument types that several commands share; imports nothing heavy."""

import argparse


def positive(text: str) -> int:
    """A whole number of 1 or more; argparse turns anything else into one line and code 2."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {value}, wanted 1 or more")
    return value
