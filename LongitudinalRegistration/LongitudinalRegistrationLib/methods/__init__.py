"""The methods that find a transform."""
