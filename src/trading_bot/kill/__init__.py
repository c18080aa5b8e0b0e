"""The kill: trading off, every order of ours cancelled, and proof that none is open.

What it guarantees and how is at the top of `switch`. Around it: `accounts` finds the accounts of a state folder if it
is in doubt which one is meant; `register` reads the orders on record and `patience` bounds how long that may take;
`run` sorts what a listing shows; `positive_control` says whether an empty list proves anything; `verdict` and `report`
say what was proven. `records` is the kill's own file, which `intake` takes into the journal once a holder runs.

What it does not: it sells nothing. Shares stay held, and the report names them.
"""
