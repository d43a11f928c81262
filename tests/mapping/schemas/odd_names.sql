-- Names that need quotes: upper case, a dot, quotes, braces.
CREATE SCHEMA "My.App";
CREATE TABLE "My.App"."User" (
    "Id" uuid PRIMARY KEY, "E-Mail" text, email text, "createdAt" timestamptz, "say ""hi""" text, "odd {name}" text
);
CREATE TABLE "My.App"."job's runs" (
    id bigint PRIMARY KEY, "userId" uuid REFERENCES "My.App"."User", "createdAt" timestamptz,
    status text CHECK (status IN ('it''s done', 'failed'))
);
