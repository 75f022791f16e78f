"""A local exchange: matching, protocol, server and faults, for tests and for trying things out.

`venuekit.sim.server.Simulator` serves a `venuekit.sim.dialect.Dialect`, which a plugin brings.
What shall go wrong is a `venuekit.sim.faults.Fault`. Rooms are imported one by one, so that the
matching engine can be used without a server.
"""
