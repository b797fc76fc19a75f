"""The benchmark harness: suites x systems x metrics -> records -> tables and report."""
