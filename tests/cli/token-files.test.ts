/**
 * Two consumers, each with a token file, and any sequence of commands, of which some are killed: a state machine.
 *
 * - After every `ensure` that ends with 0, the server accepts the token in its file.
 * - No command that ends with 0 leaves a consumer's file with a token that the server refuses from then on, unless the
 *   command was told to revoke this very token, or has warned of it.
 * - Who follows a hint does not make it worse.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { main } from '../../src/cli/main.js';
import { CHANGING_CALLS } from '../support/changing-calls.js';
import { systemError, watchedFileSystem } from '../support/faulty-file-system.js';
import { memoryIo } from '../support/memory-io.js';
import { runsOf } from '../support/thoroughness.js';

const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];
const [FILES, SERIES] = [
  ['one', 'two'],
  ['a', 'b'],
] as const;

interface Step {
  readonly command: 'create' | 'replace' | 'ensure' | 'rotate' | 'finish' | 'delete' | 'import';
  readonly series: string;
  /** The consumer whose token file is written, or whose token is imported. */
  readonly file: string | undefined;
  readonly env: boolean;
  /** After this many changing calls, none works any more, as if the process had been killed. */
  readonly killedAt: number | undefined;
  readonly followsHint: boolean;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  command: fc.constantFrom('create', 'replace', 'ensure', 'ensure', 'rotate', 'finish', 'delete', 'import'),
  series: fc.constantFrom(...SERIES),
  file: fc.option(fc.constantFrom(...FILES), { nil: undefined, freq: 3 }),
  env: fc.boolean(),
  killedAt: fc.option(fc.nat(25), { nil: undefined, freq: 2 }),
  followsHint: fc.boolean(),
});

class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'token-files-'));

  async run(args: readonly string[], stdin = '', killedAt?: number) {
    let changes = 0;
    const { fs } = watchedFileSystem({
      before: (_, name) => {
        if (killedAt !== undefined && CHANGING_CALLS.has(name) && ++changes > killedAt)
          throw systemError('EIO', name);
      },
    });
    const { io, written } = memoryIo({ cwd: this.dir, stdin });
    const status = await main([...args, '--file', 'service_tokens'], io, fs);
    return { status, ...written };
  }

  /** The text of a consumer's token; empty if there is none. */
  tokenIn(file: string): string {
    try {
      return readFileSync(join(this.dir, file), 'utf8').trim().replace(/^T=/, '');
    } catch {
      return '';
    }
  }

  /** The qualified names of the tokens that the consumers use and the server accepts, by file. */
  async accepted(): Promise<Map<string, string>> {
    const names = new Map<string, string>();
    for (const file of FILES) {
      const token = this.tokenIn(file);
      if (token === '') continue;
      const { status, stdout } = await this.run(['verify'], token);
      if (status === 0) names.set(file, stdout.trim());
    }
    return names;
  }

  close() {
    rmSync(this.dir, { recursive: true });
  }
}

function argsOf({ command, series, file, env }: Step): string[] {
  const output =
    file === undefined ? [] : ['--token-file', file, ...(env ? ['-o', 'env', '--env-name', 'T'] : [])];
  const name = ['elastic/kibana', series];
  switch (command) {
    case 'replace':
      return ['create', ...name, '--replace', ...output, ...CHEAP];
    case 'finish':
      return ['rotate', ...name, '--finish'];
    case 'delete':
      return ['delete', ...name];
    case 'import':
      return ['import', ...CHEAP];
    default:
      return [command, ...name, ...output, ...CHEAP];
  }
}

/** A hint's commands, of which the second is for consumers that do not use the newest token. */
function hintIn(stderr: string, uses: ReadonlyMap<string, string>): string[] | undefined {
  const newest = /use \[(\S+)\]/.exec(stderr)?.[1];
  const [finish, undo] = [...stderr.matchAll(/elasticsearch-service-tokens ([^;\n]+?)(?=[;\n])/g)];
  if (newest === undefined || finish === undefined || undo === undefined) return undefined;
  const users = [...uses.values()].filter(
    (name) => name.replace(/_r\d+$/, '') === newest.replace(/_r\d+$/, ''),
  );
  if (users.every((name) => name === newest)) return finish[1]?.split(' ');
  return users.includes(newest) ? undefined : undo[1]?.split(' ');
}

test('whatever is run, an ensured token is accepted, and no consumer is locked out without a word', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 8 }), async (steps) => {
      const world = new World();
      try {
        for (const step of steps) {
          if (step.command === 'ensure' && step.file === undefined) continue;
          const before = await world.accepted();
          const stdin = step.command === 'import' ? world.tokenIn(step.file ?? 'one') : '';
          const { status, stderr } = await world.run(argsOf(step), stdin, step.killedAt);
          const after = await world.accepted();
          if (step.command === 'ensure' && status === 0) expect([...after.keys()]).toContain(step.file);
          const isTold = ['replace', 'finish', 'delete'].includes(step.command);
          for (const [file, name] of before) {
            if (after.has(file) || status !== 0) continue;
            const isOfSeries = name.replace(/_r\d+$/, '') === `elastic/kibana/${step.series}`;
            const isSaid = stderr.includes(`old secret of [${name}]`);
            expect({ step, file, stderr, isExpected: isSaid || (isTold && isOfSeries) }).toMatchObject({
              isExpected: true,
            });
          }
          const hint = step.followsHint ? hintIn(stderr, after) : undefined;
          if (hint === undefined) continue;
          expect(await world.run(hint.slice(0, -2))).toMatchObject({ status: 0 });
          expect([...(await world.accepted())]).toEqual([...after]);
        }
        // However it went, every consumer gets a token that is accepted.
        for (const [i, file] of FILES.entries()) {
          const args = [
            'ensure',
            'elastic/kibana',
            SERIES[i] ?? '',
            '--token-file',
            file,
            '--force',
            ...CHEAP,
          ];
          expect(await world.run(args)).toMatchObject({ status: 0 });
        }
        expect([...(await world.accepted()).keys()]).toEqual([...FILES]);
      } finally {
        world.close();
      }
    }),
    { numRuns: runsOf(150, 15) },
  );
}, 600_000);
