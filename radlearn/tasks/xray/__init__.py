"""What every task on X-rays shares: cached radiographs, prediction over files, trivial baselines, subgroups, parts of the report."""
