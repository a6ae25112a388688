"""
The stack process: everything between the services and the eye, in one process. `clew up` starts it.
"""
