/** The package, installed into an empty directory: what is in it, and that it can be run and typed; for acceptance. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { projectRoot } from './support/fixtures.js';
import { call, installPackage } from './support/installation.js';
import { testThoroughly as test } from './support/thoroughness.js'; // npm takes seconds

let directory: string;
let files: string[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'package-'));
  files = installPackage(directory);
});

afterAll(() => rmSync(directory, { recursive: true }));

test('it holds what is used, and nothing else', () => {
  expect(files.filter((name) => !/^docs\/|\.(code|d\.ts)$/.test(name))).toEqual([
    'LICENSE',
    'README.md',
    'bin/elasticsearch-service-tokens',
    'bin/load.js',
    'bin/package.json',
    ...['LICENSES.txt', 'bcryptjs.js', 'chalk.js', 'chokidar.js', 'index.js', 'package.json', 'yaml.js'].map(
      (name) => `dist/bundle/${name}`,
    ),
    'man/elasticsearch-service-tokens.1',
    'package.json',
  ]);
});

test('who installs it runs no script, of which npm would warn', () => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
  expect(files).toContain('docs/SECURITY.md'); // the README links to it
});

test('it contains the license of every package in it', () => {
  const installed = join(directory, 'node_modules/elasticsearch-service-tokens');
  const licences = readFileSync(join(installed, 'dist/bundle/LICENSES.txt'), 'utf8');
  const names = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+ \(\S+\)$/gm)].map(([, name]) => name);
  expect(names).toEqual(['bcryptjs', 'chalk', 'chokidar', 'commander', 'readdirp', 'yaml']);
});

test('its command runs', () => {
  const command = 'node_modules/.bin/elasticsearch-service-tokens';
  writeFileSync(join(directory, 'tokens'), 'elastic/kibana/a:{SHA}x\n');
  expect(call(command, ['list', '--file', 'tokens'], directory)).toBe('elastic/kibana/a\n');
});

test('import and require give the same classes', () => {
  const name = 'elasticsearch-service-tokens';
  const script = `import('${name}').then((all) => console.log(Object.keys(require('${name}')).every((key) => all[key] === require('${name}')[key])))`;
  expect(call(process.execPath, ['--eval', script], directory)).toBe('true\n');
});

const CODE = `
import { authenticate, checkTokensFile, FileFollower, parsePrincipal, parseTokenName, ServiceTokensError, ServiceTokensFile } from 'elasticsearch-service-tokens';
import type { Finding, Reload } from 'elasticsearch-service-tokens';

export async function use(): Promise<string> {
  const follower = await FileFollower.open('service_tokens', { onReload: ({ added }: Reload) => void added.length });
  const { findings } = await checkTokensFile('service_tokens');
  const codes = findings.map(({ code }: Finding) => code).filter((code) => code === 'DUPLICATE');
  const file = new ServiceTokensFile('service_tokens');
  const { token } = await file.create(parsePrincipal('elastic/kibana'), parseTokenName(codes.join()));
  // @ts-expect-error: a name is parsed first
  await file.delete('elastic/kibana', 'a').catch((error) => error instanceof ServiceTokensError && error.code);
  // @ts-expect-error: a bearer is decoded first
  await authenticate(token.bearer, follower.entries);
  return (await authenticate(token, follower.entries)) ?? token.bearer;
}
`;
/** For a program with the type AbortSignal. */
const SIGNALS = `
export const withSignal = (file: ServiceTokensFile) =>
  file.create(parsePrincipal('a/b'), parseTokenName('a'), { signal: AbortSignal.timeout(1) });
// @ts-expect-error: this is no signal
export const withNumber: Parameters<ServiceTokensFile['create']>[2] = { signal: 7 };
`;

for (const { file, code, ...options } of [
  { file: 'use.mts', code: CODE, module: 'nodenext', lib: ['es2023'] },
  { file: 'use.cts', code: CODE, module: 'node16', lib: ['es2023'] },
  { file: 'use.ts', code: CODE, module: 'esnext', moduleResolution: 'bundler', lib: ['es2023'] },
  { file: 'signals.mts', code: CODE + SIGNALS, module: 'nodenext', lib: ['es2023', 'dom'] },
]) {
  test(`its types need no other package: ${file}, ${options.module}, ${options.lib.join()}`, () => {
    // Without skipLibCheck, the declarations that are not public need @types/node.
    const compilerOptions = {
      ...options,
      target: 'es2023',
      types: [],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    writeFileSync(join(directory, file), code);
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
    expect(call(process.execPath, [compiler], directory)).toBe('');
  });
}
