/** What --json prints is what docs/schemas says: every field that is printed is there, and every field there is printed. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lchownSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { commands } from '../../src/cli/commands/table.js';
import { main } from '../../src/cli/main.js';
import type { Io } from '../../src/cli/terminal.js';
import type { Finished } from '../support/commands.js';
import { projectRoot } from '../support/fixtures.js';
import { STRANGER } from '../support/layout.js';
import { memoryIo, runHere } from '../support/memory-io.js';
import { isRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const TOKEN = 'AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTpzdXBlcnNlY3JldA';
/** A token of an account that Elasticsearch 9.0 does not have any more. */
const WITHDRAWN = 'AAEAAWVsYXN0aWMvZW50ZXJwcmlzZS1zZWFyY2gtc2VydmVyL2E6c3VwZXJzZWNyZXQ=';
const ACCEPTED = `elastic/fleet-server/token1:{SHA}${createHash('sha1').update('supersecret').digest('base64')}\n`;
const BROKEN = 'broken\n';
const BCRYPT = `$2a$04$${'x'.repeat(53)}`;
const HASHES = `{SHA}x ${BCRYPT} {PBKDF2}1000$x$x {PBKDF2_STRETCH}1000$x$x {MD5}x {SSHA256}x plain`.split(
  ' ',
);
const LINES = HASHES.map((hash, i) => `elastic/kibana/${i}:${hash}\n`).join('');
const FAST = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=bcrypt4'];

/** Command lines by command, which work on the same files one after the other; standard input follows `<`. */
const lines: Readonly<Record<string, readonly string[]>> = {
  create: [
    'elastic/kibana a',
    'elastic/kibana a --if-not-exists',
    'elastic/kibana a --replace --token-file t',
  ],
  rotate: ['elastic/kibana 0', 'elastic/kibana 0 --finish', 'elastic/kibana 0 --token-file t'],
  ensure: ['a --token-file t', 'a --token-file t', '1 --token-file u'].map(
    (rest) => `elastic/kibana ${rest}`,
  ),
  list: ['', 'elastic/kibana'],
  delete: ['elastic/kibana/0 elastic/kibana/missing --ignore-not-found', 'elastic/kibana --all'],
  accounts: [''],
  verify: ['', '--es-version 7.13', '--es-version 9.4'].map(
    (version) => `--file accepted ${version} < ${TOKEN}`,
  ),
  inspect: [` < ${TOKEN}\nx\nAAEAAx`, ` < ${WITHDRAWN}`],
  check: ['', '--file missing', '--file broken', '--file open --fix'],
  export: [''],
  import: ['', '--if-not-exists', '--replace'].map((option) => `${option} < ${TOKEN}`),
  diff: ['tokens accepted', 'tokens changed'],
  watch: [''],
};

test('Every command that has --json has a schema, and lines that it is tried with', () => {
  const names = Object.keys(commands).filter((name) => commands[name]?.options['--json']);
  expect(Object.keys(lines).sort()).toEqual(names.toSorted());
  const files = readdirSync(join(projectRoot, 'docs/schemas'));
  expect(files.sort()).toEqual(names.map((name) => `${name}.json`).sort());
});

describe.each(Object.entries(lines))('%s', (name, own) => {
  test('prints the fields of its schema, and no others', async () => {
    const text = readFileSync(join(projectRoot, `docs/schemas/${name}.json`), 'utf8');
    const validate = new Ajv2020({ strictRequired: true }).compile(JSON.parse(text, withoutOtherFields));
    prepare();
    const seen = new Set<string>();
    for (const line of own) {
      for (const answer of await answers(name, line)) {
        validate(answer);
        expect({ line, errors: validate.errors }).toEqual({ line, errors: null });
        JSON.stringify(answer, (key, value) => seen.add(key) && value);
      }
    }
    const described = new Set<string>();
    JSON.parse(text, (key, value) => {
      if (key === 'properties') for (const field of Object.keys(value)) described.add(field);
      return value;
    });
    expect([...described].filter((field) => !seen.has(field))).toEqual([]);
  });
});

/** A schema lets fields be added; here an object may have only those of the schema. */
function withoutOtherFields(_: string, value: unknown): unknown {
  const isObject =
    typeof value === 'object' && value !== null && 'properties' in value && 'required' in value;
  return isObject ? { ...value, additionalProperties: false } : value;
}

/** Writes the files of the command lines. */
function prepare(): void {
  directory.write('service_tokens', LINES);
  directory.write('tokens', LINES);
  directory.write('changed', LINES.replace('{SHA}x', '{SHA}y').replace('/1:', '/9:'));
  directory.write('accepted', ACCEPTED);
  directory.write('broken', BROKEN);
  chmodSync(directory.write('open'), 0o666);
}

/** Runs a command line. @returns what it printed, line by line */
async function answers(name: string, line: string): Promise<unknown[]> {
  const [words = '', stdin = ''] = line.split(' < ');
  const argv = [name, '--json', ...words.split(' ').filter(Boolean)];
  if (['create', 'rotate', 'ensure', 'import'].includes(name)) argv.push(...FAST);
  const given = { cwd: directory.path, env: { ES_PATH_CONF: directory.path } };
  const { stdout, stderr } =
    name === 'watch' ? await watched(argv, given) : await runHere(argv, { ...given, stdin });
  expect({ line, stderr: stderr.match(/ERROR: .*/)?.[0] }).toEqual({ line, stderr: undefined });
  return stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
}

/** Runs `watch`; each event leads to the next change, and the last one to a signal. */
async function watched(argv: readonly string[], given: Pick<Io, 'cwd' | 'env'>): Promise<Finished> {
  const file = join(directory.path, 'service_tokens');
  const signal = new AbortController();
  const forbid = () => {
    if (!isRoot) return chmodSync(file, 0);
    rmSync(file);
    symlinkSync('elsewhere', file);
    lchownSync(file, STRANGER, STRANGER);
  };
  const steps = [
    () => writeFileSync(file, BROKEN),
    () => writeFileSync(file, LINES),
    forbid,
    () => signal.abort(),
  ];
  rmSync(file);
  const { io, written } = memoryIo({ ...given, interrupted: signal.signal });
  const write = async (text: string | Uint8Array) => {
    written.stdout += text;
    steps.shift()?.();
  };
  const status = await main(argv, { ...io, stdout: { isTTY: false, write } });
  return { ...written, status };
}
