"""The base of errors whose message is meant for a person: what is wrong, where, and what to do."""


class Complaint(Exception):  # noqa: N818 - what a person reads, not what a program does wrong
    """An error that the command line prints as it is, without a traceback.

    Attributes:
        wrong_use: whoever called can mend it by calling or writing something else (exit code 2, else 3).
    """

    wrong_use = False
