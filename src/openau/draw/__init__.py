"""Pictures of what was found: boxes and AU bars, heat maps on the photograph, overlay videos.

Everything here takes and returns (H, W, 3) RGB uint8 pictures and never changes the one it was given.
"""

from openau.draw.heatmaps import draw_heatmaps
from openau.draw.panels import PanelRow, draw_panel
from openau.draw.readings import draw_readings
from openau.draw.tile import enlarged, laid_over
from openau.draw.video import OverlayWriter

__all__ = [
    "OverlayWriter",
    "PanelRow",
    "draw_heatmaps",
    "draw_panel",
    "draw_readings",
    "enlarged",
    "laid_over",
]
