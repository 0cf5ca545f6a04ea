"""What ragcl brings for models: the trained reader of the default language model."""
