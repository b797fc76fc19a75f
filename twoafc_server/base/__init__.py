"""What every other room stands on: clock, environment, secrets, errors, whole files.

It imports no other room and hands out small functions and values.
"""
