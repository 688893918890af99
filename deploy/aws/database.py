"""Prepares Dagster's database: the user `dagster`, who logs in with a token of a task's role.

Runs before the daemon, as the database's owner (PGUSER, PGPASSWORD), and changes nothing the second time.
"""

import os
from typing import Final

STATEMENTS: Final = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dagster') THEN CREATE ROLE dagster LOGIN; END IF;
END $$;
GRANT rds_iam TO dagster;
GRANT CONNECT, CREATE ON DATABASE dagster TO dagster;
GRANT USAGE, CREATE ON SCHEMA public TO dagster;
"""


def main() -> None:
    """Make the user where there is none, and let it make Dagster's tables."""
    import psycopg2  # type: ignore[import-untyped]

    connection = psycopg2.connect(
        host=os.environ["DAGSTER_DATABASE_HOST"], dbname="dagster", sslmode="require", connect_timeout=30
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(STATEMENTS)
    connection.close()


if __name__ == "__main__":
    main()
