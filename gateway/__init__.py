"""The Litestar application: REST, the live WebSocket, accounts."""
