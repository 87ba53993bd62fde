"""Alerts: rules that wait for prices, held in columns; what a tick touches, and what is decided then."""
