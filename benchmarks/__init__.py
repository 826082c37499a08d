"""Measurements of OpenAU. Each script prints a small table; `--write` stores it in `benchmarks/results/`."""
