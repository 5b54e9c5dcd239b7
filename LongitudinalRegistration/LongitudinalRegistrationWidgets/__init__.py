"""The sections of the registration panel."""
