"""One page for one person: who they are, their cards, what they did, what was done for them. Reads only.

`page.py` puts it together, and each other file reads one part with a number of queries that does not grow with the
person's purchases. Buttons are in onecard/desk/person_buttons.py.
"""
