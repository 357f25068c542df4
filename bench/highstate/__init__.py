"""A highstate that changes nothing, beside Ansible, pyinfra and salt-ssh doing the same work."""
