"""The finished run and the evaluated X-rays of the tests of tasks."""

from tests.tasks.conftest import evaluated_xrays, finished, synthetic_folder

__all__ = ["evaluated_xrays", "finished", "synthetic_folder"]
