"""The AWS region on this machine: moto's API over TLS, and what an instance sees of AWS beside it.

Everything here runs in one process inside the router namespace, ``python -m rehearsal.region``. One request
runs at a time through moto; what a call changed is on disk before it is answered; the hypervisor is shown
the world as the public API describes it, and makes it true.
"""
