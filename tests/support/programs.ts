/** The programs that tests use besides the tool, if they are installed. */
import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';
import type { MaybeTest } from './needs.js';

const succeeds = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

const isOnPath = (program: string) => succeeds('sh', '-c', 'command -v "$0"', program);

/** Commands that succeed if a program is installed. */
const probes = {
  'ansible-playbook': () => isOnPath('ansible-playbook'),
  curl: () => isOnPath('curl'),
  gcc: () => isOnPath('gcc'),
  'docker-compose': () => isOnPath('docker-compose'),
  'docker compose': () => succeeds('docker', 'compose', 'version'),
  jq: () => isOnPath('jq'),
  kubectl: () => isOnPath('kubectl'),
  'systemd-analyze': () => isOnPath('systemd-analyze'),
  spin: () => isOnPath('spin'),
  'python3-yaml': () => succeeds('/usr/bin/python3', '-c', 'import yaml'),
} as const satisfies Record<string, () => boolean>;

export type Program = keyof typeof probes;

const found = new Map<Program, boolean>();

export function hasProgram(name: Program): boolean {
  const known = found.get(name) ?? probes[name]();
  found.set(name, known);
  return known;
}

/** For tests that use other programs. @param kind the kind of test if nothing is missing */
export function testWith(
  programs: readonly Program[],
  kind: MaybeTest = (title, work) => test(title, work),
): MaybeTest {
  const missing = programs.filter((name) => !hasProgram(name));
  if (missing.length === 0) return kind;
  return (title) => test.skip(`${title} (skipped: needs ${missing.join(' and ')})`, () => {});
}
