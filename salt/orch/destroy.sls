# The reverse of orch.deploy: the hosts, then what they stood on. What holds data stops it, unless told twice
# (salt/aws/absent.sls).
#   salt-call -c operator state.apply orch.destroy
include:
  - aws.absent

orch-destroy-hosts:
  cmd.run:
    - name: {{ grains['pythonexecutable'] }} -m rehearsal.deploy destroy
    - cwd: {{ grains['cwd'] }}
    - stateful: True
    - require_in:
      - sls: aws.absent
