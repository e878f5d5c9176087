"""The exceptions of the project; each carries the exit code that the command line returns for it.

::

    NonnError
    ├── BadInput(ValueError)          2   a file, option or sample that cannot be used
    │   └── MissingExtra(ImportError) 2   a command needs an extra that is not installed
    ├── OverBudget                    1   the model does not fit the flash or RAM budget
    ├── NoDevice                      3   no device, or more than one, answers
    ├── LinkError(OSError)            4   the serial link failed for good
    │   └── LinkTimeout(TimeoutError) 4   nothing valid arrived before the deadline
    ├── DeviceError                   5   the device answered with an error status
    ├── WrongModel                    6   the device holds another model than the bundle
    └── Interrupted                 130   the user ended a command that had begun to change a device

The message is one line: what is wrong, where, and what to do about it.
"""


class NonnError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 2


class BadInput(NonnError, ValueError):
    """A file, an option or a sample cannot be used as it is."""


class MissingExtra(BadInput, ImportError):
    """A command needs an optional part of the package that is not installed."""


class OverBudget(NonnError):
    """The model needs more flash or RAM than the budget allows."""

    exit_code = 1


class NoDevice(NonnError):
    """No device answers, or more than one does and none was chosen."""

    exit_code = 3


class LinkError(NonnError, OSError):
    """The serial link failed and retrying did not help."""

    exit_code = 4


class LinkTimeout(LinkError, TimeoutError):
    """Nothing valid arrived before the deadline."""


class DeviceError(NonnError):
    """The device understood the request and answered with an error status."""

    exit_code = 5


class WrongModel(NonnError):
    """The device holds another model than the bundle."""

    exit_code = 6


class Interrupted(NonnError):
    """The user ended a command after it had begun to change a device."""

    exit_code = 130
