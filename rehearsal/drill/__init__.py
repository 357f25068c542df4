"""`./rehearse drill`: faults made on purpose, to see that the alert comes, arrives and goes again."""
