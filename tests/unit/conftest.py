from hypothesis import HealthCheck, settings

# How long one example takes depends on what else the machine does; it says nothing of the code.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
