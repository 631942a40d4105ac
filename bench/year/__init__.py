"""A year of a twelve-chair clinic, lived in an hour or two, and what it leaves."""
