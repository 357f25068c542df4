# Keys only. Host keys are cloud-init's; the driver has read them from the console.
{% from 'common/map.jinja' import common -%}
common-ssh-package:
  pkg.installed:
    - pkgs: [openssh-server]

# First of the drop-ins: for most settings sshd takes the first value that it meets.
common-ssh-config:
  file.managed:
    - name: /etc/ssh/sshd_config.d/10-saltwatch.conf
    - contents: |
        # Managed by Salt: salt://common/ssh.sls
        {%- for option, value in common.ssh | dictsort %}
        {{ option }} {{ value }}
        {%- endfor %}
    - user: root
    - group: root
    - mode: '0600'
    # The directory is the running daemon's; without one sshd refuses to check.
    - check_cmd: sh -c 'mkdir -p /run/sshd && sshd -t -f "$0"'
    - require:
      - pkg: common-ssh-package

common-ssh-service:
  service.running:
    - name: ssh
    - enable: True
    - reload: True
    - watch:
      - file: common-ssh-config
