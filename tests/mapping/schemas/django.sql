-- Django: its own users, e-mails also in django-allauth's table, text choices, jobs of a project.
CREATE TABLE django_migrations (id bigint PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamptz NOT NULL);
CREATE TABLE auth_user (
    id integer PRIMARY KEY,
    password varchar(128) NOT NULL,
    last_login timestamptz,
    is_superuser boolean NOT NULL DEFAULT false,
    username varchar(150) NOT NULL UNIQUE,
    first_name varchar(150) NOT NULL DEFAULT '',
    last_name varchar(150) NOT NULL DEFAULT '',
    is_staff boolean NOT NULL DEFAULT false,
    is_active boolean NOT NULL DEFAULT true,
    date_joined timestamptz NOT NULL
);
CREATE TABLE account_emailaddress (
    id integer PRIMARY KEY,
    email varchar(254) NOT NULL,
    verified boolean NOT NULL,
    "primary" boolean NOT NULL,
    user_id integer NOT NULL REFERENCES auth_user
);
CREATE TABLE billing_invoice (
    id bigint PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user, status varchar(20) NOT NULL, created timestamptz NOT NULL
);
CREATE TABLE projects_project (
    id bigint PRIMARY KEY, name varchar(80) NOT NULL, owner_id integer NOT NULL REFERENCES auth_user, created timestamptz NOT NULL
);
CREATE TABLE renders_renderjob (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id bigint NOT NULL REFERENCES projects_project,
    status varchar(20) NOT NULL,
    created timestamptz NOT NULL,
    finished timestamptz,
    error_message text NOT NULL DEFAULT ''
);
INSERT INTO auth_user (id, password, username, first_name, last_name, date_joined) VALUES
    (1, 'x', 'ada', 'Ada', 'Chan', now() - interval '60 days'),
    (2, 'x', 'ben', 'Ben', 'Okoro', now() - interval '40 days'),
    (3, 'x', 'cleo', 'Cleo', 'Diaz', now() - interval '30 days');
INSERT INTO account_emailaddress VALUES
    (1, 'ada.old@acme.example', true, false, 1), (2, 'ada@acme.example', true, true, 1),
    (3, 'ben@acme.example', true, true, 2), (4, 'cleo@acme.example', false, true, 3);
INSERT INTO projects_project VALUES (1, 'Film', 1, now() - interval '50 days'), (2, 'Spot', 2, now() - interval '35 days');
INSERT INTO renders_renderjob (project_id, status, created, error_message)
SELECT 1, CASE WHEN n % 5 = 0 THEN 'succeeded' ELSE 'timed_out' END, now() - n * interval '1 day', 'GPU lost' FROM generate_series(1, 20) AS n
UNION ALL SELECT 2, 'succeeded', now() - n * interval '1 day', '' FROM generate_series(1, 30) AS n
UNION ALL SELECT 2, 'queued', now(), '' FROM generate_series(1, 2);
