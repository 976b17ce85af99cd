"""Files of the toy use case are copied into a package of their own and are no tests."""

collect_ignore = ["toy_use_case"]
