"""Makes `networks`, the small models and data that these tests share, importable."""
