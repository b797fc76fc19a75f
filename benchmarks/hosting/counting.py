"""The count after a run: is every acknowledged answer there once, and no place filled twice?"""

from collections import Counter

from sqlalchemy import text

from hosting.service import command
from twoafc_server.storage.database import open_engine

STORED = """
SELECT r.client_uuid FROM response r JOIN participant p ON p.id = r.participant_id
JOIN study s ON s.id = p.study_id WHERE s.name = :name"""
CELLS = """
SELECT t.id, count(*) FROM response r JOIN participant p ON p.id = r.participant_id
JOIN trial t ON t.id = r.trial_id JOIN study s ON s.id = p.study_id
WHERE s.name = :name AND p.status IN ('active', 'completed') GROUP BY t.id"""
DONE = """
SELECT count(*) FROM participant p JOIN study s ON s.id = p.study_id
WHERE s.name = :name AND p.status = 'completed'"""
FLAGGED = """
SELECT r.flags, count(*) FROM response r JOIN participant p ON p.id = r.participant_id
JOIN study s ON s.id = p.study_id WHERE s.name = :name AND r.flags <> '' GROUP BY r.flags"""


WRONG = ("lost", "duplicated", "over-filled", "without code", "check failed")


def count(checkout, url, study, log, failed):
    """Numbers of what went wrong, all 0 in a good run, and how many completed."""
    engine = open_engine(url)
    with engine.connect() as connection:
        stored = Counter(row[0] for row in connection.execute(text(STORED), {"name": study}))
        cells = connection.execute(text(CELLS), {"name": study}).all()
        completed = connection.execute(text(DONE), {"name": study}).scalar_one()
        flags = {row[0]: row[1] for row in connection.execute(text(FLAGGED), {"name": study})}
    engine.dispose()
    acknowledged = set(log.answers)
    checked = command(checkout, "check", study, "--db", url)
    return {
        "completed": completed,
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - set(stored)),
        "duplicated": sum(n > 1 for n in stored.values()) + len(log.answers) - len(acknowledged),
        "unacknowledged": len(set(stored) - acknowledged),
        "over-filled": sum(n > 1 for _, n in cells),
        "without code": len(failed),
        "check failed": int(checked.returncode != 0),
        "flags": flags,
    }
