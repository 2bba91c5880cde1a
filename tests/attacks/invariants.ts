/** The invariants that must hold after a command, whatever the attacker did. */
import { ExitCode } from '../../src/cli/exit-codes.js';
import type { Reply } from './protocol.js';
import { SECRET } from './stage.js';

export interface Traces {
  /** The inventories of the treasure. */
  readonly before: string;
  readonly after: string;
  /** Files of the attacker that contain the secret. */
  readonly leaks: readonly string[];
}

const documented: ReadonlySet<number> = new Set(Object.values(ExitCode));

/** @returns the violations, one sentence each */
export function violations(reply: Reply | 'hang', { before, after, leaks }: Traces): string[] {
  const found = leaks.map((name) => `the secret is in ${name.replace(/[0-9a-f]{12,}/g, '*')}`);
  if (after !== before) found.push(`changed: ${differences(before, after)}`);
  if (reply === 'hang') return [...found, 'it hangs'];
  const { status, stdout, stderr, heard } = reply;
  if (!documented.has(status)) found.push(`status ${status}`);
  if (/internal error|^ {4}at /m.test(stderr)) found.push(`a bug shows: ${stderr.trim()}`);
  if ((stderr.match(/^ERROR: /gm) ?? []).length > 1) found.push(`more than one error: ${stderr.trim()}`);
  for (const [where, text] of Object.entries({ stdout, stderr, pipe: heard })) {
    if (text.includes(SECRET)) found.push(`the secret is on ${where}`);
  }
  return found;
}

function differences(before: string, after: string): string {
  const [old, now] = [before, after].map((text) => new Map(text.split('\n').map(byName)));
  const changed = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].filter(
    (name) => old?.get(name) !== now?.get(name),
  );
  return changed
    .map((name) => (now?.has(name) ? (old?.has(name) ? name : `+${name}`) : `-${name}`))
    .join(', ');
}

function byName(line: string): [string, string] {
  const end = line.indexOf(' ');
  return [line.slice(0, end), line.slice(end)];
}
