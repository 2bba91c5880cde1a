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
