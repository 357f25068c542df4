# The authorities that sign RDS's certificates in the fleet's region, from Amazon's trust store: for hosts that connect to
# a database which AWS runs. What is there stays, so that a highstate needs no network for it, unless it is asked for anew:
# pillar='{"rds_ca": {"refresh": true}}'.
{%- set region = pillar['fleet']['region'] %}
rds-ca-bundle:
  file.managed:
    - name: {{ salt['fleet.database_ca']() }}
    - source: https://truststore.pki.rds.amazonaws.com/{{ region }}/{{ region }}-bundle.pem
    # Amazon changes it when it likes, so it has no fixed hash; it comes over TLS. What Salt has in its cache, as something
    # that was refused below, is not taken without asking.
    - use_etag: True
    - replace: {{ pillar.get('rds_ca', {}).get('refresh', False) }}
    - user: root
    - group: root
    - mode: '0644'
    # It is certificates, and not what a proxy has to say.
    - check_cmd: >-
        {{ grains['pythonexecutable'] }} -c
        'import ssl, sys; ssl.create_default_context(cafile=sys.argv[1])'
