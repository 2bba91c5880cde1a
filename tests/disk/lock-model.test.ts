/** docs/lock.pml: the model of the lock names functions of src, and spin proves what it claims. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectRoot } from '../support/fixtures.js';
import { testWith } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { testThoroughly } from '../support/thoroughness.js';

const MODEL = join(projectRoot, 'docs/lock.pml');
const directory = temporaryDirectory();

/** Makes the verifier and runs it. @param flags macros of the model @param how flags of the compiler and the verifier */
function verify(
  flags: readonly string[],
  how: { readonly compiler: string[]; readonly verifier: string[] },
): string {
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: directory.path, encoding: 'utf8' });
    expect(`${program}: ${status} ${stderr}`).toMatch(/: 0 /);
    return stdout;
  };
  run('spin', '-a', ...flags, MODEL);
  run('gcc', '-O2', '-w', '-DCOLLAPSE', '-DVECTORSZ=2048', ...how.compiler, '-o', 'verifier', 'pan.c');
  return run('./verifier', '-m1000000', ...how.verifier);
}

const SAFETY = { compiler: ['-DSAFETY'], verifier: [] };
const LIVENESS = { compiler: ['-DNFAIR=3'], verifier: ['-a', '-f'] };

describe('The model of the lock', () => {
  test('names functions of src', () => {
    const steps = [...readFileSync(MODEL, 'utf8').matchAll(/\/\* (#?\w+), ([\w-]+\.ts)/g)];
    expect(steps.length).toBeGreaterThan(20);
    const gone = steps.filter(([, name, file]) => {
      const source = readFileSync(join(projectRoot, 'src/disk', `${file}`), 'utf8');
      return !new RegExp(`(function |^ +(static )?)${name}(<\\w+>)?\\(`, 'm').test(source);
    });
    expect(gone.map(([step]) => step)).toEqual([]);
  });

  const testModel = testWith(['spin', 'gcc'], testThoroughly);

  testModel('loses no update and has no deadlock', () => {
    const answer = verify(['-DCHANGES=1', '-DCRASHES=1', '-DFREEZES=1'], SAFETY);
    expect(answer).toContain('errors: 0');
    process.stdout.write(`${/\d+ states, stored/.exec(answer)?.[0]}\n`);
  });

  testModel('lets every process have the lock', () => {
    expect(verify(['-DCHANGES=1', '-DCRASHES=0', '-DFREEZES=0', '-DLIVE'], LIVENESS)).toContain('errors: 0');
  });

  for (const fault of ['NO_ASSERT', 'NO_REMOVAL'])
    testModel(`loses an update with ${fault}`, () => {
      const answer = verify([`-D${fault}`, '-DCHANGES=1', '-DCRASHES=0', '-DFREEZES=1'], SAFETY);
      expect(answer).toContain('assertion violated (file==seen)');
    });
});
