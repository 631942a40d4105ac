"""What each rule decides, in words for whoever was called by it: one or two sentences a rule, no numbers that a limit's row has.

Rules with limits say here what is special about them; their numbers, and a site's own, come from the rows (`limits.py`).
Never here: how a rule is computed; its title and category (`rules.py`).
"""

from __future__ import annotations

from typing import Final

from models.tables.rules import RULES

# fmt: off
DECIDES: Final[dict[str, str]] = {
    "hypertension": "The pressure by cuff is high. One cuff asks for a recheck; two in a row call somebody.",
    "hypertensive-crisis": "The pressure by cuff is so high that one cuff is enough. One far from a normal neighbour, or whose two pressures do not fit, waits for its recheck first.",
    "pressure-rise": "The pressure has risen far above the one before the dose, and is high by itself as well.",
    "pressure-forecast": "From the cuffs so far the pressure may be high in 10 to 20 minutes. It only asks for a cuff, and calls nobody.",
    "hypotension": "The systolic pressure by cuff is low. A second cuff, or a slow heart beside it, confirms it.",
    "tachycardia": "The heart, or the pulse where no ECG is there, is fast, and has been so for the hold.",
    "bradycardia": "The heart, or the pulse where no ECG is there, is slow, and has been so for the hold. By the pulse alone the hold is longer, because a failing signal counts missed beats.",
    "hyperthermia": "The temperature is high.",
    "hypothermia": "The temperature is low.",
    "desaturation": "The oxygen saturation is low, and has been so for the hold. A signal that is doubted (it jumps, stands still, or the pulse and the ECG disagree) is held longer, but not for ever.",
    "bradypnoea": "Breathing is slow. A rate between the two limits counts only where something else says so too: the saturation, the carbon dioxide, or sedation.",
    "tachypnoea": "Breathing is fast, and has been so for the hold.",
    "apnoea": "No breath is seen: by the rate, by the carbon dioxide, or, where both are there, by both at once.",
    "hypoventilation": "Carbon dioxide is building up: too little is breathed out.",
    "shallow-breathing": "The carbon dioxide of a breath is low for long: breathing is shallow, or the line does not see all of it.",
    "sedation": "Somebody has scored the patient as moderately sedated or deeper.",
    "unresponsive": "Somebody has scored the patient as responding to pain only, or not at all.",
    "dissociation": "The dissociation that was scored is more than slight. It is expected after the drug; at the lower limit it is only shown.",
    "severe-dissociation": "The dissociation that was scored is strong. With marked distress, or unresponsiveness, it is of high priority.",
    "prolonged-dissociation": "Two hours after the dose began dissociation or drowsiness is still there, by the last score.",
    "suicidal-ideation": "An answer in a questionnaire says that there are thoughts of suicide. The priority follows the answer, whatever a forecast says.",
    "answers-unread": "A form that may hold an answer about suicide could not be understood. Somebody has to read it.",
    "mood-worsening": "The mood of a patient at home has become clearly worse within days, by the scores that were sent.",
    "predose-pressure": "Before the dose the pressure is above what the label allows without a decision.",
    "vitals-overdue": "A cuff that the protocol asks for was not taken.",
    "checkin-overdue": "A score that the protocol asks for was not entered.",
    "observation-incomplete": "The session was ended before the patient was ready to leave, or before it was known.",
    "contraindication": "A condition or a medication on record speaks against the dose.",
    "dose-check": "A dose is far from the plan, from the usual amount for that weight, or comes soon after another.",
    "entry-unread": "A line that may matter to somebody's safety could not be understood.",
    "help-asked": "Somebody in a chair has asked for somebody, on the tablet before them.",
    "unscheduled": "A monitor sends for somebody of whom no session was started. They are watched all the same.",
    "unknown-devices": "A sender has sent for more devices without a session than can be watched. The next ones are not.",
    "other-site": "A sender writes about another site than the one served. Nothing of it is watched.",
    "two-at-once": "Two sessions are open in one chair, or two for one person.",
    "session-forgotten": "A session was never ended and nothing has come from it for long.",
    "entry-refused": "An entry was for a session that had ended or changed, and was not used.",
    "no-data": "Nothing has come from a monitor for a while. What is not measured is not watched.",
    "never-started": "A session was started and its monitor has never sent anything.",
    "probe-off": "A probe is off, or a channel that was there has had no trusted reading for a while.",
    "artefact": "A channel sends readings that cannot be believed.",
    "implausible": "Readings are outside what a living person can have.",
    "clock-skew": "A device's clock is far from ours, so that its readings cannot be put in time.",
    "integrity": "Chairside itself has failed on something. What it concerns is named.",
    "page-failing": "Pages to one destination do not arrive. The others are told.",
    "host-clock": "The clock of the machine that Chairside runs on has jumped or is wrong.",
    "disk-full": "The disk that Chairside writes to is nearly full; once it is full nothing is accepted and nobody is watched.",
    "glass-broken": "A clinician of another site of the network reads a patient's record, and has given a reason.",
    "nobody-on-call": "By the rota nobody is on call now, or nobody will be from an instant within days.",
    "maintenance-due": "By its forecast the next dose of a patient at home is probably due within the time in which visits are booked.",
    "relapse-risk": "A relapse is likely within days and no visit is booked, or its chance has risen fast.",
}
# fmt: on

if DECIDES.keys() != RULES.keys():
    raise TypeError(f"models/tables/rule_words.py and rules.py differ in {sorted(DECIDES.keys() ^ RULES.keys())}")
