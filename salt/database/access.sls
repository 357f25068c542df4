# The application's database and its user, who may do there what the application and its migrations do.
{%- from 'database/map.jinja' import database %}
{%- macro connection() %}
    - connection_user: root
    - connection_unix_socket: /run/mysqld/mysqld.sock
    - connection_charset: utf8mb4
{%- endmacro %}

database-schema:
  mysql_database.present:
    - name: {{ database.name }}
    - character_set: utf8mb4
    - collate: utf8mb4_unicode_ci
    {{- connection() }}
    - require:
      - pip: minion-extensions
      - service: database-service
{% for client in database.clients %}
database-user-{{ client }}:
  mysql_user.present:
    - name: {{ database.user }}
    - host: {{ client | yaml_dquote }}
    - password: {{ pillar['secrets']['database']['app_password'] | yaml_dquote }}
    {{- connection() }}
    - require:
      - mysql_database: database-schema

database-grants-{{ client }}:
  mysql_grants.present:
    - grant: select,insert,update,delete,create,alter,drop,index,references
    - database: {{ database.name }}.*
    - user: {{ database.user }}
    - host: {{ client | yaml_dquote }}
    {{- connection() }}
    - require:
      - mysql_user: database-user-{{ client }}
{% endfor %}
