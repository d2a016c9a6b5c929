"""Files, processes, devices: what the operating system gives, made safe."""
