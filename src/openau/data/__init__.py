"""From a dataset's folder to what training reads: index table, face crops, folds, targets, batches.

A dataset is a function from a folder to an index table; everything behind it knows only the table. Unknown
labels are NaN and never change a loss or a metric.

`build_index` → `prepare` (crops) → `select_rows` (label rule) → `build_folds` (protocol) with its `leakage` →
`rule_targets`. The torch half (`openau.data.dataset`, `openau.data.augment`, `openau.data.samplers`) is
imported on its own, so that preparing crops needs no PyTorch.
"""

from openau.data.crops import Preparation, prepare
from openau.data.index import DATASETS, build_index
from openau.data.labels import LABEL_RULES, LabelRule, label_rule, rule_targets, select_rows, targets
from openau.data.leakage import Leakage, LeakageReport, leakage
from openau.data.protocols import PROTOCOLS, Folds, build_folds, subject_split
from openau.data.sample import read_sample
from openau.data.store import CropStore
from openau.data.truth import read_landmarks, read_masks, read_parameters

__all__ = [
    "DATASETS",
    "LABEL_RULES",
    "PROTOCOLS",
    "CropStore",
    "Folds",
    "LabelRule",
    "Leakage",
    "LeakageReport",
    "Preparation",
    "build_folds",
    "build_index",
    "label_rule",
    "leakage",
    "prepare",
    "read_landmarks",
    "read_masks",
    "read_parameters",
    "read_sample",
    "rule_targets",
    "select_rows",
    "subject_split",
    "targets",
]
