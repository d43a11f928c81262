-- Supabase: users in a schema of their own, a profile each with credits, a status held by a CHECK.
CREATE SCHEMA auth;
CREATE SCHEMA storage;
CREATE TABLE auth.users (
    id uuid PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255), encrypted_password varchar(255),
    email_confirmed_at timestamptz, last_sign_in_at timestamptz, raw_user_meta_data jsonb, created_at timestamptz,
    updated_at timestamptz, deleted_at timestamptz, is_anonymous boolean NOT NULL DEFAULT false
);
CREATE TABLE auth.sessions (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users, created_at timestamptz);
CREATE TABLE auth.identities (
    id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users, provider text NOT NULL, email text, created_at timestamptz
);
CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
CREATE TABLE storage.objects (id uuid PRIMARY KEY, owner uuid, name text, created_at timestamptz);
CREATE TABLE public.profiles (
    id uuid PRIMARY KEY REFERENCES auth.users, full_name text, avatar_url text, credits integer NOT NULL DEFAULT 100,
    company text, updated_at timestamptz
);
CREATE TABLE public.generations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES public.profiles, prompt text,
    status text NOT NULL CHECK (status IN ('pending', 'processing', 'succeeded', 'failed', 'canceled')),
    error text, created_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz
);
INSERT INTO auth.users (id, email, created_at) VALUES
    ('00000000-0000-0000-0000-000000000001', 'ada@acme.example', now() - interval '60 days'),
    ('00000000-0000-0000-0000-000000000002', 'ben@acme.example', now() - interval '40 days');
INSERT INTO public.profiles (id, full_name, credits) SELECT id, split_part(email, '@', 1), 70 FROM auth.users;
INSERT INTO public.generations (user_id, status, error, created_at)
SELECT '00000000-0000-0000-0000-000000000001'::uuid, CASE WHEN n % 5 = 0 THEN 'succeeded' ELSE 'failed' END, 'NSFW', now() - n * interval '1 day'
FROM generate_series(1, 20) AS n
UNION ALL
SELECT '00000000-0000-0000-0000-000000000002'::uuid, 'succeeded', NULL, now() - n * interval '1 day' FROM generate_series(1, 30) AS n;
