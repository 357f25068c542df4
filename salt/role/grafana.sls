# No formula yet: such a host has the role base only.
