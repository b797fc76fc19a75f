"""What a run takes from the computer: processes and devices, options of speed, memory, signals.

Imports base and networks. Hands out World, choose_device, RunOptions, StopRequest, requirement.
"""
