"""EC2 in a box: the region, its hypervisor and the `./rehearse` command."""
