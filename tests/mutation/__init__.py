"""Whether the tests notice a wrong line: break one line, run the tests that run it, and see that one fails.

Theory of operation. A *mutant* is a source file with one small change: another comparison, an argument left out, a
condition turned round, a statement dropped. It is *killed* if a test fails or runs past its time limit, and it has
*survived* if all the tests that run the changed line pass. The changes are those of mutmut's operators, and a few of
our own (mutants.py). A room's mutants are drawn by a seed (rooms.py, drawing.py), each by a hash of its own text, so
that a change in one file draws no others elsewhere.

How a mutant costs about a second: the tests are collected once, and run once under coverage to learn which test runs
which line. Then each mutant is a fork of that process in which the code of the changed function is exchanged
(code_swap.py, trial.py), and only the tests that run it are run, the quick ones first, up to the first that fails.
What is decided while a module is imported (a table, a field, a default) cannot be exchanged: such a mutant gets a
process in which the changed module is imported (cold.py).

What it does not tell: text for people is not changed (a string with a space in it), nor are annotations, decorators,
keywords of classes and imports. Tests with processes, real sockets, simulated lives and fault sweeps do not take part,
so a survivor may still die there. A survivor that changes nothing is called equivalent and listed with its reason
(reasons.toml).
"""
