/**
 * The whole table of attacks: `npm run acceptance`, or `npm run acceptance -- WORD...` for the groups whose titles
 * have these words. As root, on Linux; as anybody else it says that it was skipped.
 *
 * Printed is a line for each layout, the failures, and at the end how many attacks failed to harm, how many did not,
 * and how many the system forbids. One that harms is status 1.
 */
import { groups, Theatre, title } from './attacks/table.js';

const CORES = 2;
/** Of a kind of failure only the first few are worth a line. */
const SHOWN = 5;

const words = process.argv.slice(2);
if (process.getuid?.() === 0) process.exitCode = (await runAll()) ? 0 : 1;
else console.log('0 passed, 0 failed, all skipped: the attacks need root');

async function runAll(): Promise<boolean> {
  const queue = groups.filter((group) => words.every((word) => title(group).includes(word)));
  const total = { attacks: 0, impossible: 0, failures: 0 };
  const start = performance.now();
  const work = async () => {
    const theatre = new Theatre();
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
      const { attacks, impossible, failures } = await theatre.play(group);
      total.attacks += attacks;
      total.impossible += impossible;
      total.failures += failures.length;
      const seconds = Math.round((performance.now() - start) / 1000);
      console.log(`${seconds} s: ${title(group)}: ${attacks} attacks, ${failures.length} failures`);
      for (const failure of failures.slice(0, SHOWN)) console.log(`  FAILED ${failure}`);
    }
    await theatre.close();
  };
  await Promise.all(Array.from({ length: CORES }, work));
  console.log(
    `${total.attacks - total.failures} passed, ${total.failures} failed, ${total.impossible} skipped`,
  );
  return total.failures === 0;
}
