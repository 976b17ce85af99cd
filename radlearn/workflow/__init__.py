"""What runs every use case: tasks and their commands, data source, splits by person, report frame, tuning report."""
