"""Training: a recipe in, a run folder out. Needs the extra `train`."""

from openau.train.config import Recipe, load_recipe, recipe_text
from openau.train.loop import Progress, train

__all__ = ["Progress", "Recipe", "load_recipe", "recipe_text", "train"]
