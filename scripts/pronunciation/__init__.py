"""examples/g2p/run_all.sh: several languages, the same systems for each, one table.

``plan.py`` says what is trained, and is the file to change.
"""
