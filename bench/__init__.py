"""The benchmark harness: suites x systems x metrics -> records -> tables and report.

At the top lie the commands; every other file lies in a room.
"""
