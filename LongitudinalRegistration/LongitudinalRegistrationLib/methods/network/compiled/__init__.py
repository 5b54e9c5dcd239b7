"""The default network's pass in compiled code: the same numbers as Keras, without a runtime."""
