# From whatever is there to a verified fleet, as one command on the operator's machine:
#   salt-call -c operator state.apply orch.deploy
# A step that fails stops it and says what to do; the next run goes on from there, and on a fleet that is as it
# should be changes nothing. What the commands of a step print is in build/operator/var/log/saltwatch.
{%- set step = grains['pythonexecutable'] ~ ' -m rehearsal.deploy ' %}
include:
  - aws

# The control node, with the checkout and pillar/local as they are on this machine.
orch-deploy-control:
  cmd.run:
    - name: {{ step }}control
    - cwd: {{ grains['cwd'] }}
    - stateful: True
    - require:
      - sls: aws

# The rest of the map, launched from there.
orch-deploy-launch:
  cmd.run:
    - name: {{ step }}launch
    - cwd: {{ grains['cwd'] }}
    - stateful: True
    - require:
      - cmd: orch-deploy-control

# The highstate of every host.
orch-deploy-apply:
  cmd.run:
    - name: {{ step }}apply
    - cwd: {{ grains['cwd'] }}
    - stateful: True
    - require:
      - cmd: orch-deploy-launch

# The host tests that leave the hosts as they are.
orch-deploy-test:
  cmd.run:
    - name: {{ step }}test
    - cwd: {{ grains['cwd'] }}
    - stateful: True
    - require:
      - cmd: orch-deploy-apply
