-- Prisma with NextAuth: camelCase in quotes, enums, an account of a provider per user, members of workspaces.
CREATE TYPE "RunStatus" AS ENUM ('QUEUED', 'EXECUTING', 'COMPLETED_SUCCESSFULLY', 'COMPLETED_WITH_ERRORS', 'CRASHED', 'CANCELED');
CREATE TYPE "Role" AS ENUM ('OWNER', 'MEMBER');
CREATE TYPE "SubscriptionStatus" AS ENUM ('ACTIVE', 'PAST_DUE', 'CANCELED');
CREATE TABLE "_prisma_migrations" (id varchar(36) PRIMARY KEY, migration_name varchar(255) NOT NULL, started_at timestamptz NOT NULL);
CREATE TABLE "User" (
    id text PRIMARY KEY,
    name text,
    email text UNIQUE,
    "emailVerified" timestamp(3),
    image text,
    "createdAt" timestamp(3) NOT NULL,
    "lastSeenAt" timestamp(3),
    "deletedAt" timestamp(3)
);
CREATE TABLE "Account" (
    id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User", type text NOT NULL, provider text NOT NULL,
    "providerAccountId" text NOT NULL, access_token text, UNIQUE (provider, "providerAccountId")
);
CREATE TABLE "Session" (id text PRIMARY KEY, "sessionToken" text NOT NULL UNIQUE, "userId" text NOT NULL REFERENCES "User", expires timestamp(3) NOT NULL);
CREATE TABLE "Workspace" (id text PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE, "createdAt" timestamp(3) NOT NULL);
CREATE TABLE "WorkspaceMember" (
    id text PRIMARY KEY, "workspaceId" text NOT NULL REFERENCES "Workspace", "userId" text NOT NULL REFERENCES "User",
    role "Role" NOT NULL, "createdAt" timestamp(3) NOT NULL, UNIQUE ("workspaceId", "userId")
);
CREATE TABLE "Subscription" (
    id text PRIMARY KEY, "workspaceId" text NOT NULL UNIQUE REFERENCES "Workspace", status "SubscriptionStatus" NOT NULL,
    "createdAt" timestamp(3) NOT NULL
);
CREATE TABLE "Invitation" (id text PRIMARY KEY, email text NOT NULL, status text NOT NULL, "invitedById" text REFERENCES "User", "createdAt" timestamp(3));
CREATE TABLE "Workflow" (id text PRIMARY KEY, "workspaceId" text NOT NULL REFERENCES "Workspace", name text NOT NULL, "createdAt" timestamp(3) NOT NULL);
CREATE TABLE "WorkflowRun" (
    id text PRIMARY KEY,
    "workflowId" text NOT NULL REFERENCES "Workflow",
    status "RunStatus" NOT NULL,
    "startedAt" timestamp(3),
    "completedAt" timestamp(3),
    error jsonb,
    "createdAt" timestamp(3) NOT NULL
);
INSERT INTO "User" (id, name, email, "createdAt") VALUES
    ('u1', 'Ada Chan', 'ada@acme.example', now() - interval '60 days'), ('u2', 'Ben Okoro', 'ben@acme.example', now() - interval '40 days'),
    ('u3', 'Mo', 'mo@acme.example', now() - interval '70 days');
INSERT INTO "Account" VALUES ('a1', 'u1', 'oauth', 'google', '1', 'ya29'), ('a2', 'u1', 'oauth', 'github', '2', 'gho');
INSERT INTO "Workspace" VALUES ('w1', 'Evergreen', 'evergreen', now()), ('w2', 'Harbor', 'harbor', now());
INSERT INTO "WorkspaceMember" VALUES
    ('m0', 'w1', 'u3', 'MEMBER', now() - interval '70 days'), ('m1', 'w1', 'u1', 'OWNER', now()), ('m2', 'w2', 'u2', 'OWNER', now());
INSERT INTO "Subscription" VALUES ('s1', 'w1', 'ACTIVE', now());
INSERT INTO "Workflow" VALUES ('f1', 'w1', 'Sync', now()), ('f2', 'w2', 'Mail', now());
INSERT INTO "WorkflowRun" (id, "workflowId", status, error, "createdAt")
SELECT 'r' || n, 'f1', (CASE WHEN n % 5 = 0 THEN 'COMPLETED_SUCCESSFULLY' ELSE 'CRASHED' END)::"RunStatus", '{"message": "OOM"}'::jsonb, now() - n * interval '1 day'
FROM generate_series(1, 20) AS n
UNION ALL SELECT 'q' || n, 'f2', 'COMPLETED_SUCCESSFULLY', NULL, now() - n * interval '1 day' FROM generate_series(1, 30) AS n;
