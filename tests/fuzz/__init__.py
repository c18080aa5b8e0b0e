"""Hostile inputs for every door of the bot: what somebody else wrote, and our code has to read.

A *door* takes bytes as they would come in (a file, a line, a reply) and gives them to the real code behind it. It says
in one word how that ended, and raises where a promise was broken. For each input the promises are:

1. It ends in a value or in a typed error of ours. Anything else that is raised is a find.
2. It ends within `bounds`: so much of a processor's time and so much more memory.
3. No order leaves but the one that the input asks for and the door checks. What was refused changed nothing.
4. No secret is shown, neither in what is returned nor in what is logged.

Inputs are made by changing the files of ``corpus/DOOR`` at random (`mutation`): bytes, lines, and the words of JSON, so
that most inputs get behind the first check. The same door, seed and number always give the same input. There is no
socket, no real time and no guidance by coverage; `guided` has that, with atheris, for whoever wants to look deeper.

``python -m tests.fuzz [DOOR ...] --inputs N --workers K --seed S`` runs it.
"""
