/** A sample of the attacks of `npm run acceptance`, always the same. */
import { afterAll, describe, expect, jest } from '@jest/globals';
import { layouts } from './attacks/layouts.js';
import { groups, Theatre, title } from './attacks/table.js';
import { testAsRoot } from './support/needs.js';

/** The sample takes one of this many groups of a layout, and one of this many rows of a group. */
const GROUPS = 43;
const ROWS = 47;

jest.setTimeout(60_000); // detecting a command that hangs takes time, and needs a new crew

const theatre = new Theatre();
afterAll(() => theatre.close());

describe('An attacker who can change the directory in which a command works does no harm', () => {
  for (const [index, layout] of layouts.entries()) {
    testAsRoot(`in ${layout.name}: ${layout.why}`, async () => {
      const sample = groups
        .filter((group) => group.layout === layout)
        .filter((_, number) => number % GROUPS === index % GROUPS);
      let attacks = 0;
      const harm: string[] = [];
      for (const [number, group] of sample.entries()) {
        const outcome = await theatre.play(group, (row) => row % ROWS === number % ROWS);
        attacks += outcome.attacks;
        harm.push(
          ...outcome.failures.map(({ where, move, what }) => `${title(group)}, ${where}: ${move}: ${what}`),
        );
      }
      expect(harm).toEqual([]);
      expect(attacks).toBeGreaterThan(0);
    });
  }
});
