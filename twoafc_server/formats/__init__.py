"""The files that leave a study and come back: rows of responses, and the sealed bundle.

It imports `base` only and hands out both formats to those who write them and those who read them.
"""
