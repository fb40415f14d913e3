"""The server: control plane for both roles, protocol, data and management endpoints, worker.

Read `control_plane` for what a message does, `worker` for how ours are sent, `app` for how the
parts become a running process.
"""
