"""The networks themselves, in Keras: what they are made of, their losses, their names."""
