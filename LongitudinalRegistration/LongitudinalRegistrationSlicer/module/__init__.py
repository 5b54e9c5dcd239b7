"""The classes that Slicer asks of the module: logic, parameter node, test."""
