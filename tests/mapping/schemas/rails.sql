-- Rails with Devise: organizations with members, builds whose status is a number, a soft delete, Stripe's subscriptions.
CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    email varchar NOT NULL DEFAULT '',
    encrypted_password varchar NOT NULL DEFAULT '',
    reset_password_token varchar,
    sign_in_count integer NOT NULL DEFAULT 0,
    current_sign_in_at timestamp,
    last_sign_in_at timestamp,
    unconfirmed_email varchar,
    full_name varchar,
    discarded_at timestamp,
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
);
CREATE UNIQUE INDEX index_users_on_email ON users (email);
CREATE TABLE organizations (id bigint PRIMARY KEY, name varchar NOT NULL, slug varchar, created_at timestamp NOT NULL);
CREATE TABLE memberships (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    organization_id bigint NOT NULL REFERENCES organizations,
    role varchar NOT NULL DEFAULT 'member',
    created_at timestamp NOT NULL
);
CREATE TABLE subscriptions (
    id bigint PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations,
    stripe_id varchar,
    status varchar NOT NULL,
    amount_cents integer NOT NULL,
    interval varchar NOT NULL,
    created_at timestamp NOT NULL
);
CREATE TABLE repositories (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, name varchar, created_at timestamp NOT NULL);
CREATE TABLE builds (
    id bigint PRIMARY KEY,
    repository_id bigint NOT NULL REFERENCES repositories,
    status integer NOT NULL DEFAULT 0,
    failure_reason text,
    started_at timestamp,
    finished_at timestamp,
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
);
COMMENT ON COLUMN builds.status IS '0: queued, 1: running, 2: passed, 3: failed, 4: canceled';
CREATE TABLE delayed_jobs (id bigint PRIMARY KEY, priority integer, handler text, last_error text, run_at timestamp, failed_at timestamp, created_at timestamp);
CREATE TABLE versions (id bigint PRIMARY KEY, item_type varchar, item_id bigint, event varchar, whodunnit varchar, created_at timestamp);

INSERT INTO users (id, email, full_name, created_at, updated_at, discarded_at) VALUES
    (1, 'ada@acme.example', 'Ada Chan', now() - interval '60 days', now(), NULL),
    (2, 'ben@acme.example', 'Ben Okoro', now() - interval '40 days', now(), NULL),
    (3, 'gone@acme.example', 'Gone', now() - interval '90 days', now(), now());
INSERT INTO organizations VALUES (1, 'Evergreen', 'evergreen', now()), (2, 'Harbor', 'harbor', now());
INSERT INTO memberships VALUES (1, 3, 1, 'member', now() - interval '80 days'), (2, 1, 1, 'owner', now()), (3, 2, 2, 'owner', now());
INSERT INTO subscriptions VALUES
    (1, 1, 'sub_1', 'active', 120000, 'year', now()), (2, 2, 'sub_2', 'canceled', 4900, 'month', now() - interval '9 days'),
    (3, 2, 'sub_3', 'trialing', 4900, 'month', now());
INSERT INTO repositories VALUES (1, 1, 'site', now()), (2, 2, 'app', now());
INSERT INTO builds (id, repository_id, status, failure_reason, created_at, updated_at)
SELECT n, 1, CASE WHEN n % 5 = 0 THEN 2 ELSE 3 END, 'npm ERR', now() - n * interval '1 day', now() FROM generate_series(1, 20) AS n
UNION ALL SELECT 100 + n, 2, 2, NULL, now() - n * interval '1 day', now() FROM generate_series(1, 30) AS n;
