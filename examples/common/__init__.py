"""What several examples share: recipes, the engine that runs them, fetching and preparing data."""
