"""The only code that stores what Google says about a space, its members, its calls and who is in them.

Buttons, the scheduler and pushed events choose what to ask; they store the answers through the functions in this package. The rules:
an answer older than what is known changes nothing, applying an answer twice does no harm, and the state of the room follows in the same
transaction.
"""
