"""What load.py and drill.py share: a served study, its participants, and the count afterwards.

Everything listens and asks on 127.0.0.1 only.
"""
