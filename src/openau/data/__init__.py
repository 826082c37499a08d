"""From a dataset's folder to what training reads: index table, face crops, split, targets, batches.

A dataset is a function from a folder to an index table; everything behind it knows only the table. Unknown
labels are NaN and never change a loss or a metric.

`build_index` → `prepare` (crops) → `subject_split` → `targets`. The torch half (`openau.data.dataset`,
`openau.data.augment`) is imported on its own, so that preparing crops needs no PyTorch.
"""

from openau.data.crops import Preparation, prepare
from openau.data.index import DATASETS, build_index
from openau.data.protocol import leakage, subject_split, targets
from openau.data.store import CropStore

__all__ = [
    "DATASETS",
    "CropStore",
    "Preparation",
    "build_index",
    "leakage",
    "prepare",
    "subject_split",
    "targets",
]
