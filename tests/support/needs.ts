import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

/** `test`, or, where something is missing, a test that says in its title why it was skipped. */
export type MaybeTest = (title: string, work: () => Promise<void> | void) => void;

export const isRoot = process.getuid?.() === 0;

/** For tests that give files to other users, and read them as those. */
export const testAsRoot: MaybeTest = isRoot
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: needs root)`, () => {});

/** What makes a mount namespace of its own; an ordinary user needs a user namespace besides. */
export const UNSHARE = ['unshare', isRoot ? '-m' : '-rm'] as const;

const hasMountNamespaces =
  spawnSync(UNSHARE[0], [UNSHARE[1], 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** For tests that mount file systems, where nobody else sees them. */
export const testWithMounts: MaybeTest = hasMountNamespaces
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: needs mount namespaces)`, () => {});

/** How a program shows that it is there. */
const probes = {
  'ansible-playbook': ['ansible-playbook', '--version'],
  curl: ['curl', '--version'],
  'docker-compose': ['docker-compose', 'version'],
  'docker compose': ['docker', 'compose', 'version'],
  jq: ['jq', '--version'],
  kubectl: ['kubectl', 'version', '--client'],
  'python3-yaml': ['python3', '-c', 'import yaml'],
} as const;

export type Program = keyof typeof probes;

export function hasProgram(name: Program): boolean {
  const [program, ...args] = probes[name];
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** For tests that use other programs. @param kind what the test is where nothing is missing */
export function testWith(programs: readonly Program[], kind: MaybeTest = (title, work) => test(title, work)) {
  const missing = programs.filter((name) => !hasProgram(name));
  if (missing.length === 0) return kind;
  return (title: string) => test.skip(`${title} (skipped: needs ${missing.join(' and ')})`, () => {});
}
