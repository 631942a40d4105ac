"""The store's schema, step by step (Alembic). `Store.migrate` runs these; they ship in the wheel.

To add a step: change `alerts/store/tables.py`, add a file to `versions/`, and run tests/alerts/test_store.py, which
compares the two.
A step only ever adds: the version before it must go on working while workers are replaced one by one.
"""
