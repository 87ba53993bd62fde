"""The live stream: commands in, snapshots and updates out, over one WebSocket per client.

stream (socket) -> session (one client) -> hub (who watches what) -> upstream
"""
