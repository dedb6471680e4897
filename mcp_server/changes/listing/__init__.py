"""Creates that nothing tells from the others beforehand: known by what is new in their list since before they left."""
