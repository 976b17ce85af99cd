"""What every use case is run by: task and verbs, data source, splits of people, report frame, search on validation people."""
