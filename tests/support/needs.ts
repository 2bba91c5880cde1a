/** Tests that need a user, a program or a feature of the system; without it, they say that they were skipped. */
import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

export type MaybeTest = (title: string, work: () => Promise<void> | void) => void;

/** @returns a skipped test with the reason in its title */
export const skipped =
  (reason: string): MaybeTest =>
  (title) =>
    test.skip(`${title} (skipped: ${reason})`, () => {});

export const isRoot = process.getuid?.() === 0;

const succeeds = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** How to find what is not the name of a program. */
const probes: Readonly<Record<string, () => boolean>> = {
  'docker compose': () => succeeds('docker', 'compose', 'version'),
  'grep -P': () => succeeds('sh', '-c', 'echo a | grep -qP a'),
  // On a minimal system, `man` only prints that manual pages are not installed.
  man: () => succeeds('sh', '-c', 'man --version | grep -q ^man'),
  // Invisible to other processes. An ordinary user needs a user namespace, too.
  'mount namespaces': () =>
    succeeds('unshare', isRoot ? '-m' : '-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt'),
  root: () => isRoot,
  'python3-yaml': () => succeeds('/usr/bin/python3', '-c', 'import yaml'),
  'script of util-linux': () => succeeds('sh', '-c', 'script --version | grep -q util-linux'),
};

const found = new Map<string, boolean>();

/** @param program the name of a program, or of an entry of `probes` */
export function hasProgram(program: string): boolean {
  const probe = probes[program] ?? (() => succeeds('sh', '-c', 'command -v "$0"', program));
  const known = found.get(program) ?? probe();
  found.set(program, known);
  return known;
}

/** For tests that use other programs. @param kind the kind of test if nothing is missing */
export function testWith(programs: readonly string[], kind: MaybeTest = test): MaybeTest {
  const missing = programs.filter((name) => !hasProgram(name));
  return missing.length === 0 ? kind : skipped(`needs ${missing.join(' and ')}`);
}

/** For tests that give files to other users, and read them as those users. */
export const testAsRoot = testWith(['root']);
