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

const succeeds = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

const isOnPath = (program: string) => succeeds('sh', '-c', 'command -v "$0"', program);

/** The Python that has PyYAML: that of Debian's package, or the first on the PATH. */
export const pythonWithYaml = (): string | undefined =>
  ['/usr/bin/python3', 'python3'].find((python) => succeeds(python, '-c', 'import yaml'));

/** How a program shows that it is there. */
const probes = {
  'ansible-playbook': () => isOnPath('ansible-playbook'),
  curl: () => isOnPath('curl'),
  'docker-compose': () => isOnPath('docker-compose'),
  'docker compose': () => succeeds('docker', 'compose', 'version'),
  jq: () => isOnPath('jq'),
  kubectl: () => isOnPath('kubectl'),
  'python3-yaml': () => pythonWithYaml() !== undefined,
} as const satisfies Record<string, () => boolean>;

export type Program = keyof typeof probes;

const found = new Map<Program, boolean>();

export function hasProgram(name: Program): boolean {
  const known = found.get(name) ?? probes[name]();
  found.set(name, known);
  return known;
}

/** For tests that use other programs. @param kind what the test is where nothing is missing */
export function testWith(
  programs: readonly Program[],
  kind: MaybeTest = (title, work) => test(title, work),
): MaybeTest {
  const missing = programs.filter((name) => !hasProgram(name));
  if (missing.length === 0) return kind;
  return (title) => test.skip(`${title} (skipped: needs ${missing.join(' and ')})`, () => {});
}
