/*
 * Keeps tokens, e-mails, ids and query strings in the page. The server has the whole rules (server/capture/readable.py):
 * with its list of words it tells names, too, which cannot be told here.
 */
// a sign that is in no word, such as @ and %, three digits, capitals at random, or longer than words are
const UNSAFE = /[^\p{L}\d_.-]|(\d\D*){3}|[a-z][A-Z][a-z]?[A-Z][a-z]|[^\W_]{20}/u;
const TOKENS = /(\w+:\/\/[^\s/?#"'<>]*)([^\s"'<>]*)|\/[^\s"'<>]+|[\p{L}\d@%+.~_-]+/gu;

export const isSafe = (name) => !UNSAFE.test(name);

/** A path without query, fragment and ids. */
export const template = (path) =>
  path.replace(/[?#].*/s, '').replace(/[^/]+/g, (part) => (part >= 0 || !isSafe(part) ? ':id' : part));

/** A text or an address; without numbers, so that what differs in them alone is the same. */
export const masked = (text) =>
  text
    .slice(0, 2000) // of a label that is a whole page
    .replace(TOKENS, (token, origin, path) => {
      if (origin) return origin.replace(/\/[^/]*@/, '/') + template(path);
      return token[0] === '/' ? template(token) : isSafe(token) ? token.replace(/\d+/g, '*') : '*';
    })
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
