import { createHash } from 'node:crypto';
import { knownAccounts } from '../accounts/known-accounts.js';
import { usageError } from './options.js';

const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'elasticsearch-service-tokens' };
const MAX_LABEL = 63;
const MAX_SUBDOMAIN = 253;
const HASH_DIGITS = 8;

type Fields = Readonly<Record<string, string>>;

/** Formats a manifest: https://kubernetes.io/docs/concepts/configuration/secret/. @param data plain text by key */
export function manifestOf(
  name: string,
  namespace: string | undefined,
  data: Fields,
  labels: Fields = {},
): string {
  const fields = (given: Fields, indent: string) =>
    Object.entries(given).map(([key, value]) => `${indent}${key}: ${quoteIfNeeded(value)}`);
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return [
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    ...fields({ name, ...(namespace !== undefined && { namespace }) }, '  '),
    '  labels:',
    ...fields({ ...MANAGED_BY, ...labels }, '    '),
    'type: Opaque',
    'data:',
    ...fields(Object.fromEntries(encoded), '  '),
    '',
  ].join('\n');
}

/** In YAML, `1`, `true` or `1e3` are strings only if they are quoted. */
function quoteIfNeeded(text: string): string {
  const isPlain =
    /^[A-Za-z][A-Za-z0-9./+=-]*$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

/**
 * Returns the name of the Secret of a token: the qualified name as a DNS label (RFC 1123). If the qualified name
 * must be changed or shortened, or if another one could give the same label, eight digits of its SHA-256 are appended,
 * so that two tokens never share a Secret.
 */
export function secretNameOf(qualifiedName: string): string {
  const plain = qualifiedName.replaceAll('/', '-');
  const principal = qualifiedName.slice(0, Math.max(qualifiedName.lastIndexOf('/'), 0));
  if (isDnsLabel(plain) && !isAmbiguous(principal, plain)) return plain;
  const digits = createHash('sha256').update(qualifiedName).digest('hex').slice(0, HASH_DIGITS);
  const label = plain.toLowerCase().replace(/[^a-z0-9-]+/g, '-');
  const room = MAX_LABEL - HASH_DIGITS - 1;
  return `${label.slice(0, room).replace(/^-+|-+$/g, '')}-${digits}`;
}

/** `elastic-fleet-server-remote-x` may be `x` of one account or `remote-x` of another; a name may end like a digest. */
function isAmbiguous(principal: string, label: string): boolean {
  const accounts = knownAccounts().map((account) => account.principal);
  const longest = accounts
    .filter((account) => label.startsWith(`${account.replace('/', '-')}-`))
    .sort((a, b) => b.length - a.length)[0];
  return longest !== principal || /-[0-9a-f]{8}$/.test(label);
}

function isDnsLabel(text: string): boolean {
  return text.length <= MAX_LABEL && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** A Secret's name is a DNS subdomain, a namespace is a DNS label; a cluster's name is the value of a label too. */
const isNameOf = {
  secret: (text: string) => text.length <= MAX_SUBDOMAIN && text.split('.').every(isDnsLabel),
  cluster: (text: string) => text.length <= MAX_LABEL && text.split('.').every(isDnsLabel),
  namespace: isDnsLabel,
};

/** @throws USAGE if the option is given, and Kubernetes does not accept its value */
export function requireValid(text: string | undefined, kind: keyof typeof isNameOf, option: string): void {
  if (text === undefined || isNameOf[kind](text)) return;
  throw usageError(
    `Option ${option}: [${text}] is not a name that Kubernetes accepts`,
    'Use lower-case letters, digits and hyphens; begin and end with a letter or a digit.',
  );
}
