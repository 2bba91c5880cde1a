import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

/** Returns `test`, or, if something is missing, a skipped test with the reason in its title. */
export type MaybeTest = (title: string, work: () => Promise<void> | void) => void;

export const isRoot = process.getuid?.() === 0;

/** For tests that give files to other users, and read them as those users. */
export const testAsRoot: MaybeTest = isRoot
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: needs root)`, () => {});

/** The command for a separate mount namespace; an ordinary user needs a user namespace, too. */
export const UNSHARE = ['unshare', isRoot ? '-m' : '-rm'] as const;

const hasMountNamespaces =
  spawnSync(UNSHARE[0], [UNSHARE[1], 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** For tests that mount file systems, invisible to other processes. */
export const testWithMounts: MaybeTest = hasMountNamespaces
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: needs mount namespaces)`, () => {});

/** On a minimal system, `man` only prints that manual pages are not installed. */
const hasMan = spawnSync('man', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('man ') ?? false;

/** For tests that read the manual page. */
export const testWithMan: MaybeTest = hasMan
  ? (title, work) => test(title, work)
  : (title) => test.skip(`${title} (skipped: needs man)`, () => {});

/** For tests that control another program. */
export function testWith(program: string, kind: MaybeTest = test): MaybeTest {
  return spawnSync(program, ['--version']).error === undefined
    ? (title, work) => kind(title, work)
    : (title) => test.skip(`${title} (skipped: needs ${program})`, () => {});
}
