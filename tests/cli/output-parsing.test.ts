/**
 * Public scripts parse the output of `create` in many ways. Each of them must extract exactly the bearer.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { BIN as bin } from '../support/commands.js';

jest.setTimeout(60_000); // Python and Node start slowly on a busy machine

const path = `${dirname(process.execPath)}:${process.env['PATH']}`;
const works = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const python = works('python3', '-c', '');
const pcre = works('bash', '-c', "echo a | grep -oP 'a'");
const script = works('bash', '-c', 'script --version | grep -q util-linux');

interface Parser {
  readonly pipeline: string;
  /** The missing program, if the parser cannot run here. */
  readonly missing?: string | undefined;
  /** Whether it removes the carriage return that a terminal adds. */
  readonly stripsReturn?: boolean;
}

const needsPcre = pcre ? undefined : 'grep -P';
const needsPython = python ? undefined : 'python3';

const parsers: readonly Parser[] = [
  { pipeline: "cut -d '=' -f2 | tr -d ' '" },
  { pipeline: "grep SERVICE_TOKEN | cut -d'=' -f2 | tr -d ' '" },
  { pipeline: "awk '{print $NF}'" },
  { pipeline: "grep '=' | awk '{print $NF}'" },
  { pipeline: "grep -oP '(?<=SERVICE_TOKEN elastic/kibana/parsed = ).*'", missing: needsPcre },
  { pipeline: "awk -F '= ' '/= /{print $2; exit}'" },
  { pipeline: "awk -F' = ' '{print $2}' | tr -d '\\r\\n '", stripsReturn: true },
  { pipeline: "awk -F' = ' '/^SERVICE_TOKEN/ {print $2}' | xargs" },
  { pipeline: "awk '{print $4}'" },
  { pipeline: "cut -d ' ' -f 4" },
  { pipeline: "grep -oP '=\\s*\\K.*' | tr -d ' '", missing: needsPcre },
  { pipeline: "awk -F'=' '{print $2}' | tr -d ' '" },
  {
    pipeline: `python3 -c 'import re, sys; print(re.search(r"(AAEAA[\\w+/=-]+)", sys.stdin.read()).group(1))'`,
    missing: needsPython,
    stripsReturn: true,
  },
  {
    pipeline: `python3 -c 'import sys; [print(line.split("=",1)[1].strip()) for line in sys.stdin]'`,
    missing: needsPython,
    stripsReturn: true,
  },
  { pipeline: `{ x=$(cat); echo "\${x##*= }"; }` },
  { pipeline: `{ x=$(cat); echo "\${x: -64}"; }` },
  { pipeline: "grep -oE '[A-Za-z0-9_-]{20,}' | head -1", stripsReturn: true },
];

let dir: string;

beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'output-parsing-'));
});

afterAll(() => {
  fs.rmSync(dir, { recursive: true });
});

/** Runs a line of bash in which `$create` creates a token elastic/kibana/parsed in a new directory. @returns its stdout */
function bash(line: string): string {
  const config = fs.mkdtempSync(join(dir, 'config-'));
  // The server runs as the user of the tests, so that there is no warning about access.
  const create = `'${bin}' create elastic/kibana parsed --server-user ${process.getuid?.()}`;
  const env = { PATH: path, ES_PATH_CONF: config, create, SHELL: '/bin/sh' };
  return execFileSync('bash', ['-c', line], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The result of `x=$(... | pipeline)` in a script. */
function parse(output: string, pipeline: string): string {
  const result = spawnSync('bash', ['-c', `x=$(${pipeline}); printf %s "$x"`], {
    input: output,
    encoding: 'utf8',
  });
  return result.stdout + result.stderr;
}

function bearerIn(output: string): string {
  const bearer = /^SERVICE_TOKEN elastic\/kibana\/parsed = (AAEAA[A-Za-z0-9]{59})$/m.exec(output.trim())?.[1];
  if (bearer === undefined) throw new Error(`create did not print one token line, but: ${output}`);
  return bearer;
}

function testParsers(parsersHere: readonly Parser[], output: () => string): void {
  for (const { pipeline, missing } of parsersHere) {
    if (missing === undefined) {
      test(pipeline, () => {
        expect(parse(output(), pipeline)).toBe(bearerIn(output()));
      });
    } else {
      test.skip(`${pipeline} (skipped: there is no ${missing} here)`, () => {});
    }
  }
}

describe.each([
  ['stdout', 'eval "$create"'],
  ['stdout and stderr together', 'eval "$create" 2>&1'],
])('the bearer is extracted from %s by', (_, line) => {
  let output = '';
  beforeAll(() => {
    output = bash(line);
  });

  testParsers(parsers, () => output);

  test('a base64 decoder, which finds the account, the name and a secret of 22 characters', () => {
    const decoded = Buffer.from(bearerIn(output), 'base64').toString('latin1');
    expect(decoded).toMatch(/^\0\x01\0\x01elastic\/kibana\/parsed:[A-Za-z0-9_-]{22}$/);
  });
});

const terminal =
  'with a terminal inside and a pipe outside (docker exec -it ... | awk), the bearer is extracted by';
if (script) {
  describe(terminal, () => {
    let output = '';
    beforeAll(() => {
      output = bash('script -qec "$create" /dev/null');
    });

    test('a parser that handles the carriage return of the terminal, the only difference', () => {
      expect(output).toBe(`SERVICE_TOKEN elastic/kibana/parsed = ${bearerIn(output)}\r\n`);
    });

    testParsers(
      parsers.filter(({ stripsReturn }) => stripsReturn),
      () => output,
    );
  });
} else {
  test.skip(`${terminal} ... (skipped: there is no script(1) of util-linux here)`, () => {});
}
