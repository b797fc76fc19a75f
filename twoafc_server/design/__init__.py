"""What a study is and which trials it consists of: file, stimuli, allocation, rules, their check.

It imports `base` and `formats`, knows no database, and hands out frozen values.
"""
