"""The serial link to a device: frames, messages, ports, the client, and a port that misbehaves on request.

docs/protocol.md describes every byte; firmware/device answers on the other end.
"""
