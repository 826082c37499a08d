"""FACS-labelled synthetic faces: pictures whose action units, landmarks and pose are known exactly.

Needs the extra `synth` (numba) and the user's own copy of the face rig, see `openau.synth.rig`.
"""

from openau.errors import MissingExtraError

try:
    import numba as _numba  # noqa: F401 - only to say clearly that it is missing
except ImportError as error:
    raise MissingExtraError("numba", "synth", "Rendering synthetic faces") from error

from openau.synth.clip import ClipFrame, ClipSettings, render_clip, sequence
from openau.synth.dataset import synthesize
from openau.synth.expression import Expression
from openau.synth.motion import Event
from openau.synth.ratios import parse_ratio, parse_ratios

__all__ = [
    "ClipFrame",
    "ClipSettings",
    "Event",
    "Expression",
    "parse_ratio",
    "parse_ratios",
    "render_clip",
    "sequence",
    "synthesize",
]
