"""Errors carry the exit code that the command line leaves with."""

import inspect

from radlearn import errors


def test_every_error_is_one_a_user_can_mend_except_the_interruption() -> None:
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass) if each is not errors.RadlearnWarning]
    assert len(classes) > 5
    for each in classes:
        assert issubclass(each, errors.RadlearnError)
        assert each.exit_code == {errors.Interrupted: 130, errors.FoundErrors: 1}.get(each, 2)
        assert each.__doc__
