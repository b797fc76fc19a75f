"""What is read out of the database: rows, files to take away, progress, and the proof of balance.

It imports `storage` and what lies below; it writes nothing to the database.
"""
