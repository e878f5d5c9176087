"""Any machine as a device: a process that holds the model, and the line to it over TCP or a serial port.

docs/serve.md says how it is used; docs/security.md what it promises.
"""
