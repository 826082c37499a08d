"""Python imports this at start-up, for the tests put this folder on PYTHONPATH: children are offline too."""

import tests.offline.block_network  # noqa: F401 (importing it is what blocks)
