-- Laravel: no foreign keys at all, a soft delete, exports that say when they failed, the framework's own tables.
CREATE TABLE migrations (id serial PRIMARY KEY, migration varchar(255) NOT NULL, batch integer NOT NULL);
CREATE TABLE users (
    id bigint PRIMARY KEY, name varchar(255) NOT NULL, email varchar(255) NOT NULL UNIQUE, email_verified_at timestamp(0),
    password varchar(255) NOT NULL, remember_token varchar(100), current_team_id bigint, deleted_at timestamp(0),
    created_at timestamp(0), updated_at timestamp(0)
);
CREATE TABLE teams (id bigint PRIMARY KEY, user_id bigint NOT NULL, name varchar(255) NOT NULL, personal_team boolean NOT NULL, plan varchar(20), created_at timestamp(0));
CREATE TABLE team_user (id bigint PRIMARY KEY, team_id bigint NOT NULL, user_id bigint NOT NULL, role varchar(255), created_at timestamp(0), UNIQUE (team_id, user_id));
CREATE TABLE jobs (id bigint PRIMARY KEY, queue varchar(255) NOT NULL, payload text NOT NULL, attempts smallint NOT NULL, created_at integer NOT NULL);
CREATE TABLE failed_jobs (id bigint PRIMARY KEY, uuid varchar(255) NOT NULL, exception text NOT NULL, failed_at timestamp(0) NOT NULL);
CREATE TABLE personal_access_tokens (id bigint PRIMARY KEY, tokenable_id bigint NOT NULL, name varchar(255), last_used_at timestamp(0), created_at timestamp(0));
CREATE TABLE exports (
    id bigint PRIMARY KEY, user_id bigint NOT NULL, file_name varchar(255), total_rows integer, completed_at timestamp(0),
    failed_at timestamp(0), failure_reason text, created_at timestamp(0) NOT NULL, updated_at timestamp(0)
);
INSERT INTO users (id, name, email, password, current_team_id, created_at) VALUES
    (1, 'Ada Chan', 'ada@acme.example', 'x', 1, now() - interval '60 days'), (2, 'Ben Okoro', 'ben@acme.example', 'x', 2, now() - interval '40 days');
INSERT INTO teams VALUES (1, 1, 'Evergreen', false, 'pro', now()), (2, 2, 'Harbor', false, 'free', now());
INSERT INTO exports (id, user_id, completed_at, failed_at, failure_reason, created_at)
SELECT n, 1, CASE WHEN n % 5 = 0 THEN now() END, CASE WHEN n % 5 > 0 THEN now() END, 'disk full', now() - n * interval '1 day' FROM generate_series(1, 20) AS n
UNION ALL SELECT 100 + n, 2, now(), NULL, NULL, now() - n * interval '1 day' FROM generate_series(1, 30) AS n;
