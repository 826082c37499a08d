"""Every dataset as its authors ship it: one file per dataset, each a `Dataset` record with its reader.

No dataset comes with this package. The layouts and counts are facts from the datasets' papers and from public
code that reads them; `facts.json` holds the counts, fold lists and frame lists with their sources.
"""

from openau.data.datasets.facts import dataset_facts
from openau.data.datasets.findings import Finding, Notes
from openau.data.datasets.record import Dataset

__all__ = ["Dataset", "Finding", "Notes", "dataset_facts"]
