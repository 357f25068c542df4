# The application's database and its user.
# The password is the secret's, read here by the host's own role; without AWS, pillar's.
{%- from 'database/map.jinja' import database %}

database-schema:
  mariadb.database_present:
    - name: {{ database.name }}
    - character_set: utf8mb4
    - collation: utf8mb4_unicode_ci
    - data_dir: {{ database.data_dir }}
    - require:
      - service: database-service

database-user:
  mariadb.user_present:
    - name: {{ database.user }}
    - hosts: {{ database.clients | json }}
{%- if salt['fleet.database_secret']() %}
    - secret: {{ salt['fleet.database_secret']() }}
    - region: {{ pillar['fleet']['region'] }}
{%- else %}
    - password: {{ pillar['secrets']['database']['app_password'] | yaml_dquote }}
{%- endif %}
    - database: {{ database.name }}
    - privileges: {{ database.privileges | json }}
    - data_dir: {{ database.data_dir }}
    - require:
      - mariadb: database-schema
