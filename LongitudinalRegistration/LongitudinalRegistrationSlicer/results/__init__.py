"""What a registration leaves in the scene: nodes, transforms, files."""
