"""The states a study, a slot and a participant can be in."""

STUDY_STATES = ("open", "paused", "closed")
SLOT_STATES = ("free", "claimed", "done")

# On the way to a slot.
BEFORE_SLOT = ("arrived", "consented", "screened")
# Ended without one.
TURNED_AWAY = ("no_consent", "screened_out", "incompatible")
# Holding one, or having held one to its end or its loss.
WITH_SLOT = ("active", "completed", "failed_checks", "expired")
# Gave answers that may be asked for again, because a reply was lost.
WITH_RESULT = ("active", "completed", "failed_checks")
# At most one participant of these per slot.
LIVE = ("active", "completed")
PARTICIPANT_STATES = (*BEFORE_SLOT, *TURNED_AWAY, *WITH_SLOT, "withdrawn")
ENDED = (*TURNED_AWAY, "completed", "failed_checks", "expired", "withdrawn")

PAYOUT_KINDS = ("approve", "return", "bonus")
# sending: about to be asked, or asked without a known outcome; refused: certainly not done.
PAYOUT_STATES = ("sending", "done", "refused")
