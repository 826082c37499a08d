"""Training: a recipe in, a run folder out. Needs the extra `train`."""

from openau.train.config import Recipe
from openau.train.loop import Progress, train
from openau.train.recipe_file import load_recipe, recipe_text

__all__ = ["Progress", "Recipe", "load_recipe", "recipe_text", "train"]
