"""The whole system under load while its parts are stopped, killed, silenced, slowed and cut off (docs/chaos.md)."""
