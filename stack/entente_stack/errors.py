"""What the stack says when it cannot go on."""


class StackError(Exception):
    """The stack cannot do what was asked. The message says what is wrong and what to do about it."""
