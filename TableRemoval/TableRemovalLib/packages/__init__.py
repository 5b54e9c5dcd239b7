"""Python packages in a folder of this extension, beside those of the application, which stay as they are.

`folder` knows what is installed and whether it is whole, `install` is the program that installs, `lend` lets the
panel's process import single packages. Nothing here needs more than Python's own library and pip.
"""
