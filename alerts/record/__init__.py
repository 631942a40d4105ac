"""The record of a session: what was entered, measured and told on one time line, and what other systems want of it."""
