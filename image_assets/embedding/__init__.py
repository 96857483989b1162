"""Features to the map: t-SNE coordinates and their plot."""
